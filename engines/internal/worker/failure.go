package worker

import (
	"errors"
	"fmt"
)

// Code says which kind of failure an answer reports; callers branch on it, never on the message.
type Code string

// The codes of the protocol, documented in docs/reference/engines.md.
const (
	Invalid      Code = "invalid"      // the request itself makes no sense
	Render       Code = "render"       // the source does not render
	NotFound     Code = "not_found"    // a file, chart or version does not exist
	Forbidden    Code = "forbidden"    // a path leaves the root, or the network is not allowed
	Denied       Code = "denied"       // a registry or repository refused the credentials
	Unreachable  Code = "unreachable"  // a registry or repository did not answer properly
	Dependencies Code = "dependencies" // the chart's dependencies are not in charts/
	Timeout      Code = "timeout"      // the deadline of the request passed
	TooLarge     Code = "too_large"    // a limit on size, depth or count was exceeded
	Internal     Code = "internal"     // a defect of this program
)

// Failure is an error with a code.
type Failure struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

func (f *Failure) Error() string { return f.Message }

// Fail returns a Failure with a formatted message.
func Fail(code Code, format string, args ...any) *Failure {
	return &Failure{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns the Failure inside err, or a new one with the code and err's text.
func Wrap(code Code, err error) *Failure {
	var failure *Failure
	if errors.As(err, &failure) {
		if failure.Error() == err.Error() {
			return failure
		}
		return &Failure{Code: failure.Code, Message: err.Error()}
	}
	return &Failure{Code: code, Message: err.Error()}
}
