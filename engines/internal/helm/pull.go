package helm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"trimtab.dev/engines/internal/files"
	"trimtab.dev/engines/internal/worker"
)

type resolveParams struct {
	Repository Repository `json:"repository"`
	Chart      string     `json:"chart"`
	Version    string     `json:"version"`
}

// resolve returns the newest version that a constraint allows, with the digest that the index states.
func resolve(ctx context.Context, params resolveParams) (any, error) {
	ctx = worker.WithNetwork(ctx)
	repository, err := connect(params.Repository)
	if err != nil {
		return nil, err
	}
	found, err := repository.find(ctx, params.Chart, params.Version)
	if err != nil {
		return nil, err
	}
	return map[string]string{"version": found.Version, "digest": found.Digest}, nil
}

type pullParams struct {
	Repository Repository `json:"repository"`
	Chart      string     `json:"chart"`
	Version    string     `json:"version"`
	Into       string     `json:"into"`
}

// pull unpacks a chart into a folder of its name.
func pull(ctx context.Context, params pullParams) (any, error) {
	ctx = worker.WithNetwork(ctx)
	repository, err := connect(params.Repository)
	if err != nil {
		return nil, err
	}
	found, content, err := download(ctx, repository, params.Chart, params.Version)
	if err != nil {
		return nil, err
	}
	name, err := unpack(content, params.Into)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	return map[string]string{
		"version": found.Version, "digest": "sha256:" + hex.EncodeToString(sum[:]), "path": name,
	}, nil
}

func download(ctx context.Context, from chartRepository, chart, constraint string) (version, []byte, error) {
	found, err := from.find(ctx, chart, constraint)
	if err != nil {
		return found, nil, err
	}
	content, err := from.fetch(ctx, chart, found)
	return found, content, err
}

// unpack writes an archive's files below dir and returns the name of the chart's folder.
func unpack(content []byte, dir string) (string, error) {
	loaded, err := loader.LoadArchive(bytes.NewReader(content))
	if err != nil {
		return "", worker.Fail(worker.Invalid, "chart archive: %v", err)
	}
	unpacked, err := archive.LoadArchiveFiles(bytes.NewReader(content))
	if err != nil {
		return "", worker.Fail(worker.Invalid, "chart archive: %v", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", worker.Fail(worker.Invalid, "cannot unpack: %v", err)
	}
	root, err := files.Open(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	name := path.Base(loaded.Name())
	for _, file := range unpacked {
		if err := root.WriteFile(path.Join(name, file.Name), file.Data); err != nil {
			return "", err
		}
	}
	return name, nil
}
