// Package controlplane runs the stock Kubernetes servers inside this binary, each as a sub-command.
package controlplane

import "go.etcd.io/etcd/server/v3/etcdmain"

// RunEtcd runs etcd with its own flags until the process is killed.
func RunEtcd(args []string) {
	etcdmain.Main(append([]string{"etcd"}, args...))
}
