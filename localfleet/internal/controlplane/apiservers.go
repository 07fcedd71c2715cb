package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"

	"trimtab.dev/localfleet/internal/config"
)

const (
	// firstListener is the first inherited file descriptor: one listener for each index, in order.
	firstListener = 3
	// startedTogether kube-apiservers start at a time: two saturate two cores, more only delay the first.
	startedTogether = 2
)

var globalsOnce sync.Once

// RunAPIServers runs the kube-apiservers of the given clusters in this process. It prints "ready INDEX" on
// stdout as each becomes ready, and returns when one of them ends.
func RunAPIServers(args []string) error {
	c, err := config.Load(args[0])
	if err != nil {
		return err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	turn := make(chan struct{}, startedTogether)
	ended := make(chan error)
	for position, arg := range args[1:] {
		index, err := strconv.Atoi(arg)
		if err != nil {
			return err
		}
		listener, err := inheritedListener(position)
		if err != nil {
			return err
		}
		go func() {
			turn <- struct{}{}
			go announceReady(c, index, turn)
			ended <- fmt.Errorf("cluster %d: %w", index, runAPIServer(c, index, listener))
		}()
	}
	return <-ended
}

func inheritedListener(position int) (net.Listener, error) {
	file := os.NewFile(uintptr(firstListener+position), "listener")
	defer file.Close()
	return net.FileListener(file)
}

func announceReady(c *config.Config, index int, turn <-chan struct{}) {
	waitReady(c.Server(index) + "/readyz")
	fmt.Println("ready", index)
	<-turn
}

func runAPIServer(c *config.Config, index int, listener net.Listener) error {
	ctx := context.Background()
	o := options.NewServerRunOptions()
	flags := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	for _, f := range o.Flags().FlagSets {
		flags.AddFlagSet(f)
	}
	if err := flags.Parse(apiServerFlags(c, index)); err != nil {
		return err
	}
	o.SecureServing.Listener = listener
	var err error
	globalsOnce.Do(func() { err = o.GenericServerRunOptions.ComponentGlobalsRegistry.Set() })
	if err != nil {
		return err
	}
	completed, err := o.Complete(ctx)
	if err != nil {
		return err
	}
	if errs := completed.Validate(); len(errs) != 0 {
		return errors.Join(errs...)
	}
	// Informer metrics are global: without a name of its own, the second server refuses to start.
	name := fmt.Sprintf("kube-apiserver-%d", index)
	if completed.InformerName, err = cache.NewInformerName(name); err != nil {
		return err
	}
	return app.Run(ctx, completed)
}
