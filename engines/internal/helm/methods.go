package helm

import (
	"context"

	"trimtab.dev/engines/internal/worker"
)

// Methods are the Helm methods of the worker.
func Methods() worker.Methods {
	return worker.Methods{
		"helm.template":   worker.Typed(template),
		"helm.dependency": worker.Typed(dependency),
		"helm.pull":       worker.Typed(pull),
		"helm.resolve":    worker.Typed(resolve),
		"helm.set_escape": worker.Typed(setEscape),
	}
}

type setEscapeParams struct {
	Value string `json:"value"`
}

func setEscape(_ context.Context, params setEscapeParams) (any, error) {
	return map[string]string{"value": escapeSet(params.Value)}, nil
}
