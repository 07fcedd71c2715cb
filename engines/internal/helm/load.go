package helm

import (
	"bytes"
	"path"
	"strings"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/ignore"

	"trimtab.dev/engines/internal/files"
	"trimtab.dev/engines/internal/worker"
)

const (
	// maxChartBytes bounds all files of a chart together, as Helm itself does for archives.
	maxChartBytes = 100 << 20
	// maxChartFiles bounds their number; a loop of symlinks ends here.
	maxChartFiles = 20_000
	maxChartDepth = 40
)

var byteOrderMark = []byte{0xef, 0xbb, 0xbf}

// load reads a chart from a folder or an archive below the root. Unlike the SDK's own loader it
// never follows a symlink out of the root.
func load(root *files.Root, name string) (*chart.Chart, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	clean, err := root.Clean(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		content, err := root.ReadFile(clean)
		if err != nil {
			return nil, err
		}
		loaded, err := loader.LoadArchive(bytes.NewReader(content))
		if err != nil {
			return nil, worker.Wrap(worker.Render, err)
		}
		return loaded, nil
	}
	walk := &chartWalk{root: root, dir: clean, rules: ignore.Empty(), remaining: maxChartBytes}
	if err := walk.run(); err != nil {
		return nil, err
	}
	root.RecordTree(clean)
	loaded, err := loader.LoadFiles(walk.found)
	if err != nil {
		return nil, worker.Wrap(worker.Render, err)
	}
	return loaded, nil
}

// chartWalk collects the files of a chart's folder in the SDK's order, honouring .helmignore.
type chartWalk struct {
	root      *files.Root
	dir       string
	rules     *ignore.Rules
	found     []*archive.BufferedFile
	remaining int64
}

func (w *chartWalk) run() error {
	rules, err := w.root.ReadFile(path.Join(w.dir, ignore.HelmIgnore))
	if err == nil {
		if w.rules, err = ignore.Parse(bytes.NewReader(rules)); err != nil {
			return worker.Fail(worker.Render, "%s: %v", ignore.HelmIgnore, err)
		}
	} else if worker.Wrap(worker.Render, err).Code != worker.NotFound {
		return err
	}
	w.rules.AddDefaults()
	return w.walk("", 0)
}

func (w *chartWalk) walk(below string, depth int) error {
	if depth > maxChartDepth {
		return worker.Fail(worker.TooLarge, "chart folders are nested more than %d deep", maxChartDepth)
	}
	entries, err := w.root.ReadDir(path.Join(w.dir, below))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := w.visit(path.Join(below, entry.Name()), depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *chartWalk) visit(name string, depth int) error {
	full := path.Join(w.dir, name)
	info, err := w.root.Stat(full)
	if err != nil {
		return err
	}
	if w.rules.Ignore(name, info) {
		return nil
	}
	if info.IsDir() {
		return w.walk(name, depth+1)
	}
	content, err := w.root.ReadFile(full)
	if err != nil {
		return err
	}
	w.remaining -= int64(len(content))
	if w.remaining < 0 || len(w.found) >= maxChartFiles {
		return worker.Fail(worker.TooLarge, "the chart has more than %d bytes or %d files", maxChartBytes, maxChartFiles)
	}
	w.found = append(w.found, &archive.BufferedFile{
		Name: strings.TrimPrefix(name, "/"), Data: bytes.TrimPrefix(content, byteOrderMark),
	})
	return nil
}
