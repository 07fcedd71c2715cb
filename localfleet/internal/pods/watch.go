// Package pods plays the kubelets of all clusters: it watches pods and reports for each the status that a
// kubelet would report. No container runs.
package pods

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"trimtab.dev/localfleet/internal/config"
)

const (
	// fieldManager owns what this process writes, as a real kubelet's would.
	fieldManager = "kubelet"
	// concurrentPatches bounds the requests in flight to one cluster.
	concurrentPatches = 16
	retryAfter        = 300 * time.Millisecond
)

// Run watches the pods of every cluster of a configuration until the process is killed. It prints
// "watching INDEX" on stdout each time a cluster's watch begins.
func Run(args []string) error {
	c, err := config.Load(args[0])
	if err != nil {
		return err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	for i := range c.Clusters {
		client, err := c.Client(i, "admin")
		if err != nil {
			return err
		}
		client.ContentType = "application/vnd.kubernetes.protobuf"
		set, err := kubernetes.NewForConfig(client)
		if err != nil {
			return err
		}
		k := &kubelets{index: i, client: set, slots: make(chan struct{}, concurrentPatches)}
		go k.run(context.Background())
	}
	select {}
}

// kubelets are those of one cluster.
type kubelets struct {
	index  int
	client kubernetes.Interface
	slots  chan struct{}
}

func (k *kubelets) run(ctx context.Context) {
	for {
		// A cluster that is down is the expected case: the test killed it.
		if err := k.follow(ctx); err != nil {
			fmt.Fprintf(os.Stderr, "cluster %d: %v\n", k.index, err)
		}
		time.Sleep(retryAfter)
	}
}

// follow lists all pods and then watches them, until the watch ends.
func (k *kubelets) follow(ctx context.Context) error {
	all := k.client.CoreV1().Pods(meta.NamespaceAll)
	list, err := all.List(ctx, meta.ListOptions{})
	if err != nil {
		return err
	}
	watcher, err := all.Watch(ctx, meta.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		return err
	}
	defer watcher.Stop()
	fmt.Println("watching", k.index)
	for i := range list.Items {
		k.handle(ctx, &list.Items[i])
	}
	for event := range watcher.ResultChan() {
		pod, isPod := event.Object.(*core.Pod)
		if !isPod {
			return fmt.Errorf("watch ended: %v", event.Object)
		}
		if event.Type != watch.Deleted {
			k.handle(ctx, pod)
		}
	}
	return nil
}

func (k *kubelets) handle(ctx context.Context, pod *core.Pod) {
	next := nextStep(pod)
	if next.stage == keep {
		return
	}
	time.AfterFunc(next.after, func() {
		k.slots <- struct{}{}
		defer func() { <-k.slots }()
		if err := k.report(ctx, pod, next.stage); err != nil {
			fmt.Fprintf(os.Stderr, "cluster %d: pod %s/%s: %v\n", k.index, pod.Namespace, pod.Name, err)
		}
	})
}

// report patches the status of exactly the state that was seen. If the pod has changed since, or is another
// one by the same name, the server refuses, and the change's own event decides anew.
func (k *kubelets) report(ctx context.Context, pod *core.Pod, s stage) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": pod.UID, "resourceVersion": pod.ResourceVersion},
		"status":   statusFor(pod, s, meta.Now()),
	})
	if err != nil {
		return err
	}
	// A merge patch, not a strategic one: conditions are replaced as a whole, old reasons included.
	_, err = k.client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch,
		meta.PatchOptions{FieldManager: fieldManager}, "status")
	if errors.IsConflict(err) || errors.IsNotFound(err) {
		return nil
	}
	return err
}
