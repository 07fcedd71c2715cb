// Package config is the contract between the driver, the supervisor and its children: one JSON file that
// names the clusters, and a fixed layout of files beside it.
package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Config describes one fleet. The driver writes it; the supervisor fills in the ports and writes it again
// for its children.
type Config struct {
	// Dir holds everything that belongs to the run. Certificates are there before the start.
	Dir string `json:"dir"`
	// ControlToken is the bearer token of the supervisor's control endpoint.
	ControlToken string `json:"controlToken"`
	// Ephemeral makes the supervisor remove Dir when the fleet ends.
	Ephemeral bool      `json:"ephemeral"`
	Clusters  []Cluster `json:"clusters"`
	// EtcdPort and EtcdPeerPort are chosen by the supervisor.
	EtcdPort     int `json:"etcdPort,omitempty"`
	EtcdPeerPort int `json:"etcdPeerPort,omitempty"`
}

// Cluster is one control plane.
type Cluster struct {
	Index int `json:"index"`
	// Separate gives the kube-apiserver a process of its own, so that it can be killed alone.
	Separate    bool   `json:"separate"`
	Controllers bool   `json:"controllers"`
	Token       string `json:"token"`
	// Port is chosen by the supervisor and kept for the run.
	Port int `json:"port,omitempty"`
}

// Load reads a configuration file.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &Config{}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i, cluster := range c.Clusters {
		if cluster.Index != i {
			return nil, fmt.Errorf("%s: cluster %d has index %d", path, i, cluster.Index)
		}
	}
	return c, nil
}

// Save writes the configuration where the children read it, and returns that path.
func (c *Config) Save() (string, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	path := filepath.Join(c.Dir, "running.json")
	return path, os.WriteFile(path, data, 0o600)
}

// EtcdURL is where the API servers find etcd.
func (c *Config) EtcdURL() string {
	return fmt.Sprintf("http://127.0.0.1:%d", c.EtcdPort)
}

// Server is the address of a cluster's kube-apiserver.
func (c *Config) Server(index int) string {
	return fmt.Sprintf("https://127.0.0.1:%d", c.Clusters[index].Port)
}

// File is the path of one of a cluster's files: ca.crt, server.key, admin.kubeconfig and so on.
func (c *Config) File(index int, name string) string {
	return filepath.Join(c.Dir, "clusters", strconv.Itoa(index), name)
}
