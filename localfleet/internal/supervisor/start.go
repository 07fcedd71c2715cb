package supervisor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"trimtab.dev/localfleet/internal/controlplane"
)

const (
	probeInterval = 25 * time.Millisecond
	// A controller manager or the pods process that ends is started again this often before the fleet fails.
	maxRestarts  = 5
	restartDelay = time.Second
)

func (s *Supervisor) startEtcd() error {
	args := append([]string{"etcd"}, controlplane.EtcdFlags(s.config)...)
	if err := s.children.start(spec{name: "etcd", args: args, line: ignoreLine, ended: s.stop}); err != nil {
		return err
	}
	client := &http.Client{Timeout: time.Second}
	for {
		response, err := client.Get(s.config.EtcdURL() + "/health")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(probeInterval)
	}
}

// startAPIServerProcess hands the listeners of some clusters to a new process and closes them here: while
// that process is dead, connections must be refused, not left hanging.
func (s *Supervisor) startAPIServerProcess(name string, indexes []int, listeners []*net.TCPListener) error {
	args := []string{"apiservers", s.configPath}
	var files []*os.File
	for _, i := range indexes {
		file, err := listeners[i].File()
		if err != nil {
			return err
		}
		defer file.Close()
		defer listeners[i].Close()
		args = append(args, strconv.Itoa(i))
		files = append(files, file)
	}
	return s.children.start(spec{
		name:  name,
		args:  args,
		files: files,
		line:  s.onAPIServerLine,
		ended: func(err error) { s.onAPIServerEnded(name, err) },
	})
}

func (s *Supervisor) onAPIServerLine(line string) {
	c := s.clusterNamed(line, "ready ")
	if c == nil {
		return
	}
	c.server.open()
	if !s.isReady() {
		s.events.progress(fmt.Sprintf("API server %d is ready", c.index))
	}
	if !s.config.Clusters[c.index].Controllers {
		c.controllers.open()
		return
	}
	if err := s.startControllers(c.index, 0); err != nil {
		s.stop(err)
		return
	}
	go s.awaitControllers(c)
}

// onAPIServerEnded takes the unexpected death of a separate server as that cluster being down: somebody
// killed it by its process id.
func (s *Supervisor) onAPIServerEnded(name string, reason error) {
	if !s.isReady() || name == "apiservers" {
		s.stop(reason)
		return
	}
	index, err := strconv.Atoi(strings.TrimPrefix(name, "apiserver-"))
	if err != nil {
		s.stop(reason)
		return
	}
	s.markDown(index)
	s.children.kill(controllersName(index))
}

func (s *Supervisor) startControllers(index, restarts int) error {
	return s.children.start(spec{
		name: controllersName(index),
		args: append([]string{"kcm"}, controlplane.ControllerManagerFlags(s.config, index)...),
		line: ignoreLine,
		ended: func(err error) {
			s.restart(err, restarts, func() error {
				if s.isDown(index) {
					return nil
				}
				return s.startControllers(index, restarts+1)
			})
		},
	})
}

// awaitControllers waits for what only a working controller manager makes: the default ServiceAccount.
func (s *Supervisor) awaitControllers(c *cluster) {
	client, err := s.config.Client(c.index, "admin")
	if err != nil {
		s.stop(err)
		return
	}
	accounts := kubernetes.NewForConfigOrDie(client).CoreV1().ServiceAccounts("default")
	for {
		if _, err := accounts.Get(context.Background(), "default", meta.GetOptions{}); err == nil {
			c.controllers.open()
			return
		}
		time.Sleep(4 * probeInterval)
	}
}

func (s *Supervisor) startPods() error { return s.startPodsAgain(0) }

func (s *Supervisor) startPodsAgain(restarts int) error {
	return s.children.start(spec{
		name: "pods",
		args: []string{"pods", s.configPath},
		line: func(line string) {
			if c := s.clusterNamed(line, "watching "); c != nil {
				c.pods.open()
			}
		},
		ended: func(err error) {
			s.restart(err, restarts, func() error { return s.startPodsAgain(restarts + 1) })
		},
	})
}

func (s *Supervisor) restart(reason error, restarts int, again func() error) {
	fmt.Fprintln(os.Stderr, reason)
	if restarts >= maxRestarts {
		s.stop(reason)
		return
	}
	time.Sleep(restartDelay)
	if err := again(); err != nil {
		s.stop(err)
	}
}

func (s *Supervisor) clusterNamed(line, prefix string) *cluster {
	rest, found := strings.CutPrefix(line, prefix)
	index, err := strconv.Atoi(rest)
	if !found || err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clusters[index]
}

func ignoreLine(string) {}
