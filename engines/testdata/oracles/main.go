// Command oracles is the helm and the kustomize command-line tool in one binary, built from their own
// modules: contract tests compare the engines' results with theirs.
package main

import (
	"fmt"
	"os"

	helm "helm.sh/helm/v4/pkg/cmd"
	kustomize "sigs.k8s.io/kustomize/kustomize/v5/commands"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(tool string, arguments []string) error {
	if tool == "kustomize" {
		command := kustomize.NewDefaultCommand()
		command.SetArgs(arguments)
		return command.Execute()
	}
	command, err := helm.NewRootCmd(os.Stdout, arguments, helm.SetupLogging)
	if err != nil {
		return err
	}
	command.SetArgs(arguments)
	return command.Execute()
}
