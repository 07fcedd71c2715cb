// Package supervisor is the parent of every process of a fleet.
//
// It starts them in order (etcd, kube-apiservers, then each cluster's controller manager as soon as its
// server answers, and the pods process), tells the driver on stdout when everything is ready, and answers
// on a control endpoint afterwards. Nothing outlives it: its children have a parent-death signal, and it
// ends itself when stdin closes, which the kernel sees to even when the driver is killed.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"

	"trimtab.dev/localfleet/internal/config"
)

// errAsked ends a fleet without being a failure.
var errAsked = errors.New("asked to stop")

// Supervisor holds the state of one running fleet.
type Supervisor struct {
	config     *config.Config
	configPath string
	detach     bool
	children   *children
	events     *events
	// end receives why the fleet must end; only the first reason counts.
	end chan error

	mu       sync.Mutex
	clusters []*cluster
	ready    bool
	// operating serialises what the control endpoint does to clusters.
	operating sync.Mutex
}

// Run runs `localfleet up CONFIG [--detach]` until the fleet ends.
//
// With --detach the end of stdin counts only until the fleet is ready: a start that is interrupted leaves
// nothing behind, a fleet that is up stays up.
func Run(args []string) error {
	c, err := config.Load(args[0])
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
	s := &Supervisor{
		config: c,
		detach: slices.Contains(args[1:], "--detach"),
		events: &events{out: os.Stdout},
		end:    make(chan error, 1),
	}
	s.children = newChildren(filepath.Join(c.Dir, "logs"))
	go s.watchStdin()
	go s.watchSignals()
	go func() {
		if err := s.bringUp(); err != nil {
			s.stop(err)
		}
	}()
	return s.tearDown(<-s.end)
}

func (s *Supervisor) stop(reason error) {
	select {
	case s.end <- reason:
	default:
	}
}

func (s *Supervisor) tearDown(reason error) error {
	s.children.killAll()
	if s.config.Ephemeral {
		os.RemoveAll(s.config.Dir)
	}
	if errors.Is(reason, errAsked) {
		return nil
	}
	s.events.failed(reason)
	return reason
}

func (s *Supervisor) watchStdin() {
	io.Copy(io.Discard, os.Stdin)
	if s.detach && s.isReady() {
		return
	}
	s.stop(errAsked)
}

func (s *Supervisor) watchSignals() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
	s.stop(errAsked)
}

func (s *Supervisor) isReady() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready
}

// bringUp starts everything and reports readiness.
func (s *Supervisor) bringUp() error {
	listeners, err := s.choosePorts()
	if err != nil {
		return err
	}
	control, err := s.serveControl()
	if err != nil {
		return err
	}
	s.events.progress("starting etcd")
	if err := s.startEtcd(); err != nil {
		return err
	}
	s.events.progress(fmt.Sprintf("starting %d API servers", len(s.clusters)))
	if err := s.startAPIServers(listeners); err != nil {
		return err
	}
	for _, cluster := range s.clusters {
		<-cluster.server.done
	}
	if err := s.startPods(); err != nil {
		return err
	}
	s.events.progress("waiting for the controllers")
	for _, cluster := range s.clusters {
		cluster.waitReady(context.Background())
	}
	s.mu.Lock()
	s.ready = true
	s.mu.Unlock()
	s.events.ready(control, s.config)
	return nil
}

// choosePorts fills in every port, and writes the kubeconfigs and the configuration that depend on them.
func (s *Supervisor) choosePorts() ([]*net.TCPListener, error) {
	listeners := make([]*net.TCPListener, len(s.config.Clusters))
	for i := range s.config.Clusters {
		listener, err := config.Listen()
		if err != nil {
			return nil, err
		}
		listeners[i] = listener
		s.config.Clusters[i].Port = config.PortOf(listener)
		s.clusters = append(s.clusters, newCluster(i))
		for _, user := range []string{"admin", "kcm"} {
			if err := s.config.WriteKubeconfig(i, user); err != nil {
				return nil, err
			}
		}
	}
	for _, port := range []*int{&s.config.EtcdPort, &s.config.EtcdPeerPort} {
		// etcd opens its ports itself; these are held only to be chosen among free ones.
		listener, err := config.Listen()
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		*port = config.PortOf(listener)
	}
	var err error
	s.configPath, err = s.config.Save()
	return listeners, err
}

// startAPIServers starts one process for all servers that need not die alone, and one for each other.
func (s *Supervisor) startAPIServers(listeners []*net.TCPListener) error {
	var shared []int
	for i, cluster := range s.config.Clusters {
		if !cluster.Separate {
			shared = append(shared, i)
		}
	}
	if len(shared) > 0 {
		if err := s.startAPIServerProcess("apiservers", shared, listeners); err != nil {
			return err
		}
	}
	for i, cluster := range s.config.Clusters {
		if cluster.Separate {
			if err := s.startAPIServerProcess(apiServerName(i), []int{i}, listeners); err != nil {
				return err
			}
		}
	}
	return nil
}

func apiServerName(index int) string { return "apiserver-" + strconv.Itoa(index) }

func controllersName(index int) string { return "controllers-" + strconv.Itoa(index) }
