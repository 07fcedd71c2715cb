package controlplane

import (
	"crypto/tls"
	"net/http"
	"time"
)

const (
	probeInterval = 20 * time.Millisecond
	probeTimeout  = 2 * time.Second
)

// waitReady returns once the server answers 200. The address is a loopback port that this process itself
// serves, so that its certificate proves nothing.
func waitReady(url string) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: probeTimeout}
	for {
		response, err := client.Get(url)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(probeInterval)
	}
}
