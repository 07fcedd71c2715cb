package directory

import (
	"context"
	"encoding/base64"
	"path"
	"path/filepath"
	"strings"

	"trimtab.dev/engines/internal/files"
	"trimtab.dev/engines/internal/worker"
)

// Methods are the directory methods of the worker.
func Methods() worker.Methods {
	return worker.Methods{
		"directory.render":        worker.Typed(renderDisk),
		"directory.render_inline": worker.Typed(renderInline),
	}
}

type diskParams struct {
	Root string `json:"root"`
	Options
}

func renderDisk(_ context.Context, params diskParams) (any, error) {
	root, err := files.Open(params.Root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	dir, err := root.Resolve(params.Path)
	if err != nil {
		return nil, err
	}
	params.Path = dir
	collection, err := render(diskTree{root}, rootPaths{root}, params.Options)
	if err != nil {
		return nil, err
	}
	root.RecordTree(dir)
	return collection.Result(root.Read()), nil
}

type inlineParams struct {
	Files []inlineFile `json:"files"`
	Options
}

// inlineFile is a file's path and content: as text, or in base64 if it is not UTF-8.
type inlineFile struct {
	Path   string `json:"path"`
	Text   string `json:"text"`
	Base64 string `json:"base64"`
}

func renderInline(_ context.Context, params inlineParams) (any, error) {
	from := make(inlineTree, len(params.Files))
	for _, each := range params.Files {
		name, inside := insideRoot(each.Path)
		if !inside {
			return nil, worker.Fail(worker.Forbidden, "%s leaves the repository", each.Path)
		}
		content := []byte(each.Text)
		if each.Base64 != "" {
			decoded, err := base64.StdEncoding.DecodeString(each.Base64)
			if err != nil {
				return nil, worker.Fail(worker.Invalid, "%s: %v", each.Path, err)
			}
			content = decoded
		}
		from[name] = content
	}
	collection, err := render(from, rootPaths{}, params.Options)
	if err != nil {
		return nil, err
	}
	read := path.Clean("./" + params.Path)
	if read == "." {
		read = ""
	}
	return collection.Result([]string{read}), nil
}

// rootPaths answers questions about links, which only a tree on disk has.
type rootPaths struct{ root *files.Root }

// skip says whether a listed file is to be left out: a link to nowhere, or to no regular file. A link
// that leaves the repository is an error.
func (r rootPaths) skip(each file) (bool, error) {
	if r.root == nil || !each.link {
		return false, nil
	}
	info, err := r.root.Stat(each.path)
	if err != nil {
		if failure := worker.Wrap(worker.Render, err); failure.Code == worker.NotFound {
			return true, nil
		}
		return false, err
	}
	return !info.Mode().IsRegular(), nil
}

// insideRoot cleans a path; a leading "/" means the root of the repository.
func insideRoot(name string) (string, bool) {
	clean := path.Clean("./" + strings.TrimLeft(name, "/"))
	return clean, clean == "." || filepath.IsLocal(clean)
}
