// Package normalise writes objects of built-in kinds as an API server would: quantities, durations and
// times in canonical form, empty optional fields left out, defaults filled in. Unknown fields and
// unknown kinds stay as they are.
package normalise

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// shape says how values of a Go type are canonicalised. Shapes follow the Go types of k8s.io/api.
type shape struct {
	leaf   func(value any) any // for quantities and the like
	fields map[string]field    // for structs
	of     *shape              // for elements of lists and maps
}

type field struct {
	shape *shape
	// omitEmpty says that an API server leaves the field out when it has its zero value.
	omitEmpty bool
}

var (
	shapesLock sync.Mutex
	shapes     = map[reflect.Type]*shape{}

	quantityType  = reflect.TypeFor[resource.Quantity]()
	durationType  = reflect.TypeFor[metav1.Duration]()
	timeType      = reflect.TypeFor[metav1.Time]()
	microTimeType = reflect.TypeFor[metav1.MicroTime]()
)

// shapeOf returns the shape of a type, computed once.
func shapeOf(of reflect.Type) *shape {
	shapesLock.Lock()
	defer shapesLock.Unlock()
	return buildShape(of)
}

func buildShape(of reflect.Type) *shape {
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if known, done := shapes[of]; done {
		return known
	}
	built := &shape{}
	shapes[of] = built // before its fields: types contain themselves (JSONSchemaProps)
	switch {
	case of == quantityType:
		built.leaf = canonicalQuantity
	case of == durationType:
		built.leaf = canonicalDuration
	case of == timeType:
		built.leaf = canonicalTime(time.RFC3339)
	case of == microTimeType:
		built.leaf = canonicalTime(metav1.RFC3339Micro)
	case marshalsItself(of):
		// Its JSON has nothing to do with its Go fields (int-or-string, raw extensions).
	case of.Kind() == reflect.Struct:
		built.fields = map[string]field{}
		addFields(built.fields, of)
	case of.Kind() == reflect.Slice || of.Kind() == reflect.Map:
		built.of = buildShape(of.Elem())
	}
	return built
}

var marshalerType = reflect.TypeFor[json.Marshaler]()

func marshalsItself(of reflect.Type) bool {
	return of.Implements(marshalerType) || reflect.PointerTo(of).Implements(marshalerType)
}

func addFields(to map[string]field, of reflect.Type) {
	for index := range of.NumField() {
		member := of.Field(index)
		name, options, _ := strings.Cut(member.Tag.Get("json"), ",")
		if member.Anonymous && name == "" {
			addFields(to, member.Type)
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		kind := member.Type.Kind()
		to[name] = field{
			shape:     buildShape(member.Type),
			omitEmpty: strings.Contains(options, "omitempty") && kind != reflect.Pointer && kind != reflect.Struct,
		}
	}
}

// apply canonicalises a value in place where it can, and returns it.
func (s *shape) apply(value any) any {
	if s.leaf != nil {
		return s.leaf(value)
	}
	switch typed := value.(type) {
	case map[string]any:
		if s.fields != nil {
			s.applyFields(typed)
		} else if s.of != nil {
			for name, each := range typed {
				typed[name] = s.of.apply(each)
			}
		}
	case []any:
		if s.of != nil {
			for index, each := range typed {
				typed[index] = s.of.apply(each)
			}
		}
	}
	return value
}

func (s *shape) applyFields(object map[string]any) {
	for name, value := range object {
		known, isKnown := s.fields[name]
		if !isKnown {
			continue
		}
		if value == nil || known.omitEmpty && isZero(value) {
			delete(object, name)
			continue
		}
		object[name] = known.shape.apply(value)
	}
}

func isZero(value any) bool {
	switch typed := value.(type) {
	case bool:
		return !typed
	case string:
		return typed == ""
	case json.Number:
		return typed == "0"
	case []any:
		return len(typed) == 0
	case map[string]any:
		return len(typed) == 0
	}
	return false
}

func canonicalQuantity(value any) any {
	var text string
	switch typed := value.(type) {
	case string:
		text = typed
	case json.Number:
		text = typed.String()
	default:
		return value
	}
	quantity, err := resource.ParseQuantity(text)
	if err != nil {
		return value
	}
	return quantity.String()
}

func canonicalDuration(value any) any {
	text, isText := value.(string)
	if !isText {
		return value
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		return value
	}
	return duration.String()
}

func canonicalTime(layout string) func(any) any {
	return func(value any) any {
		text, isText := value.(string)
		if !isText {
			return value
		}
		moment, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return value
		}
		return moment.UTC().Format(layout)
	}
}
