package helm

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/strvals"

	"trimtab.dev/engines/internal/files"
	"trimtab.dev/engines/internal/worker"
)

// Parameter is one --set or --set-string.
type Parameter struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	ForceString bool   `json:"force_string"`
}

// FileParameter is one --set-file.
type FileParameter struct {
	Name string `json:"name"`
	Path string `json:"path"`
}

// userValues merges everything the user gave in Helm's order: value files, inline values, --set,
// --set-string, --set-file.
func userValues(root *files.Root, params *templateParams) (map[string]any, error) {
	merged := map[string]any{}
	for _, name := range params.ValuesFiles {
		values, err := readValuesFile(root, params, name)
		if err != nil {
			return nil, err
		}
		merged = loader.MergeMaps(merged, values)
	}
	inline := []byte(params.Values)
	if !isEmptyJSON(params.ValuesObject) {
		inline = params.ValuesObject
	}
	values, err := loader.LoadValues(bytes.NewReader(inline))
	if err != nil {
		return nil, worker.Fail(worker.Invalid, "inline values: %v", err)
	}
	merged = loader.MergeMaps(merged, values)
	if err := setParameters(merged, params); err != nil {
		return nil, err
	}
	for _, parameter := range params.FileParameters {
		read := func(name []rune) (any, error) {
			content, err := root.ReadFile(fromRoot(string(name)))
			return string(content), err
		}
		expression := parameter.Name + "=" + escapeSet(parameter.Path)
		if err := strvals.ParseIntoFile(expression, merged, read); err != nil {
			return nil, worker.Wrap(worker.Render, err)
		}
	}
	return merged, nil
}

func readValuesFile(root *files.Root, params *templateParams, name string) (map[string]any, error) {
	file := fromRoot(name)
	content, err := root.ReadFile(file)
	if err != nil {
		failure := worker.Wrap(worker.Render, err)
		if failure.Code == worker.NotFound && params.IgnoreMissingValueFiles {
			root.Record(file) // it may appear later
			return nil, nil
		}
		return nil, worker.Fail(failure.Code, "value file %s: %s", name, failure.Message)
	}
	values, err := loader.LoadValues(bytes.NewReader(content))
	if err != nil {
		return nil, worker.Fail(worker.Render, "value file %s: %v", name, err)
	}
	return values, nil
}

func setParameters(merged map[string]any, params *templateParams) error {
	for _, forced := range []bool{false, true} {
		parse := strvals.ParseInto
		if forced {
			parse = strvals.ParseIntoString
		}
		for _, parameter := range params.Parameters {
			if parameter.ForceString != forced {
				continue
			}
			if err := parse(parameter.Name+"="+escapeSet(parameter.Value), merged); err != nil {
				return worker.Fail(worker.Invalid, "parameter %s: %v", parameter.Name, err)
			}
		}
	}
	return nil
}

var unescapedComma = regexp.MustCompile(`([^\\]),`)

// escapeSet keeps the commas of a value from separating parameters; a value in braces is a list and
// keeps its meaning. Source: Argo CD's parameters, which are single values.
func escapeSet(value string) string {
	if strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}") {
		return value
	}
	// Twice, since matches do not overlap: of two commas in a row one is left by the first pass.
	escaped := unescapedComma.ReplaceAllString(value, `$1\,`)
	escaped = unescapedComma.ReplaceAllString(escaped, `$1\,`)
	if strings.HasPrefix(escaped, ",") {
		escaped = `\` + escaped
	}
	return escaped
}

// fromRoot takes a path relative to the root, with or without a leading "/".
func fromRoot(name string) string { return strings.TrimLeft(name, "/") }

// isEmptyJSON says whether an optional JSON value was left out.
func isEmptyJSON(raw json.RawMessage) bool {
	return len(raw) == 0 || string(raw) == "null"
}
