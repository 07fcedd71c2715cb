package supervisor

import (
	"context"
	"sync"
)

// cluster is what is known about one control plane's readiness. It is replaced when the cluster starts
// again, so that a late report about its former life counts for nothing.
type cluster struct {
	index                     int
	server, controllers, pods gate
	down                      bool
}

func newCluster(index int) *cluster {
	return &cluster{index: index, server: newGate(), controllers: newGate(), pods: newGate()}
}

// waitReady returns false if the context ends first.
func (c *cluster) waitReady(ctx context.Context) bool {
	for _, g := range []gate{c.server, c.controllers, c.pods} {
		select {
		case <-g.done:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (c *cluster) phase() string {
	switch {
	case c.down:
		return "down"
	case c.server.isOpen() && c.controllers.isOpen() && c.pods.isOpen():
		return "ready"
	default:
		return "starting"
	}
}

// gate opens once and stays open.
type gate struct {
	done chan struct{}
	once *sync.Once
}

func newGate() gate { return gate{done: make(chan struct{}), once: &sync.Once{}} }

func (g gate) open() { g.once.Do(func() { close(g.done) }) }

func (g gate) isOpen() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}
