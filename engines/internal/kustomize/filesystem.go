package kustomize

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"trimtab.dev/engines/internal/files"
	"trimtab.dev/engines/internal/worker"
)

// mount is where kustomize sees the repository: its messages then show paths of the repository, and
// none of this machine.
const mount = "/repository"

// boundedFS shows kustomize the repository, read only. Writes go to an overlay in memory, so that the
// edits of the kustomization file never reach the disk.
type boundedFS struct {
	root    *files.Root
	work    string // directory, relative to the root, that relative paths start from
	overlay map[string][]byte
}

var errReadOnly = errors.New("the repository is read only")

// relative maps a path as kustomize writes it to one relative to the root.
func (f *boundedFS) relative(name string) (string, error) {
	if !path.IsAbs(name) {
		return f.root.Clean(path.Join(f.work, name))
	}
	clean := path.Clean(name)
	if clean == mount {
		return ".", nil
	}
	below, inside := strings.CutPrefix(clean, mount+"/")
	if !inside {
		return "", worker.Fail(worker.Forbidden, "%s leaves the repository", name)
	}
	return f.root.Clean(below)
}

func (f *boundedFS) stat(name string) (fs.FileInfo, error) {
	relative, err := f.relative(name)
	if err != nil {
		return nil, err
	}
	return f.root.Stat(relative)
}

func (f *boundedFS) IsDir(name string) bool {
	info, err := f.stat(name)
	return err == nil && info.IsDir()
}

func (f *boundedFS) Exists(name string) bool {
	_, err := f.stat(name)
	return err == nil
}

// CleanedAbs splits a path, symlinks followed, into its directory and its file.
func (f *boundedFS) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	relative, err := f.relative(name)
	if err != nil {
		return "", "", err
	}
	real, err := f.root.Resolve(relative)
	if err != nil {
		return "", "", err
	}
	info, err := f.root.Stat(real)
	if err != nil {
		return "", "", err
	}
	absolute := path.Join(mount, real)
	if info.IsDir() {
		return filesys.ConfirmedDir(absolute), "", nil
	}
	return filesys.ConfirmedDir(path.Dir(absolute)), path.Base(absolute), nil
}

func (f *boundedFS) ReadFile(name string) ([]byte, error) {
	relative, err := f.relative(name)
	if err != nil {
		return nil, err
	}
	if edited, isEdited := f.overlay[relative]; isEdited {
		return edited, nil
	}
	return f.root.ReadFile(relative)
}

// WriteFile keeps the content for later reads; the file on disk must exist and stays as it is.
func (f *boundedFS) WriteFile(name string, content []byte) error {
	relative, err := f.relative(name)
	if err != nil {
		return err
	}
	f.overlay[relative] = content
	return nil
}

func (f *boundedFS) ReadDir(name string) ([]string, error) {
	relative, err := f.relative(name)
	if err != nil {
		return nil, err
	}
	entries, err := f.root.ReadDir(relative)
	if err != nil {
		return nil, err
	}
	f.root.RecordTree(relative)
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, nil
}

// Glob matches within the repository; a pattern without meta characters is a test for existence.
func (f *boundedFS) Glob(pattern string) ([]string, error) {
	if !strings.ContainsAny(pattern, `*?[\`) {
		if f.Exists(pattern) {
			return []string{pattern}, nil
		}
		return nil, nil
	}
	dir, last := path.Split(pattern)
	if strings.ContainsAny(dir, `*?[\`) {
		return nil, worker.Fail(worker.Invalid, "pattern %s: only the last part may have wildcards", pattern)
	}
	names, err := f.ReadDir(path.Clean("./" + dir))
	if path.IsAbs(dir) {
		names, err = f.ReadDir(path.Clean(dir))
	}
	if err != nil {
		return nil, nil //nolint:nilerr // as filepath.Glob: what cannot be listed matches nothing
	}
	var matches []string
	for _, name := range names {
		matched, err := path.Match(last, name)
		if err != nil {
			return nil, err
		}
		if matched {
			matches = append(matches, dir+name)
		}
	}
	return matches, nil
}

func (f *boundedFS) Walk(name string, visit filepath.WalkFunc) error {
	info, err := f.stat(name)
	if err != nil {
		return visit(name, nil, err)
	}
	if err := visit(name, info, nil); err != nil || !info.IsDir() {
		if errors.Is(err, filepath.SkipDir) && info.IsDir() {
			return nil
		}
		return err
	}
	names, err := f.ReadDir(name)
	if err != nil {
		return visit(name, info, err)
	}
	for _, each := range names {
		if err := f.Walk(path.Join(name, each), visit); err != nil {
			if errors.Is(err, filepath.SkipDir) {
				return nil
			}
			return err
		}
	}
	return nil
}

// Open serves the few callers that want a stream.
func (f *boundedFS) Open(name string) (filesys.File, error) {
	content, err := f.ReadFile(name)
	if err != nil {
		return nil, err
	}
	memory := filesys.MakeFsInMemory()
	if err := memory.WriteFile("/file", content); err != nil {
		return nil, err
	}
	return memory.Open("/file")
}

func (f *boundedFS) Create(string) (filesys.File, error) { return nil, errReadOnly }
func (f *boundedFS) Mkdir(string) error                  { return errReadOnly }
func (f *boundedFS) MkdirAll(string) error               { return errReadOnly }

// RemoveAll is called to clean up after clones of remote bases, of which there are none.
func (f *boundedFS) RemoveAll(string) error { return os.ErrPermission }
