// Package kustomize builds kustomizations with kustomize's own library, after applying Argo CD's options
// to the kustomization file in memory.
package kustomize

import (
	"context"
	"errors"
	"path"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"

	"trimtab.dev/engines/internal/files"
	"trimtab.dev/engines/internal/manifests"
	"trimtab.dev/engines/internal/worker"
)

type buildParams struct {
	Root    string  `json:"root"`
	Path    string  `json:"path"`
	Options Options `json:"options"`
}

// Methods are the kustomize methods of the worker.
func Methods() worker.Methods {
	return worker.Methods{"kustomize.build": worker.Typed(build)}
}

// building serialises builds: kustomize keeps the OpenAPI schema of a build in global variables.
var building sync.Mutex

var defaultSchema = openapi.GetSchemaVersion()

func build(_ context.Context, params buildParams) (any, error) {
	root, err := files.Open(params.Root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	dir, err := root.Resolve(params.Path)
	if err != nil {
		return nil, err
	}
	krustyOptions, err := buildOptions(params.Options.BuildOptions)
	if err != nil {
		return nil, err
	}
	fsys := &boundedFS{root: root, work: dir, overlay: map[string][]byte{}}
	building.Lock()
	defer building.Unlock()
	defer forgetSchema()
	if err := edit(fsys, &params.Options); err != nil {
		return nil, described(dir, err)
	}
	collection, err := run(fsys, dir, krustyOptions)
	if err != nil {
		return nil, described(dir, err)
	}
	return collection.Result(root.Read()), nil
}

func run(fsys *boundedFS, dir string, options *krusty.Options) (*manifests.Collection, error) {
	resources, err := krusty.MakeKustomizer(options).Run(fsys, path.Join(mount, dir))
	if err != nil {
		return nil, err
	}
	collection := &manifests.Collection{}
	for _, resource := range resources.Resources() {
		// By way of YAML, as kustomize's output goes: the same scalars come out.
		text, err := resource.AsYAML()
		if err != nil {
			return nil, err
		}
		objects, err := manifests.Decode(text, manifests.Options{})
		if err != nil {
			return nil, err
		}
		for _, object := range objects {
			if err := collection.AddExpanded(resource.CurId().String(), object); err != nil {
				return nil, err
			}
		}
	}
	return collection, nil
}

// forgetSchema makes the next build start with the built-in schema if this one brought its own.
func forgetSchema() {
	if openapi.GetSchemaVersion() != defaultSchema {
		openapi.ResetOpenAPI()
	}
}

// buildOptions reads the flags of `kustomize build` that make sense without programs and network.
func buildOptions(flags []string) (*krusty.Options, error) {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified // the command's default, not the library's
	for index := 0; index < len(flags); index++ {
		name, value, joined := strings.Cut(flags[index], "=")
		takesValue := name == "--load-restrictor" || name == "--reorder"
		if takesValue && !joined && index+1 < len(flags) {
			index++
			value = flags[index]
		}
		switch name + " " + value {
		case "--load-restrictor LoadRestrictionsNone":
			options.LoadRestrictions = types.LoadRestrictionsNone
		case "--load-restrictor LoadRestrictionsRootOnly":
		case "--reorder legacy":
			options.Reorder = krusty.ReorderOptionLegacy
		case "--reorder none":
			options.Reorder = krusty.ReorderOptionNone
		case "--enable-managedby-label ", "--enable-managedby-label true":
			options.AddManagedbyLabel = true
		default:
			return nil, worker.Fail(worker.Invalid, "kustomize build option %q is not supported", flags[index])
		}
	}
	return options, nil
}

// described gives the error of a build its code and its place, with paths of the repository instead of the
// mount.
func described(dir string, err error) error {
	failure := worker.Wrap(worker.Render, err)
	code := failure.Code
	if code == worker.NotFound || code == worker.Invalid {
		code = worker.Render
	}
	if errors.Is(err, worker.ErrNoNetwork) {
		code = worker.Forbidden
	}
	text := strings.ReplaceAll(err.Error(), mount+"/", "")
	return worker.Fail(code, "kustomization in %s: %s", dir, strings.ReplaceAll(text, mount, "."))
}
