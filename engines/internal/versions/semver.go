// Package versions compares semantic versions as Helm and Argo CD do.
package versions

import (
	"context"

	"github.com/Masterminds/semver/v3"

	"trimtab.dev/engines/internal/worker"
)

// Methods are the version methods of the worker.
func Methods() worker.Methods {
	return worker.Methods{
		"semver.match": worker.Typed(match),
		"semver.check": worker.Typed(check),
	}
}

// Best returns the greatest of the names that a constraint allows, empty if there is none. Names that are
// no versions are passed over.
func Best(constraint string, names []string) (string, error) {
	allowed, err := semver.NewConstraint(constraint)
	if err != nil {
		return "", worker.Fail(worker.Invalid, "version constraint %q: %v", constraint, err)
	}
	var best *semver.Version
	for _, name := range names {
		version, err := semver.NewVersion(name)
		if err != nil || !allowed.Check(version) {
			continue
		}
		if best == nil || version.GreaterThan(best) {
			best = version
		}
	}
	if best == nil {
		return "", nil
	}
	return best.Original(), nil
}

type matchParams struct {
	Constraint string   `json:"constraint"`
	Versions   []string `json:"versions"`
}

func match(_ context.Context, params matchParams) (any, error) {
	best, err := Best(params.Constraint, params.Versions)
	if err != nil {
		return nil, err
	}
	return map[string]string{"best": best}, nil
}

type checkParams struct {
	Constraint string `json:"constraint"`
	Version    string `json:"version"`
}

func check(_ context.Context, params checkParams) (any, error) {
	version, err := semver.NewVersion(params.Version)
	if err != nil {
		return nil, worker.Fail(worker.Invalid, "version %q: %v", params.Version, err)
	}
	allowed, err := semver.NewConstraint(params.Constraint)
	if err != nil {
		return nil, worker.Fail(worker.Invalid, "version constraint %q: %v", params.Constraint, err)
	}
	return map[string]bool{"ok": allowed.Check(version)}, nil
}
