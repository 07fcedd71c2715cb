package helm

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	chart "helm.sh/helm/v4/pkg/chart/v2"

	"trimtab.dev/engines/internal/worker"
)

const schemaURL = "file:///values.schema.json"

// validateValues checks a chart's values and those of its dependencies against their schemas. The
// SDK would follow references to files of this machine and to the network; here a schema must be
// complete in itself.
func validateValues(ch *chart.Chart, values map[string]any) error {
	var problems strings.Builder
	collectProblems(ch, values, &problems)
	if problems.Len() == 0 {
		return nil
	}
	return worker.Fail(worker.Render,
		"values don't meet the specifications of the schema(s) in the following chart(s):\n%s",
		strings.TrimRight(problems.String(), "\n"))
}

func collectProblems(ch *chart.Chart, values map[string]any, problems *strings.Builder) {
	if ch.Schema != nil {
		if err := validateOne(ch.Schema, values); err != nil {
			text := strings.TrimPrefix(err.Error(), "jsonschema validation failed with '"+schemaURL+"#'\n")
			fmt.Fprintf(problems, "%s:\n%s\n", ch.Name(), text)
		}
	}
	for _, dependency := range ch.Dependencies() {
		raw, given := values[dependency.Name()]
		if !given || raw == nil {
			continue
		}
		table, isTable := raw.(map[string]any)
		if !isTable {
			fmt.Fprintf(problems, "%s:\ninvalid type for values: expected object (map), got %T\n", dependency.Name(), raw)
			continue
		}
		collectProblems(dependency, table, problems)
	}
}

func validateOne(schemaText []byte, values map[string]any) (failed error) {
	defer func() {
		if cause := recover(); cause != nil {
			failed = fmt.Errorf("unable to validate schema: %v", cause)
		}
	}()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(closedLoader{})
	if err := compiler.AddResource(schemaURL, schema); err != nil {
		return err
	}
	validator, err := compiler.Compile(schemaURL)
	if err != nil {
		return err
	}
	return validator.Validate(values)
}

type closedLoader struct{}

// Load refuses every reference but urn:, which Helm treats as a schema that allows everything.
func (closedLoader) Load(url string) (any, error) {
	if strings.HasPrefix(url, "urn:") {
		return jsonschema.UnmarshalJSON(strings.NewReader("true"))
	}
	return nil, fmt.Errorf("the schema refers to %s: references outside of the schema are not allowed", url)
}
