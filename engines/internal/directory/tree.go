package directory

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"trimtab.dev/engines/internal/files"
	"trimtab.dev/engines/internal/worker"
)

// tree is where the files of a directory source come from: the disk, or the request itself.
type tree interface {
	// list returns the files below the source's directory in the order of a directory walk, paths
	// relative to the tree's root.
	list(dir string, recurse bool) ([]file, error)
	// read returns the content of a file, path relative to the tree's root.
	read(name string) ([]byte, error)
}

type file struct {
	path string // relative to the tree's root
	link bool
}

// diskTree reads a private directory.
type diskTree struct{ root *files.Root }

func (t diskTree) list(dir string, recurse bool) ([]file, error) {
	entries, err := t.root.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []file
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		if !entry.IsDir() {
			found = append(found, file{path: name, link: entry.Type()&fs.ModeSymlink != 0})
			continue
		}
		if !recurse {
			continue
		}
		below, err := t.list(name, recurse)
		if err != nil {
			return nil, err
		}
		found = append(found, below...)
	}
	return found, nil
}

func (t diskTree) read(name string) ([]byte, error) { return t.root.ReadFile(name) }

// inlineTree holds files that the caller read from Git and never wrote to disk.
type inlineTree map[string][]byte

func (t inlineTree) list(dir string, recurse bool) ([]file, error) {
	var names [][]string
	for name := range t {
		relative, inside := below(dir, name)
		if inside && (recurse || !strings.Contains(relative, "/")) {
			names = append(names, strings.Split(name, "/"))
		}
	}
	// By path components: a walk enters "a/" before it meets "a.yaml".
	slices.SortFunc(names, slices.Compare)
	found := make([]file, 0, len(names))
	for _, parts := range names {
		found = append(found, file{path: strings.Join(parts, "/")})
	}
	return found, nil
}

func (t inlineTree) read(name string) ([]byte, error) {
	content, present := t[name]
	if !present {
		return nil, worker.Fail(worker.NotFound, "%s does not exist", name)
	}
	return content, nil
}

// below returns name relative to dir, and whether it lies in it.
func below(dir, name string) (string, bool) {
	if dir == "." {
		return name, true
	}
	return strings.CutPrefix(name, dir+"/")
}
