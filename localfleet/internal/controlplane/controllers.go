package controlplane

import kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"

// RunControllerManager runs one kube-controller-manager with its own flags. Several in one process share
// global state and do not work.
func RunControllerManager(args []string) error {
	cmd := kcm.NewControllerManagerCommand()
	cmd.SetArgs(args)
	return cmd.Execute()
}
