// Package worker speaks the pipe protocol: frames of a 4-byte big-endian length and JSON, many
// requests in flight, each answered under its own id in whatever order they finish.
package worker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"runtime/debug"
	"strconv"
	"sync"
	"time"
)

// MaxFrameBytes bounds one request and one answer.
const MaxFrameBytes = 256 << 20

// Handler answers one request. A returned Raw is written as it is; anything else is marshalled.
type Handler func(ctx context.Context, params json.RawMessage) (any, error)

// Raw is a result that is JSON already.
type Raw []byte

// Methods maps the names of methods to their handlers.
type Methods map[string]Handler

type request struct {
	ID         uint64          `json:"id"`
	Method     string          `json:"method"`
	Params     json.RawMessage `json:"params"`
	DeadlineMS int64           `json:"deadline_ms"`
}

// Typed adapts a function of decoded parameters to a Handler. Unknown parameters are refused: a
// misspelt option must not be ignored.
func Typed[P any](run func(ctx context.Context, params P) (any, error)) Handler {
	return func(ctx context.Context, raw json.RawMessage) (any, error) {
		var params P
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&params); err != nil {
			return nil, Fail(Invalid, "parameters: %v", err)
		}
		return run(ctx, params)
	}
}

// Serve answers requests from in on out until in ends.
func Serve(in io.Reader, out io.Writer, methods Methods) error {
	reader := bufio.NewReaderSize(in, 1<<18)
	writer := &frameWriter{out: bufio.NewWriterSize(out, 1<<18)}
	var header [4]byte
	for {
		if _, err := io.ReadFull(reader, header[:]); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		size := binary.BigEndian.Uint32(header[:])
		if size > MaxFrameBytes {
			return Fail(TooLarge, "a request of %d bytes; the limit is %d", size, MaxFrameBytes)
		}
		frame := make([]byte, size)
		if _, err := io.ReadFull(reader, frame); err != nil {
			return err
		}
		go func() { writer.write(answer(frame, methods)) }()
	}
}

// answer runs one request and returns the JSON of its response.
func answer(frame []byte, methods Methods) []byte {
	var req request
	if err := json.Unmarshal(frame, &req); err != nil {
		return failureFrame(0, Fail(Invalid, "request: %v", err))
	}
	ctx, cancel := context.Background(), func() {}
	if req.DeadlineMS > 0 {
		deadline := time.Duration(req.DeadlineMS) * time.Millisecond
		ctx, cancel = context.WithTimeout(ctx, deadline)
	}
	defer cancel()
	result, err := run(ctx, req, methods)
	if err != nil {
		if ctx.Err() != nil {
			err = Fail(Timeout, "%s did not finish in %d ms", req.Method, req.DeadlineMS)
		}
		return failureFrame(req.ID, Wrap(Internal, err))
	}
	return resultFrame(req, result)
}

// run calls the handler; a panic in it becomes an error, so that one bad input never ends the worker.
func run(ctx context.Context, req request, methods Methods) (result any, err error) {
	handler, known := methods[req.Method]
	if !known {
		return nil, Fail(Invalid, "unknown method %q", req.Method)
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = Fail(Internal, "%s panicked: %v\n%s", req.Method, cause, debug.Stack())
		}
	}()
	return handler(ctx, req.Params)
}

func resultFrame(req request, result any) []byte {
	raw, isRaw := result.(Raw)
	if !isRaw {
		encoded, err := json.Marshal(result)
		if err != nil {
			return failureFrame(req.ID, Fail(Internal, "%s: result: %v", req.Method, err))
		}
		raw = encoded
	}
	if len(raw) > MaxFrameBytes-64 {
		return failureFrame(req.ID, Fail(TooLarge, "%s: a result of %d bytes; the limit is %d",
			req.Method, len(raw), MaxFrameBytes))
	}
	frame := make([]byte, 0, len(raw)+48)
	frame = append(frame, `{"id":`...)
	frame = strconv.AppendUint(frame, req.ID, 10)
	frame = append(frame, `,"result":`...)
	frame = append(frame, raw...)
	return append(frame, '}')
}

func failureFrame(id uint64, failure *Failure) []byte {
	encoded, err := json.Marshal(map[string]any{"id": id, "error": failure})
	if err != nil { // two strings always encode
		panic(err)
	}
	return encoded
}

// frameWriter writes whole frames, one at a time.
type frameWriter struct {
	mu  sync.Mutex
	out *bufio.Writer
}

// write ignores errors of the pipe: when the parent is gone, so is the reader of stdin.
func (w *frameWriter) write(frame []byte) {
	var header [4]byte
	binary.BigEndian.PutUint32(header[:], uint32(len(frame)))
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = w.out.Write(header[:])
	_, _ = w.out.Write(frame)
	_ = w.out.Flush()
}
