package directory

import (
	"encoding/json"
	"path"

	jsonnet "github.com/google/go-jsonnet"

	"trimtab.dev/engines/internal/manifests"
	"trimtab.dev/engines/internal/worker"
)

// Jsonnet are the options of the Jsonnet files of a directory.
type Jsonnet struct {
	ExtVars []Variable `json:"ext_vars"`
	TLAs    []Variable `json:"tlas"`
	Libs    []string   `json:"libs"`
}

// Variable is one external variable or top-level argument; Code says that Value is an expression.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Code  bool   `json:"code"`
}

// evaluate runs one Jsonnet file, whose value is an object or a sequence of objects.
func evaluate(from tree, dir, name string, options Jsonnet) ([]json.RawMessage, error) {
	machine, err := newMachine(from, dir, options)
	if err != nil {
		return nil, err
	}
	text, err := machine.EvaluateFile(name)
	if err != nil {
		return nil, worker.Fail(worker.Render, "%s: %v", name, err)
	}
	var many []json.RawMessage
	if err := json.Unmarshal([]byte(text), &many); err != nil {
		many = []json.RawMessage{json.RawMessage(text)}
	}
	objects := make([]json.RawMessage, 0, len(many))
	for _, raw := range many {
		object, err := manifests.DecodeJSON(raw, manifests.Options{})
		if err != nil {
			return nil, worker.Fail(worker.Render, "%s: %v", name, err)
		}
		if object != nil {
			objects = append(objects, object)
		}
	}
	if err := requireKinds(objects); err != nil {
		return nil, worker.Fail(worker.Render, "%s: %v", name, err)
	}
	return objects, nil
}

func newMachine(from tree, dir string, options Jsonnet) (*jsonnet.VM, error) {
	search := []string{dir}
	for _, lib := range options.Libs {
		clean, inside := insideRoot(lib)
		if !inside {
			return nil, worker.Fail(worker.Forbidden, "jsonnet library %q resolved to outside repository root", lib)
		}
		search = append(search, clean)
	}
	machine := jsonnet.MakeVM()
	machine.Importer(&importer{from: from, search: search, cache: map[string]jsonnet.Contents{}})
	for _, variable := range options.ExtVars {
		if variable.Code {
			machine.ExtCode(variable.Name, variable.Value)
		} else {
			machine.ExtVar(variable.Name, variable.Value)
		}
	}
	for _, argument := range options.TLAs {
		if argument.Code {
			machine.TLACode(argument.Name, argument.Value)
		} else {
			machine.TLAVar(argument.Name, argument.Value)
		}
	}
	return machine, nil
}

// importer finds imports beside the importing file, then in the search path, never outside the tree.
// Jsonnet demands the same Contents for the same file, hence the cache.
type importer struct {
	from   tree
	search []string
	cache  map[string]jsonnet.Contents
}

func (i *importer) Import(importedFrom, imported string) (jsonnet.Contents, string, error) {
	dirs := append([]string{path.Dir(importedFrom)}, i.search...)
	if importedFrom == "" {
		dirs = []string{"."}
	}
	for _, dir := range dirs {
		name := imported
		if !path.IsAbs(imported) {
			name = path.Join(dir, imported)
		}
		name, inside := insideRoot(name)
		if !inside {
			return jsonnet.Contents{}, "", worker.Fail(worker.Forbidden, "import %q leaves the repository", imported)
		}
		if contents, known := i.cache[name]; known {
			return contents, name, nil
		}
		text, err := i.from.read(name)
		if err == nil {
			i.cache[name] = jsonnet.MakeContentsRaw(text)
			return i.cache[name], name, nil
		}
		if failure := worker.Wrap(worker.Render, err); failure.Code != worker.NotFound {
			return jsonnet.Contents{}, "", failure
		}
	}
	return jsonnet.Contents{}, "", worker.Fail(worker.NotFound, "import %q does not exist", imported)
}
