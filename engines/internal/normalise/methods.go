package normalise

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"trimtab.dev/engines/internal/worker"
)

// Methods are the normalising methods of the worker.
func Methods() worker.Methods {
	return worker.Methods{"normalise": worker.Typed(normalise)}
}

type normaliseParams struct {
	Objects    []json.RawMessage `json:"objects"`
	Defaults   bool              `json:"defaults"`
	KnownTypes []knownType       `json:"known_types"`
}

// knownType says that a field of a custom kind holds a Kubernetes type.
type knownType struct {
	Group string `json:"group"`
	Kind  string `json:"kind"`
	Field string `json:"field"`
	Type  string `json:"type"`
}

func normalise(_ context.Context, params normaliseParams) (any, error) {
	for _, known := range params.KnownTypes {
		if typeNamed(known.Type) == nil {
			return nil, worker.Fail(worker.Invalid, "unknown type %q of field %s", known.Type, known.Field)
		}
	}
	objects := make([]map[string]any, 0, len(params.Objects))
	for index, raw := range params.Objects {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		var object map[string]any
		if err := decoder.Decode(&object); err != nil {
			return nil, worker.Fail(worker.Invalid, "object %d: %v", index, err)
		}
		normaliseObject(object, params)
		objects = append(objects, object)
	}
	return map[string]any{"objects": objects}, nil
}

func normaliseObject(object map[string]any, params normaliseParams) {
	apiVersion, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	gvk := schema.FromAPIVersionAndKind(apiVersion, kind)
	if goType, known := scheme.Scheme.AllKnownTypes()[gvk]; known {
		shapeOf(goType).apply(object)
		if params.Defaults {
			setDefaults(gvk, object)
		}
	}
	for _, known := range params.KnownTypes {
		if known.Group == gvk.Group && known.Kind == gvk.Kind {
			applyAt(object, strings.Split(known.Field, "."), shapeOf(typeNamed(known.Type)))
		}
	}
}

// applyAt canonicalises the value at a path; a list on the way means each of its elements.
func applyAt(value any, path []string, as *shape) any {
	if list, isList := value.([]any); isList {
		for index, each := range list {
			list[index] = applyAt(each, path, as)
		}
		return list
	}
	if len(path) == 0 {
		return as.apply(value)
	}
	object, isObject := value.(map[string]any)
	if !isObject {
		return value
	}
	if each, present := object[path[0]]; present {
		object[path[0]] = applyAt(each, path[1:], as)
	}
	return object
}

// typeNamed finds a Go type by Argo CD's name for it: core/Quantity, meta/v1/Duration, core/v1/<Name>.
func typeNamed(name string) reflect.Type {
	switch name {
	case "core/Quantity", "core/v1/Quantity":
		return quantityType
	case "meta/v1/Duration":
		return durationType
	}
	short, isCore := strings.CutPrefix(name, "core/v1/")
	if !isCore {
		return nil
	}
	return coreTypes()[short]
}

// coreTypes are all types that the kinds of core/v1 are made of, by name.
var coreTypes = sync.OnceValue(func() map[string]reflect.Type {
	found := map[string]reflect.Type{}
	corePackage := reflect.TypeFor[corev1.Pod]().PkgPath()
	var visit func(reflect.Type)
	visit = func(of reflect.Type) {
		switch of.Kind() {
		case reflect.Pointer, reflect.Slice:
			visit(of.Elem())
		case reflect.Map:
			visit(of.Elem())
		}
		if of.Name() != "" && of.PkgPath() == corePackage {
			if _, seen := found[of.Name()]; seen {
				return
			}
			found[of.Name()] = of
			if of.Kind() == reflect.Struct {
				for index := range of.NumField() {
					visit(of.Field(index).Type)
				}
			}
		}
	}
	for _, of := range scheme.Scheme.KnownTypes(corev1.SchemeGroupVersion) {
		visit(of)
	}
	return found
})
