package manifests

import (
	"context"
	"encoding/json"
	"errors"

	"sigs.k8s.io/yaml"

	"trimtab.dev/engines/internal/worker"
)

// Methods are the YAML methods of the worker.
func Methods() worker.Methods {
	return worker.Methods{
		"yaml.to_json":   worker.Typed(toJSON),
		"yaml.batch":     worker.Typed(batch),
		"yaml.from_json": worker.Typed(fromJSON),
	}
}

type toJSONParams struct {
	Doc                string `json:"doc"`
	AllowDuplicateKeys bool   `json:"allow_duplicate_keys"`
	MaxBytes           int64  `json:"max_bytes"`
}

type objectsResult struct {
	Objects []json.RawMessage `json:"objects"`
}

func toJSON(_ context.Context, params toJSONParams) (any, error) {
	objects, err := Decode([]byte(params.Doc), Options{
		AllowDuplicateKeys: params.AllowDuplicateKeys, MaxBytes: params.MaxBytes,
	})
	if err != nil {
		return nil, err
	}
	return objectsResult{Objects: append([]json.RawMessage{}, objects...)}, nil
}

type batchParams struct {
	Docs []struct {
		Name string `json:"name"`
		Text string `json:"text"`
	} `json:"docs"`
	AllowDuplicateKeys bool  `json:"allow_duplicate_keys"`
	MaxBytes           int64 `json:"max_bytes"`
}

type batchItem struct {
	Name    string            `json:"name"`
	Objects []json.RawMessage `json:"objects"`
	Error   *worker.Failure   `json:"error,omitempty"`
}

// batch decodes many texts; one that is broken does not spoil the others.
func batch(_ context.Context, params batchParams) (any, error) {
	options := Options{AllowDuplicateKeys: params.AllowDuplicateKeys, MaxBytes: params.MaxBytes}
	items := make([]batchItem, 0, len(params.Docs))
	for _, doc := range params.Docs {
		item := batchItem{Name: doc.Name, Objects: []json.RawMessage{}}
		objects, err := Decode([]byte(doc.Text), options)
		var failure *worker.Failure
		if errors.As(err, &failure) {
			item.Error = failure
		} else {
			item.Objects = append(item.Objects, objects...)
		}
		items = append(items, item)
	}
	return map[string]any{"items": items}, nil
}

type fromJSONParams struct {
	Objects []json.RawMessage `json:"objects"`
}

// fromJSON writes one YAML stream, documents separated by "---".
func fromJSON(_ context.Context, params fromJSONParams) (any, error) {
	var text []byte
	for index, object := range params.Objects {
		document, err := yaml.JSONToYAML(object)
		if err != nil {
			return nil, worker.Fail(worker.Invalid, "object %d: %v", index, err)
		}
		if index > 0 {
			text = append(text, "---\n"...)
		}
		text = append(text, document...)
	}
	return map[string]string{"text": string(text)}, nil
}
