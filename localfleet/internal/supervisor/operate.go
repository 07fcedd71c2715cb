package supervisor

import (
	"context"
	"fmt"
	"net"
	"time"

	"trimtab.dev/localfleet/internal/config"
)

// portReturns bounds how long a restarted server waits for its own port.
const portReturns = 10 * time.Second

// killCluster kills a separate kube-apiserver and its controller manager.
func (s *Supervisor) killCluster(index int) error {
	s.operating.Lock()
	defer s.operating.Unlock()
	if !s.config.Clusters[index].Separate {
		return fmt.Errorf("cluster %d shares its API server process with others and cannot be killed alone; "+
			"list it as separate when the fleet is started", index)
	}
	s.markDown(index)
	s.children.kill(apiServerName(index))
	s.children.kill(controllersName(index))
	return nil
}

// startCluster starts a killed cluster on its old port and returns when it is ready. Its objects are in
// etcd, which was never down.
func (s *Supervisor) startCluster(ctx context.Context, index int) error {
	s.operating.Lock()
	defer s.operating.Unlock()
	if !s.isDown(index) {
		return fmt.Errorf("cluster %d is not down", index)
	}
	listener, err := listenAgain(ctx, s.config.Clusters[index].Port)
	if err != nil {
		return err
	}
	fresh := newCluster(index)
	s.mu.Lock()
	s.clusters[index] = fresh
	s.mu.Unlock()
	listeners := make([]*net.TCPListener, index+1)
	listeners[index] = listener
	if err := s.startAPIServerProcess(apiServerName(index), []int{index}, listeners); err != nil {
		return err
	}
	if !fresh.waitReady(ctx) {
		return fmt.Errorf("cluster %d did not become ready: %w", index, ctx.Err())
	}
	return nil
}

func listenAgain(ctx context.Context, port int) (*net.TCPListener, error) {
	deadline := time.Now().Add(portReturns)
	for {
		listener, err := config.ListenOn(port)
		if err == nil || time.Now().After(deadline) || ctx.Err() != nil {
			return listener, err
		}
		time.Sleep(probeInterval)
	}
}

func (s *Supervisor) markDown(index int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clusters[index].down = true
}

func (s *Supervisor) isDown(index int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clusters[index].down
}
