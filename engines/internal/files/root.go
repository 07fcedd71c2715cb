// Package files reads below one directory and nowhere else: a path or a symlink that leaves it is
// refused, and what was really read is recorded, since that is the read set of a render.
package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"sync"

	"trimtab.dev/engines/internal/worker"
)

// MaxFileBytes bounds one file.
const MaxFileBytes = 32 << 20

// Root is an open directory.
type Root struct {
	dir  string
	root *os.Root
	mu   sync.Mutex
	read map[string]bool // path -> whether everything below it counts
}

// Open opens a directory given by an absolute path.
func Open(dir string) (*Root, error) {
	if !filepath.IsAbs(dir) {
		return nil, worker.Fail(worker.Invalid, "root %q is not an absolute path", dir)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, worker.Fail(worker.NotFound, "root %q does not exist", dir)
	}
	root, err := os.OpenRoot(real)
	if err != nil {
		return nil, worker.Fail(worker.NotFound, "root: %v", err)
	}
	return &Root{dir: real, root: root, read: map[string]bool{}}, nil
}

// Close releases the directory.
func (r *Root) Close() { _ = r.root.Close() }

// Dir is the directory on disk, symlinks resolved.
func (r *Root) Dir() string { return r.dir }

// Clean returns name relative to the root in its shortest form, "." for the root itself.
func (r *Root) Clean(name string) (string, error) {
	if name == "" {
		return ".", nil
	}
	clean := path.Clean(name)
	if !filepath.IsLocal(clean) {
		return "", worker.Fail(worker.Forbidden, "%s leaves the repository", name)
	}
	return clean, nil
}

// Resolve follows every symlink of name and returns the real path relative to the root.
func (r *Root) Resolve(name string) (string, error) {
	clean, err := r.Clean(name)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(filepath.Join(r.dir, clean))
	if err != nil {
		return "", r.failure(name, err)
	}
	relative, err := filepath.Rel(r.dir, real)
	if err != nil || !filepath.IsLocal(relative) {
		return "", worker.Fail(worker.Forbidden, "%s is a symlink that leaves the repository", name)
	}
	return relative, nil
}

// Stat describes what name points to.
func (r *Root) Stat(name string) (fs.FileInfo, error) {
	real, err := r.Resolve(name)
	if err != nil {
		return nil, err
	}
	info, err := r.root.Lstat(real)
	if err != nil {
		return nil, r.failure(name, err)
	}
	return info, nil
}

// ReadFile returns the content of a regular file and records name as read.
func (r *Root) ReadFile(name string) ([]byte, error) {
	real, err := r.Resolve(name)
	if err != nil {
		return nil, err
	}
	file, err := r.root.Open(real)
	if err != nil {
		return nil, r.failure(name, err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, r.failure(name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, worker.Fail(worker.Render, "%s is not a regular file", name)
	}
	if info.Size() > MaxFileBytes {
		return nil, worker.Fail(worker.TooLarge, "%s has %d bytes; the limit is %d", name, info.Size(), MaxFileBytes)
	}
	content := make([]byte, info.Size())
	if _, err := io.ReadFull(file, content); err != nil {
		return nil, r.failure(name, err)
	}
	clean, _ := r.Clean(name)
	r.Record(clean)
	if real != clean {
		r.Record(real)
	}
	return content, nil
}

// ReadDir lists a directory, sorted by name; the caller records it if what is missing counts as well. A
// directory reached through a symlink is recorded here: the caller knows it by its other name.
func (r *Root) ReadDir(name string) ([]fs.DirEntry, error) {
	real, err := r.Resolve(name)
	if err != nil {
		return nil, err
	}
	dir, err := r.root.Open(real)
	if err != nil {
		return nil, r.failure(name, err)
	}
	defer func() { _ = dir.Close() }()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, r.failure(name, err)
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name() < entries[j].Name() })
	if clean, _ := r.Clean(name); clean != real {
		r.RecordTree(real)
	}
	return entries, nil
}

// WriteFile writes a file and the directories above it; only methods that fetch do that.
func (r *Root) WriteFile(name string, content []byte) error {
	clean, err := r.Clean(name)
	if err != nil {
		return err
	}
	if err := r.root.MkdirAll(path.Dir(clean), 0o755); err != nil {
		return r.failure(name, err)
	}
	if err := r.root.WriteFile(clean, content, 0o644); err != nil {
		return r.failure(name, err)
	}
	return nil
}

// Record adds a file to the read set.
func (r *Root) Record(name string) { r.record(name, false) }

// RecordTree adds a directory with everything below it, now and later, to the read set.
func (r *Root) RecordTree(name string) { r.record(name, true) }

func (r *Root) record(name string, tree bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read[name] = tree || r.read[name]
}

// Read returns the read set, sorted: a directory stands for all of its content, the root is "".
func (r *Root) Read() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read["."] {
		return []string{""}
	}
	names := make([]string, 0, len(r.read))
	for name := range r.read {
		if !r.covered(path.Dir(name)) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// covered says whether a directory or one above it is in the read set as a whole.
func (r *Root) covered(dir string) bool {
	for dir != "." {
		if r.read[dir] {
			return true
		}
		dir = path.Dir(dir)
	}
	return false
}

// failure turns an error of the file system into one that names the file and not the machine.
func (r *Root) failure(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &notExist{worker.Failure{Code: worker.NotFound, Message: name + " does not exist"}}
	}
	text := strings.ReplaceAll(err.Error(), r.dir+"/", "")
	return worker.Fail(worker.Render, "%s: %s", name, strings.ReplaceAll(text, r.dir, "."))
}

// notExist is a Failure that errors.Is recognises as fs.ErrNotExist, as libraries expect it.
type notExist struct{ failure worker.Failure }

func (e *notExist) Error() string { return e.failure.Message }

func (e *notExist) Unwrap() []error { return []error{&e.failure, fs.ErrNotExist} }
