package supervisor

import (
	"encoding/json"
	"io"
	"sync"

	"trimtab.dev/localfleet/internal/config"
)

// events tells the driver, in one JSON object a line, how the start goes.
type events struct {
	mu  sync.Mutex
	out io.Writer
}

type event struct {
	Event   string   `json:"event"`
	Text    string   `json:"text,omitempty"`
	Control string   `json:"control,omitempty"`
	Servers []string `json:"servers,omitempty"`
}

func (e *events) progress(text string) { e.write(event{Event: "progress", Text: text}) }

func (e *events) failed(reason error) { e.write(event{Event: "failed", Text: reason.Error()}) }

func (e *events) ready(control string, c *config.Config) {
	ready := event{Event: "ready", Control: control}
	for i := range c.Clusters {
		ready.Servers = append(ready.Servers, c.Server(i))
	}
	e.write(ready)
}

// A driver that has gone away is noticed by the end of stdin, not by a failed write.
func (e *events) write(v event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	json.NewEncoder(e.out).Encode(v)
}
