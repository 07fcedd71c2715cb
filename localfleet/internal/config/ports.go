package config

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports are taken from below the kernel's ephemeral range, so that no outgoing connection of another
// process can occupy the port of a kube-apiserver that is down for a while.
const (
	lowestPort  = 20000
	highestPort = 32000
	attempts    = 500
)

// Listen opens a listener on a free loopback port. It is handed to the child that serves on it: between
// choosing a port and serving on it, nobody else can take it.
func Listen() (*net.TCPListener, error) {
	for range attempts {
		l, err := ListenOn(lowestPort + rand.IntN(highestPort-lowestPort))
		if err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("no free port on 127.0.0.1 between %d and %d", lowestPort, highestPort)
}

// ListenOn opens a listener on a given loopback port.
func ListenOn(port int) (*net.TCPListener, error) {
	return net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
}

// PortOf returns the port of a listener.
func PortOf(l *net.TCPListener) int {
	return l.Addr().(*net.TCPAddr).Port
}
