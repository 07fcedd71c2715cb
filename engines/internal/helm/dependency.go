package helm

import (
	"context"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"

	"trimtab.dev/engines/internal/files"
	"trimtab.dev/engines/internal/worker"
)

type dependencyParams struct {
	Root         string       `json:"root"`
	Path         string       `json:"path"`
	Repositories []Repository `json:"repositories"`
}

// dependency fetches what Chart.yaml names and charts/ lacks, in the locked version if there is a lock.
func dependency(ctx context.Context, params dependencyParams) (any, error) {
	ctx = worker.WithNetwork(ctx)
	root, err := files.Open(params.Root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	parent, err := load(root, params.Path)
	if err != nil {
		return nil, err
	}
	added := []string{}
	for _, wanted := range parent.Metadata.Dependencies {
		if isPresent(parent, wanted) {
			continue
		}
		name, content, err := fetchDependency(ctx, root, parent, wanted, params)
		if err != nil {
			return nil, worker.Fail(worker.Wrap(worker.Render, err).Code, "dependency %s of %s: %v", wanted.Name, parent.Name(), err)
		}
		if err := root.WriteFile(path.Join(params.Path, "charts", name), content); err != nil {
			return nil, err
		}
		added = append(added, name)
	}
	return map[string]any{"added": added}, nil
}

func isPresent(parent *chart.Chart, wanted *chart.Dependency) bool {
	return slices.ContainsFunc(parent.Dependencies(), func(found *chart.Chart) bool {
		return found.Name() == wanted.Name && satisfies(found.Metadata.Version, wanted.Version)
	})
}

// fetchDependency returns the file name and the content of the dependency's archive.
func fetchDependency(
	ctx context.Context, root *files.Root, parent *chart.Chart, wanted *chart.Dependency, params dependencyParams,
) (string, []byte, error) {
	if local, isLocal := strings.CutPrefix(wanted.Repository, "file://"); isLocal {
		return packLocal(root, path.Join(params.Path, local), wanted)
	}
	if wanted.Repository == "" {
		return "", nil, worker.Fail(worker.NotFound, "it has no repository and is not in charts/")
	}
	repository, err := connect(credentialsFor(wanted.Repository, params.Repositories))
	if err != nil {
		return "", nil, err
	}
	found, content, err := download(ctx, repository, wanted.Name, lockedVersion(parent, wanted))
	if err != nil {
		return "", nil, err
	}
	return wanted.Name + "-" + found.Version + ".tgz", content, nil
}

func lockedVersion(parent *chart.Chart, wanted *chart.Dependency) string {
	if parent.Lock != nil {
		for _, locked := range parent.Lock.Dependencies {
			if locked.Name == wanted.Name && satisfies(locked.Version, wanted.Version) {
				return locked.Version
			}
		}
	}
	return wanted.Version
}

// credentialsFor takes the credentials of the longest known URL that the repository's begins with. A
// plain-http registry among them says how to reach an oci:// URL of the same host.
func credentialsFor(wanted string, known []Repository) Repository {
	best := Repository{URL: wanted}
	longest := -1
	bare := stripScheme(wanted)
	for _, each := range known {
		prefix := stripScheme(each.URL)
		if (bare == prefix || strings.HasPrefix(bare, prefix+"/")) && len(prefix) > longest {
			longest = len(prefix)
			best = each
			best.URL = wanted
			if strings.HasPrefix(wanted, "oci://") && strings.HasPrefix(each.URL, "http://") {
				best.URL, best.OCI = "http://"+bare, true
			}
		}
	}
	return best
}

func stripScheme(address string) string {
	if _, rest, found := strings.Cut(address, "://"); found {
		address = rest
	}
	return strings.TrimRight(address, "/")
}

// packLocal archives a chart of the same repository.
func packLocal(root *files.Root, dir string, wanted *chart.Dependency) (string, []byte, error) {
	loaded, err := load(root, dir)
	if err != nil {
		return "", nil, err
	}
	if !satisfies(loaded.Metadata.Version, wanted.Version) {
		return "", nil, worker.Fail(worker.NotFound, "%s has version %s, wanted is %s", dir, loaded.Metadata.Version, wanted.Version)
	}
	scratch, err := os.MkdirTemp("", "trimtab-chart-")
	if err != nil {
		return "", nil, worker.Wrap(worker.Internal, err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	file, err := chartutil.Save(loaded, scratch)
	if err != nil {
		return "", nil, worker.Wrap(worker.Render, err)
	}
	content, err := os.ReadFile(file)
	return path.Base(file), content, err
}

func satisfies(have, constraint string) bool {
	if constraint == "" {
		return true
	}
	allowed, err := semver.NewConstraint(constraint)
	if err != nil {
		return false
	}
	version, err := semver.NewVersion(have)
	return err == nil && allowed.Check(version)
}
