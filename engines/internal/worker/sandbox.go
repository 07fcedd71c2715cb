package worker

import (
	"context"
	"errors"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
)

// LimitMemory makes the kernel refuse more than bytes of data to this process, and the garbage
// collector work harder from nine tenths of it on. Go reserves address space that it never touches,
// therefore RLIMIT_DATA and not RLIMIT_AS. Zero means no limit.
func LimitMemory(bytes uint64) error {
	if bytes == 0 {
		return nil
	}
	debug.SetMemoryLimit(int64(bytes / 10 * 9))
	return syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: bytes, Max: bytes})
}

type networkKey struct{}

// WithNetwork marks a context as one whose request may use the network.
func WithNetwork(ctx context.Context) context.Context {
	return context.WithValue(ctx, networkKey{}, true)
}

// ErrNoNetwork is what every attempt to fetch something gets from a method that only renders.
var ErrNoNetwork = errors.New("rendering has no network: only helm.pull, helm.resolve and " +
	"helm.dependency may fetch")

type offline struct{ online http.RoundTripper }

func (o offline) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Context().Value(networkKey{}) == nil {
		return nil, ErrNoNetwork
	}
	return o.online.RoundTrip(request)
}

// Isolate closes the ways by which the libraries reach out behind our back: Go's default HTTP
// transport (remote kustomize resources), and programs found through PATH (git clones of remote
// bases, exec plugins). Pulls use transports of their own.
func Isolate() {
	http.DefaultTransport = offline{online: http.DefaultTransport}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !slices.Contains(kept, strings.ToUpper(name)) {
			_ = os.Unsetenv(name)
		}
	}
}

// kept are the variables that pulls need: proxies, certificate authorities, a place for downloads.
var kept = []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR"}
