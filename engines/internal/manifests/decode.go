// Package manifests turns YAML and JSON text into JSON objects with exactly the meaning that
// Kubernetes' own tools give it: documents are split as k8s.io/apimachinery splits them, scalars
// are resolved as sigs.k8s.io/yaml resolves them.
package manifests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"trimtab.dev/engines/internal/worker"
)

const (
	// MaxTextBytes bounds the text of one file.
	MaxTextBytes = 16 << 20
	// MaxDepth bounds the nesting of one object; readers of the answer have stacks, too.
	MaxDepth = 200
	// maxJSONBytes bounds what one document may grow to through aliases.
	maxJSONBytes = 64 << 20
)

// Options say how forgiving Decode is.
type Options struct {
	// AllowDuplicateKeys lets the last of two equal keys win, as Helm does with a chart's output.
	AllowDuplicateKeys bool
	// MaxBytes replaces MaxTextBytes if it is not zero.
	MaxBytes int64
}

// Decode returns every document of a stream as compact JSON with sorted keys; null documents are
// left out. With an error, the documents before the broken one are returned, too.
func Decode(text []byte, options Options) ([]json.RawMessage, error) {
	limit := options.MaxBytes
	if limit == 0 {
		limit = MaxTextBytes
	}
	if int64(len(text)) > limit {
		return nil, worker.Fail(worker.TooLarge, "%d bytes; the limit is %d", len(text), limit)
	}
	text, err := toUTF8(text)
	if err != nil {
		return nil, err
	}
	if first := bytes.TrimLeft(text, " \t\r\n"); len(first) > 0 && first[0] == '{' {
		return decodeJSONStream(text, options)
	}
	return decodeYAMLStream(text, options)
}

// toUTF8 honours a byte order mark, as text editors on Windows write one.
func toUTF8(text []byte) ([]byte, error) {
	if len(text) >= 2 && (text[0] >= 0xfe || text[0] == 0xef) {
		decoder := unicode.BOMOverride(unicode.UTF8.NewDecoder())
		decoded, _, err := transform.Bytes(decoder, text)
		if err != nil {
			return nil, worker.Fail(worker.Invalid, "not text: %v", err)
		}
		text = decoded
	}
	if !utf8.Valid(text) {
		return nil, worker.Fail(worker.Invalid, "not UTF-8 text")
	}
	return text, nil
}

func decodeYAMLStream(text []byte, options Options) ([]json.RawMessage, error) {
	// Without a final newline the reader loses a last line that fills its buffer exactly.
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(bytes.Clone(text), '\n')
	}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	var objects []json.RawMessage
	for number := 1; ; number++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return objects, worker.Fail(worker.Invalid, "document %d: %v", number, err)
		}
		object, err := decodeYAML(document, options)
		if err != nil {
			return objects, worker.Wrap(worker.Invalid, prefixed(number, err))
		}
		if object != nil {
			objects = append(objects, object)
		}
	}
}

func decodeYAML(document []byte, options Options) (json.RawMessage, error) {
	convert := yaml.YAMLToJSONStrict
	if options.AllowDuplicateKeys {
		convert = yaml.YAMLToJSON
	}
	object, err := convert(document)
	if err != nil {
		return nil, worker.Fail(worker.Invalid, "%v", err)
	}
	return checked(object)
}

func decodeJSONStream(text []byte, options Options) ([]json.RawMessage, error) {
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	var objects []json.RawMessage
	for number := 1; ; number++ {
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return objects, worker.Fail(worker.Invalid, "document %d: %v", number, err)
		}
		object, err := DecodeJSON(raw, options)
		if err != nil {
			return objects, worker.Wrap(worker.Invalid, prefixed(number, err))
		}
		if object != nil {
			objects = append(objects, object)
		}
	}
}

// DecodeJSON checks one JSON value and returns it in compact form, nil for null.
func DecodeJSON(raw []byte, options Options) (json.RawMessage, error) {
	if !options.AllowDuplicateKeys {
		var value any
		duplicates, err := kjson.UnmarshalStrict(raw, &value, kjson.DisallowDuplicateFields)
		if err != nil {
			return nil, worker.Fail(worker.Invalid, "%v", err)
		}
		if len(duplicates) > 0 {
			return nil, worker.Fail(worker.Invalid, "%v", duplicates[0])
		}
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return nil, worker.Fail(worker.Invalid, "%v", err)
	}
	return checked(compact.Bytes())
}

// checked refuses what is too deep or too large and maps null to nil.
func checked(object []byte) (json.RawMessage, error) {
	object = bytes.TrimSpace(object)
	if len(object) > maxJSONBytes {
		return nil, worker.Fail(worker.TooLarge, "expands to %d bytes; the limit is %d", len(object), maxJSONBytes)
	}
	if depth := Depth(object); depth > MaxDepth {
		return nil, worker.Fail(worker.TooLarge, "is nested %d levels deep; the limit is %d", depth, MaxDepth)
	}
	if len(object) == 0 || bytes.Equal(object, []byte("null")) {
		return nil, nil
	}
	return object, nil
}

// Depth returns how deeply a valid JSON text is nested.
func Depth(text []byte) int {
	depth, deepest := 0, 0
	inString, escaped := false, false
	for _, char := range text {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped = char == '\\'
			inString = char != '"'
		case char == '"':
			inString = true
		case char == '{' || char == '[':
			depth++
			deepest = max(deepest, depth)
		case char == '}' || char == ']':
			depth--
		}
	}
	return deepest
}

func prefixed(number int, err error) error {
	failure := worker.Wrap(worker.Invalid, err)
	return worker.Fail(failure.Code, "document %d: %s", number, failure.Message)
}
