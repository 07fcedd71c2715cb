package scripts

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/itchyny/gojq"

	"trimtab.dev/engines/internal/worker"
)

type jqDeleteParams struct {
	Objects     []json.RawMessage `json:"objects"`
	Expressions []string          `json:"expressions"`
}

type jqDeleteResult struct {
	Objects  []any    `json:"objects"`
	Warnings []string `json:"warnings"`
}

// jqDelete removes from each object what the path expressions select. An expression that fails on an
// object (its path does not fit) leaves it as it is. Source: Argo CD's ignoreDifferences.
func jqDelete(ctx context.Context, params jqDeleteParams) (any, error) {
	programs := make([]*gojq.Code, 0, len(params.Expressions))
	for _, expression := range params.Expressions {
		program, err := compiled("del(" + expression + ")")
		if err != nil {
			return nil, worker.Fail(worker.Invalid, "jq path %q: %v", expression, err)
		}
		programs = append(programs, program)
	}
	result := jqDeleteResult{Objects: make([]any, 0, len(params.Objects)), Warnings: []string{}}
	for _, raw := range params.Objects {
		object, err := decode(raw)
		if err != nil {
			return nil, err
		}
		for index, program := range programs {
			values, err := runProgram(ctx, program, object)
			switch {
			case isTimeout(err):
				return nil, worker.Fail(worker.Timeout, "jq path %q ran for more than %v", params.Expressions[index], timeLimit)
			case err != nil:
				result.Warnings = append(result.Warnings, params.Expressions[index]+": "+err.Error())
			case len(values) == 1:
				object = values[0]
			}
		}
		result.Objects = append(result.Objects, object)
	}
	return result, nil
}

type jqEvalParams struct {
	Expression string          `json:"expression"`
	Value      json.RawMessage `json:"value"`
}

func jqEval(ctx context.Context, params jqEvalParams) (any, error) {
	program, err := compiled(params.Expression)
	if err != nil {
		return nil, worker.Fail(worker.Invalid, "jq expression %q: %v", params.Expression, err)
	}
	value, err := decode(params.Value)
	if err != nil {
		return nil, err
	}
	results, err := runProgram(ctx, program, value)
	if isTimeout(err) {
		return nil, worker.Fail(worker.Timeout, "jq expression %q ran for more than %v", params.Expression, timeLimit)
	}
	if err != nil {
		return nil, worker.Fail(worker.Render, "jq expression %q: %v", params.Expression, err)
	}
	return map[string]any{"results": results}, nil
}

func runProgram(ctx context.Context, program *gojq.Code, value any) ([]any, error) {
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	results := []any{}
	iterator := program.RunWithContext(ctx, value)
	for {
		result, more := iterator.Next()
		if !more {
			return results, nil
		}
		if err, failed := result.(error); failed {
			return nil, err
		}
		results = append(results, result)
	}
}

func isTimeout(err error) bool { return errors.Is(err, context.DeadlineExceeded) }

const maxPrograms = 500

var (
	programsLock sync.Mutex
	programs     = map[string]*gojq.Code{}
)

// compiled remembers programs: the same few expressions are applied to every object of a fleet.
// The environment and modules stay empty, so a program sees its input only.
func compiled(source string) (*gojq.Code, error) {
	programsLock.Lock()
	defer programsLock.Unlock()
	if program, known := programs[source]; known {
		return program, nil
	}
	query, err := gojq.Parse(source)
	if err != nil {
		return nil, err
	}
	program, err := gojq.Compile(query)
	if err != nil {
		return nil, err
	}
	if len(programs) >= maxPrograms {
		clear(programs)
	}
	programs[source] = program
	return program, nil
}
