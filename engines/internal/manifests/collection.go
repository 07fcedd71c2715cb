package manifests

import (
	"encoding/json"
	"fmt"

	"trimtab.dev/engines/internal/worker"
)

// Collection gathers the objects of a render, each with the file that it came from. Volatile names the
// functions that were called and whose result is another at each call.
type Collection struct {
	Volatile []string
	objects  []json.RawMessage
	origins  []string
	warnings []string
}

// head is what every object must tell about itself, and what makes it a list.
type head struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Items      json.RawMessage `json:"items"`
	Spec       json.RawMessage `json:"spec"`
	Status     json.RawMessage `json:"status"`
}

// Add appends an object as it is.
func (c *Collection) Add(origin string, object json.RawMessage) {
	c.objects = append(c.objects, object)
	c.origins = append(c.origins, origin)
}

// Warn appends a sentence for the user.
func (c *Collection) Warn(format string, args ...any) {
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

// AddExpanded appends an object, or the items of a list instead of the list.
//
// Anything with a sequence named items is a list, whatever its kind; a list without items counts as
// nothing, unless it has a spec or a status. Source: Argo CD, manifest generation.
func (c *Collection) AddExpanded(origin string, object json.RawMessage) error {
	parsed, err := parseHead(origin, object)
	if err != nil {
		return err
	}
	if len(parsed.Items) == 0 {
		c.Add(origin, object)
		return nil
	}
	if string(parsed.Items) == "null" {
		if parsed.Spec != nil || parsed.Status != nil {
			c.Add(origin, object)
		}
		return nil
	}
	if parsed.Items[0] != '[' {
		c.Add(origin, object)
		return nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(parsed.Items, &items); err != nil {
		return worker.Fail(worker.Render, "%s: items: %v", origin, err)
	}
	for index, item := range items {
		if _, err := parseHead(origin, item); err != nil {
			return worker.Fail(worker.Render, "%v (item %d of a list)", err, index)
		}
		c.Add(origin, item)
	}
	return nil
}

// Result is the answer of a render, without a second encoding of the objects.
func (c *Collection) Result(read []string) worker.Raw {
	size := 64
	for _, object := range c.objects {
		size += len(object) + 1
	}
	raw := append(make([]byte, 0, size), `{"objects":[`...)
	for index, object := range c.objects {
		if index > 0 {
			raw = append(raw, ',')
		}
		raw = append(raw, object...)
	}
	raw = append(raw, ']')
	raw = appendStrings(raw, "origins", c.origins)
	raw = appendStrings(raw, "warnings", c.warnings)
	raw = appendStrings(raw, "read", read)
	raw = appendStrings(raw, "volatile", c.Volatile)
	return append(raw, '}')
}

func parseHead(origin string, object json.RawMessage) (head, error) {
	var parsed head
	if err := json.Unmarshal(object, &parsed); err != nil {
		return parsed, worker.Fail(worker.Render, "%s: expected an object, found %.60s", origin, object)
	}
	if parsed.Kind == "" {
		return parsed, worker.Fail(worker.Render, "%s: an object has no kind: %.120s", origin, object)
	}
	return parsed, nil
}

func appendStrings(raw []byte, name string, values []string) []byte {
	if values == nil {
		values = []string{}
	}
	encoded, err := json.Marshal(values)
	if err != nil { // strings always encode
		panic(err)
	}
	raw = append(raw, `,"`...)
	raw = append(raw, name...)
	raw = append(raw, `":`...)
	return append(raw, encoded...)
}
