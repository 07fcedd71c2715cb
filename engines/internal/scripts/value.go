// Package scripts runs users' small programs: jq expressions and Lua, bounded in time and reach.
package scripts

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"time"

	"trimtab.dev/engines/internal/worker"
)

// timeLimit is what one program may take. Source: Argo CD, for both languages.
const timeLimit = time.Second

// Methods are the script methods of the worker.
func Methods() worker.Methods {
	return worker.Methods{
		"jq.delete": worker.Typed(jqDelete),
		"jq.eval":   worker.Typed(jqEval),
		"lua.run":   worker.Typed(luaRun),
	}
}

// decode parses JSON with whole numbers kept whole, however large.
func decode(raw json.RawMessage) (any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, worker.Fail(worker.Invalid, "%v", err)
	}
	return plainNumbers(value), nil
}

func plainNumbers(value any) any {
	switch typed := value.(type) {
	case map[string]any:
		for key, each := range typed {
			typed[key] = plainNumbers(each)
		}
	case []any:
		for index, each := range typed {
			typed[index] = plainNumbers(each)
		}
	case json.Number:
		return plainNumber(typed)
	}
	return value
}

func plainNumber(number json.Number) any {
	if whole, err := strconv.Atoi(number.String()); err == nil {
		return whole
	}
	if !strings.ContainsAny(number.String(), ".eE") {
		if huge, ok := new(big.Int).SetString(number.String(), 10); ok {
			return huge
		}
	}
	real, err := number.Float64()
	if err != nil {
		return number.String()
	}
	return real
}
