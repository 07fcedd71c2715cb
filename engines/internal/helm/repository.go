package helm

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"sigs.k8s.io/yaml"

	"trimtab.dev/engines/internal/versions"
	"trimtab.dev/engines/internal/worker"
)

const (
	maxIndexBytes   = 128 << 20
	maxArchiveBytes = 100 << 20
)

// Repository is a Helm repository or an OCI registry, and how to get in.
type Repository struct {
	URL      string `json:"url"`
	Username string `json:"username"`
	Password string `json:"password"`
	CA       string `json:"ca"`
	Cert     string `json:"cert"`
	Key      string `json:"key"`
	Insecure bool   `json:"insecure"`
	OCI      bool   `json:"oci"`
}

// version is a chart's version as a repository knows it.
type version struct {
	Version string   `json:"version"`
	Digest  string   `json:"digest"`
	URLs    []string `json:"urls"`
}

// chartRepository finds versions of charts and fetches their archives.
type chartRepository interface {
	// find returns the newest version that a constraint allows.
	find(ctx context.Context, chart, constraint string) (version, error)
	fetch(ctx context.Context, chart string, found version) ([]byte, error)
}

func connect(repository Repository) (chartRepository, error) {
	client, err := httpClient(repository)
	if err != nil {
		return nil, err
	}
	if repository.OCI || strings.HasPrefix(repository.URL, "oci://") {
		return connectRegistry(repository, client)
	}
	base, err := url.Parse(strings.TrimRight(repository.URL, "/") + "/")
	if err != nil || base.Scheme != "http" && base.Scheme != "https" {
		return nil, worker.Fail(worker.Invalid, "chart repository %q: expected an http, https or oci URL", repository.URL)
	}
	return &indexRepository{Repository: repository, base: base, client: client}, nil
}

func httpClient(repository Repository) (*http.Client, error) {
	settings := &tls.Config{InsecureSkipVerify: repository.Insecure, MinVersion: tls.VersionTLS12}
	if repository.CA != "" {
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM([]byte(repository.CA)) {
			return nil, worker.Fail(worker.Invalid, "chart repository %s: the CA is not PEM", repository.URL)
		}
	}
	if repository.Cert != "" {
		pair, err := tls.X509KeyPair([]byte(repository.Cert), []byte(repository.Key))
		if err != nil {
			return nil, worker.Fail(worker.Invalid, "chart repository %s: client certificate: %v", repository.URL, err)
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: settings, DisableKeepAlives: true}
	return &http.Client{Transport: transport}, nil
}

// indexRepository is a classic Helm repository: an index.yaml and archives.
type indexRepository struct {
	Repository
	base   *url.URL
	client *http.Client
}

func (r *indexRepository) find(ctx context.Context, chart, constraint string) (version, error) {
	text, err := r.get(ctx, r.base.JoinPath("index.yaml"), maxIndexBytes)
	if err != nil {
		return version{}, err
	}
	var index struct {
		Entries map[string][]version `json:"entries"`
	}
	if err := yaml.Unmarshal(text, &index); err != nil {
		return version{}, worker.Fail(worker.Unreachable, "%sindex.yaml: %v", r.base.Redacted(), err)
	}
	entries, known := index.Entries[chart]
	if !known {
		return version{}, worker.Fail(worker.NotFound, "chart %s is not in %s", chart, r.base.Redacted())
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Version)
	}
	chosen, err := choose(constraint, names)
	if err != nil {
		return version{}, err
	}
	for _, entry := range entries {
		if entry.Version == chosen && chosen != "" {
			return entry, nil
		}
	}
	return version{}, worker.Fail(worker.NotFound, "chart %s in %s has no version that matches %q", chart, r.base.Redacted(), constraint)
}

// choose prefers the very version that was asked for, which may be a pre-release.
func choose(constraint string, names []string) (string, error) {
	for _, name := range names {
		if name == constraint {
			return name, nil
		}
	}
	if constraint == "" {
		constraint = "*"
	}
	return versions.Best(constraint, names)
}

func (r *indexRepository) fetch(ctx context.Context, chart string, found version) ([]byte, error) {
	if len(found.URLs) == 0 {
		return nil, worker.Fail(worker.NotFound, "chart %s %s has no URL in %s", chart, found.Version, r.base.Redacted())
	}
	target, err := r.base.Parse(found.URLs[0])
	if err != nil {
		return nil, worker.Fail(worker.Invalid, "chart %s %s: URL %q: %v", chart, found.Version, found.URLs[0], err)
	}
	archive, err := r.get(ctx, target, maxArchiveBytes)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(archive)
	if wanted := strings.TrimPrefix(found.Digest, "sha256:"); wanted != "" && wanted != hex.EncodeToString(sum[:]) {
		return nil, worker.Fail(worker.Unreachable, "chart %s %s: the archive's digest is not the one in the index", chart, found.Version)
	}
	return archive, nil
}

// get downloads a file. Credentials go to the repository's own host only.
func (r *indexRepository) get(ctx context.Context, target *url.URL, limit int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
	if err != nil {
		return nil, worker.Fail(worker.Invalid, "%s: %v", target.Redacted(), err)
	}
	if r.Username+r.Password != "" && target.Scheme == r.base.Scheme && target.Host == r.base.Host {
		request.SetBasicAuth(r.Username, r.Password)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, unreachable(target.Redacted(), err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := statusFailure(target.Redacted(), response.StatusCode); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, unreachable(target.Redacted(), err)
	}
	if int64(len(content)) > limit {
		return nil, worker.Fail(worker.TooLarge, "%s is larger than %d bytes", target.Redacted(), limit)
	}
	return content, nil
}

// unreachable drops the URL that net/http puts into its errors: it may hold a password.
func unreachable(place string, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return worker.Fail(worker.Unreachable, "%s: %v", place, err)
}

func statusFailure(place string, status int) error {
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return worker.Fail(worker.Denied, "%s answered %d: wrong or missing credentials", place, status)
	case status == http.StatusNotFound:
		return worker.Fail(worker.NotFound, "%s answered 404", place)
	}
	return worker.Fail(worker.Unreachable, "%s answered %d", place, status)
}
