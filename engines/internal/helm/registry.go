package helm

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"helm.sh/helm/v4/pkg/registry"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"trimtab.dev/engines/internal/worker"
)

// ociRepository is a registry with charts as OCI artefacts. Its URL may begin with oci://, or with
// http:// for a registry without TLS.
type ociRepository struct {
	base   string // host and path
	client *registry.Client
}

func connectRegistry(repository Repository, transport *http.Client) (chartRepository, error) {
	scheme, base, hasScheme := strings.Cut(repository.URL, "://")
	if !hasScheme {
		scheme, base = "oci", repository.URL
	}
	authorizer := auth.Client{Client: transport, Cache: auth.NewCache()}
	if repository.Username+repository.Password != "" {
		host, _, _ := strings.Cut(base, "/")
		authorizer.Credential = auth.StaticCredential(host, auth.Credential{
			Username: repository.Username, Password: repository.Password,
		})
	}
	options := []registry.ClientOption{
		// No credentials of this machine's user: those of the request are all.
		registry.ClientOptCredentialsFile("/nonexistent/credentials.json"),
		registry.ClientOptHTTPClient(transport),
		registry.ClientOptAuthorizer(authorizer),
	}
	if scheme == "http" {
		options = append(options, registry.ClientOptPlainHTTP())
	}
	client, err := registry.NewClient(options...)
	if err != nil {
		return nil, worker.Fail(worker.Invalid, "registry %s: %v", base, err)
	}
	return &ociRepository{base: strings.TrimRight(base, "/"), client: client}, nil
}

func (r *ociRepository) reference(chart string) string {
	if chart == "" {
		return r.base
	}
	return r.base + "/" + strings.Trim(chart, "/")
}

func (r *ociRepository) find(_ context.Context, chart, constraint string) (version, error) {
	tags, err := r.client.Tags(r.reference(chart))
	if err != nil {
		return version{}, registryFailure(r.reference(chart), err)
	}
	chosen, err := choose(constraint, tags)
	if err != nil {
		return version{}, err
	}
	if chosen == "" {
		return version{}, worker.Fail(worker.NotFound, "%s has no version that matches %q", r.reference(chart), constraint)
	}
	return version{Version: chosen}, nil
}

func (r *ociRepository) fetch(_ context.Context, chart string, found version) ([]byte, error) {
	// A tag cannot hold the "+" of build metadata.
	reference := r.reference(chart) + ":" + strings.ReplaceAll(found.Version, "+", "_")
	pulled, err := r.client.Pull(reference, registry.PullOptWithChart(true))
	if err != nil {
		return nil, registryFailure(reference, err)
	}
	return pulled.Chart.Data, nil
}

func registryFailure(place string, err error) error {
	var answer *errcode.ErrorResponse
	if errors.As(err, &answer) {
		return statusFailure(place, answer.StatusCode)
	}
	return unreachable(place, err)
}
