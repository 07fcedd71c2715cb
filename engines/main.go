// Command trimtab-engines renders manifests with the field's own libraries. It answers requests on
// its standard input and ends when that closes; see docs/reference/engines.md.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"os"
	"runtime/debug"

	"trimtab.dev/engines/internal/directory"
	"trimtab.dev/engines/internal/helm"
	"trimtab.dev/engines/internal/kustomize"
	"trimtab.dev/engines/internal/manifests"
	"trimtab.dev/engines/internal/normalise"
	"trimtab.dev/engines/internal/scripts"
	"trimtab.dev/engines/internal/versions"
	"trimtab.dev/engines/internal/worker"
)

func main() {
	memory := flag.Uint64("memory-bytes", 0, "limit of this process's data segment; 0 means none")
	gc := flag.Int("gc-percent", 400, "heap growth, in percent, between garbage collections")
	flag.Parse()
	debug.SetGCPercent(*gc)
	if err := worker.LimitMemory(*memory); err != nil {
		fmt.Fprintln(os.Stderr, "trimtab-engines: memory limit:", err)
		os.Exit(2)
	}
	// The libraries narrate; whoever reads stderr wants to see crashes only.
	log.SetOutput(io.Discard)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	worker.Isolate()
	if err := worker.Serve(os.Stdin, os.Stdout, methods()); err != nil {
		fmt.Fprintln(os.Stderr, "trimtab-engines:", err)
		os.Exit(1)
	}
}

func methods() worker.Methods {
	all := worker.Methods{}
	for _, group := range []worker.Methods{
		manifests.Methods(), directory.Methods(), helm.Methods(), kustomize.Methods(),
		scripts.Methods(), versions.Methods(), normalise.Methods(),
	} {
		maps.Copy(all, group)
	}
	return all
}
