// Command localfleet runs real Kubernetes control planes on one machine: one etcd, a kube-apiserver and a
// kube-controller-manager for each cluster, and a stand-in for the kubelets.
//
// `localfleet up` is the parent of all of them and the only part that others talk to; the remaining
// sub-commands are what it starts.
package main

import (
	"fmt"
	"os"

	_ "k8s.io/component-base/metrics/prometheus/clientgo"

	"trimtab.dev/localfleet/internal/controlplane"
	"trimtab.dev/localfleet/internal/pods"
	"trimtab.dev/localfleet/internal/supervisor"
)

const usage = `usage: localfleet up CONFIG [--detach]
       localfleet etcd FLAGS...
       localfleet apiservers CONFIG INDEX...
       localfleet kcm FLAGS...
       localfleet pods CONFIG`

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "localfleet "+os.Args[1]+":", err)
		os.Exit(1)
	}
}

func run(command string, args []string) error {
	switch command {
	case "up":
		return supervisor.Run(args)
	case "etcd":
		controlplane.RunEtcd(args)
		return nil
	case "apiservers":
		return controlplane.RunAPIServers(args)
	case "kcm":
		return controlplane.RunControllerManager(args)
	case "pods":
		return pods.Run(args)
	default:
		return fmt.Errorf("unknown sub-command\n%s", usage)
	}
}
