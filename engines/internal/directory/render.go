// Package directory renders Argo CD's directory source: every manifest below a folder, plain or in
// Jsonnet.
//
// Source: Argo CD's directory source. A file counts by its extension; include and exclude are globs
// over the path relative to the folder in which "*" crosses "/"; a file that contains the skip
// marker is left out; a YAML file that does not parse is an error only if it looks like a manifest.
package directory

import (
	"bytes"
	"encoding/json"
	"path"
	"regexp"

	"github.com/gobwas/glob"

	"trimtab.dev/engines/internal/manifests"
	"trimtab.dev/engines/internal/worker"
)

// Options are Argo CD's directory options, and the limits; MaxCombinedBytes 0 means none.
type Options struct {
	Path               string  `json:"path"`
	Recurse            bool    `json:"recurse"`
	Include            string  `json:"include"`
	Exclude            string  `json:"exclude"`
	Jsonnet            Jsonnet `json:"jsonnet"`
	MaxCombinedBytes   int64   `json:"max_combined_bytes"`
	KeepLists          bool    `json:"keep_lists"`
	AllowDuplicateKeys bool    `json:"allow_duplicate_keys"`
}

var (
	manifestName = regexp.MustCompile(`\.(yaml|yml|json|jsonnet)$`)
	skipMarker   = []byte("+argocd:skip-file-rendering")
	manifestKeys = [][]byte{[]byte("apiVersion:"), []byte("kind:"), []byte("metadata:")}
)

// render collects the manifests of a tree.
func render(from tree, root rootPaths, options Options) (*manifests.Collection, error) {
	dir := path.Clean("./" + options.Path)
	selected, err := selectFiles(from, root, dir, options)
	if err != nil {
		return nil, err
	}
	// Everything is read and weighed before anything is parsed: parsing costs most memory.
	texts := make([][]byte, len(selected))
	remaining := options.MaxCombinedBytes
	for index, name := range selected {
		text, err := from.read(name)
		if err != nil {
			return nil, err
		}
		if path.Ext(name) != ".jsonnet" { // Jsonnet bounds its memory itself
			remaining -= int64(len(text))
		}
		if options.MaxCombinedBytes > 0 && remaining < 0 {
			return nil, worker.Fail(worker.TooLarge,
				"the manifests are larger than %d bytes together", options.MaxCombinedBytes)
		}
		texts[index] = text
	}
	collection := &manifests.Collection{}
	for index, name := range selected {
		if err := addFile(collection, from, dir, name, texts[index], options); err != nil {
			return nil, err
		}
	}
	return collection, nil
}

func selectFiles(from tree, root rootPaths, dir string, options Options) ([]string, error) {
	wanted, err := newSelection(options)
	if err != nil {
		return nil, err
	}
	listed, err := from.list(dir, options.Recurse)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, each := range listed {
		if name, _ := below(dir, each.path); !wanted.has(name) {
			continue
		}
		skip, err := root.skip(each)
		if err != nil {
			return nil, err
		}
		if !skip {
			names = append(names, each.path)
		}
	}
	return names, nil
}

func addFile(to *manifests.Collection, from tree, dir, name string, text []byte, options Options) error {
	if bytes.Contains(text, skipMarker) {
		return nil
	}
	objects, err := decodeFile(from, dir, name, text, options)
	if err != nil {
		return err
	}
	for _, object := range objects {
		if options.KeepLists {
			to.Add(name, object)
			continue
		}
		if err := to.AddExpanded(name, object); err != nil {
			return err
		}
	}
	return nil
}

func decodeFile(from tree, dir, name string, text []byte, options Options) ([]json.RawMessage, error) {
	decoding := manifests.Options{AllowDuplicateKeys: options.AllowDuplicateKeys}
	switch path.Ext(name) {
	case ".jsonnet":
		return evaluate(from, dir, name, options.Jsonnet)
	case ".json":
		return decodeJSONFile(name, text, decoding)
	}
	objects, err := manifests.Decode(text, decoding)
	if err == nil {
		err = requireKinds(objects)
	}
	if err == nil {
		return objects, nil
	}
	failure := worker.Wrap(worker.Render, err)
	if failure.Code == worker.TooLarge || len(objects) > 0 && hasKind(objects[0]) || looksLikeManifest(text) {
		return nil, worker.Fail(renderCode(failure.Code), "%s: %s", name, failure.Message)
	}
	return nil, nil // a YAML file of some other kind
}

func decodeJSONFile(name string, text []byte, options manifests.Options) ([]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	var raw json.RawMessage
	if err := decoder.Decode(&raw); err != nil {
		return nil, worker.Fail(worker.Render, "%s: %v", name, err)
	}
	if decoder.More() {
		return nil, worker.Fail(worker.Render, "%s: a JSON file may hold one object only", name)
	}
	object, err := manifests.DecodeJSON(raw, options)
	if err == nil && object == nil {
		err = worker.Fail(worker.Render, "null is not an object")
	}
	if err == nil {
		err = requireKinds([]json.RawMessage{object})
	}
	if err != nil {
		failure := worker.Wrap(worker.Render, err)
		return nil, worker.Fail(renderCode(failure.Code), "%s: %s", name, failure.Message)
	}
	return []json.RawMessage{object}, nil
}

// renderCode maps the fault of a text to the fault of the source that contains it.
func renderCode(code worker.Code) worker.Code {
	if code == worker.Invalid {
		return worker.Render
	}
	return code
}

func requireKinds(objects []json.RawMessage) error {
	for index, object := range objects {
		if !hasKind(object) {
			return worker.Fail(worker.Render, "object %d has no kind: %.120s", index+1, object)
		}
	}
	return nil
}

func hasKind(object json.RawMessage) bool {
	var head struct {
		Kind string `json:"kind"`
	}
	return json.Unmarshal(object, &head) == nil && head.Kind != ""
}

func looksLikeManifest(text []byte) bool {
	for _, key := range manifestKeys {
		if !bytes.Contains(text, key) {
			return false
		}
	}
	return true
}

// selection is the include and exclude globs, compiled.
type selection struct{ include, exclude glob.Glob }

func newSelection(options Options) (selection, error) {
	var compiled selection
	for pattern, target := range map[string]*glob.Glob{
		options.Include: &compiled.include, options.Exclude: &compiled.exclude,
	} {
		if pattern == "" {
			continue
		}
		matcher, err := glob.Compile(pattern)
		if err != nil {
			return compiled, worker.Fail(worker.Invalid, "glob %q: %v", pattern, err)
		}
		*target = matcher
	}
	return compiled, nil
}

func (s selection) has(name string) bool {
	if !manifestName.MatchString(name) {
		return false
	}
	if s.exclude != nil && s.exclude.Match(name) {
		return false
	}
	return s.include == nil || s.include.Match(name)
}
