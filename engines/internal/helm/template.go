// Package helm renders charts as `helm template` does, with Helm's own SDK.
package helm

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	commonutil "helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"

	"trimtab.dev/engines/internal/files"
	"trimtab.dev/engines/internal/manifests"
	"trimtab.dev/engines/internal/worker"
)

type templateParams struct {
	Root                    string          `json:"root"`
	Path                    string          `json:"path"`
	ReleaseName             string          `json:"release_name"`
	Namespace               string          `json:"namespace"`
	ValuesFiles             []string        `json:"values_files"`
	Values                  string          `json:"values"`
	ValuesObject            json.RawMessage `json:"values_object"`
	Parameters              []Parameter     `json:"parameters"`
	FileParameters          []FileParameter `json:"file_parameters"`
	KubeVersion             string          `json:"kube_version"`
	APIVersions             []string        `json:"api_versions"`
	SkipCRDs                bool            `json:"skip_crds"`
	SkipTests               bool            `json:"skip_tests"`
	SkipSchemaValidation    bool            `json:"skip_schema_validation"`
	IgnoreMissingValueFiles bool            `json:"ignore_missing_value_files"`
	IsProbe                 bool            `json:"is_probe"`
}

const notesSuffix = "NOTES.txt"

func template(ctx context.Context, params templateParams) (any, error) {
	root, err := files.Open(params.Root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	ch, err := load(root, params.Path)
	if err != nil {
		return nil, err
	}
	values, err := userValues(root, &params)
	if err != nil {
		return nil, err
	}
	volatile := &recorder{called: map[string]bool{}}
	rendered, err := renderChart(ctx, ch, values, &params, volatile)
	if err != nil {
		return nil, err
	}
	collection, err := collect(ch, rendered, &params)
	if err != nil {
		return nil, err
	}
	collection.Volatile = volatile.names()
	return collection.Result(root.Read()), nil
}

// renderChart returns the text of each template, notes left out.
func renderChart(
	ctx context.Context, ch *chart.Chart, values map[string]any, params *templateParams, volatile *recorder,
) (map[string]string, error) {
	if err := checkChart(ch); err != nil {
		return nil, err
	}
	if err := chartutil.ProcessDependencies(ch, values); err != nil {
		return nil, worker.Fail(worker.Render, "chart dependencies: %v", err)
	}
	capabilities, err := clusterCapabilities(ch, params)
	if err != nil {
		return nil, err
	}
	options := common.ReleaseOptions{
		Name: params.ReleaseName, Namespace: params.Namespace, Revision: 1, IsInstall: true,
	}
	scope, err := commonutil.ToRenderValuesWithSchemaValidation(ch, values, options, capabilities, true)
	if err != nil {
		return nil, worker.Wrap(worker.Render, err)
	}
	if !params.SkipSchemaValidation {
		coalesced, err := scope.Table("Values")
		if err != nil {
			return nil, worker.Wrap(worker.Internal, err)
		}
		if err := validateValues(ch, coalesced); err != nil {
			return nil, err
		}
	}
	templates := engine.Engine{CustomTemplateFuncs: volatile.functions(params.IsProbe)}
	rendered, err := templates.RenderWithContext(ctx, ch, scope)
	if err != nil {
		return nil, worker.Wrap(worker.Render, err)
	}
	for name := range rendered {
		if strings.HasSuffix(name, notesSuffix) {
			delete(rendered, name)
		}
	}
	return rendered, nil
}

// checkChart refuses library charts and charts whose dependencies are not there.
func checkChart(ch *chart.Chart) error {
	if kind := ch.Metadata.Type; kind != "" && kind != "application" {
		return worker.Fail(worker.Render, "chart %s is of type %s, which cannot be installed", ch.Name(), kind)
	}
	var missing []string
	for _, wanted := range ch.Metadata.Dependencies {
		present := slices.ContainsFunc(ch.Dependencies(), func(found *chart.Chart) bool {
			return found.Name() == wanted.Name
		})
		if !present {
			missing = append(missing, wanted.Name)
		}
	}
	if len(missing) > 0 {
		return worker.Fail(worker.Dependencies,
			"found in Chart.yaml, but missing in charts/ directory: %s", strings.Join(missing, ", "))
	}
	return nil
}

func clusterCapabilities(ch *chart.Chart, params *templateParams) (*common.Capabilities, error) {
	capabilities := common.DefaultCapabilities.Copy()
	if params.KubeVersion != "" {
		// A vendor's build metadata ("+eks…") would fail the charts' comparisons.
		plain, _, _ := strings.Cut(params.KubeVersion, "+")
		version, err := common.ParseKubeVersion(plain)
		if err != nil {
			return nil, worker.Fail(worker.Invalid, "kube version %q: %v", params.KubeVersion, err)
		}
		capabilities.KubeVersion = *version
	}
	capabilities.APIVersions = append(capabilities.APIVersions, params.APIVersions...)
	wanted, have := ch.Metadata.KubeVersion, capabilities.KubeVersion.String()
	if wanted != "" && !chartutil.IsCompatibleRange(wanted, have) {
		return nil, worker.Fail(worker.Render,
			"chart requires kubeVersion: %s which is incompatible with Kubernetes %s", wanted, have)
	}
	return capabilities, nil
}

// collect orders the objects as the output of `helm template`: definitions, manifests by kind, hooks.
func collect(ch *chart.Chart, rendered map[string]string, params *templateParams) (*manifests.Collection, error) {
	collection := &manifests.Collection{}
	if !params.SkipCRDs {
		for _, crd := range ch.CRDObjects() {
			if err := addText(collection, crd.Filename, string(crd.File.Data)); err != nil {
				return nil, err
			}
		}
	}
	hooks, plain, err := releaseutil.SortManifests(rendered, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, worker.Wrap(worker.Render, err)
	}
	for _, manifest := range plain {
		if err := addText(collection, manifest.Name, manifest.Content); err != nil {
			return nil, err
		}
	}
	for _, hook := range hooks {
		if params.SkipTests && slices.Contains(hook.Events, release.HookTest) {
			continue
		}
		if err := addText(collection, hook.Path, hook.Manifest); err != nil {
			return nil, err
		}
	}
	return collection, nil
}

// addText decodes one manifest. A key given twice is the chart author's slip, which Helm forgives: it
// is named in a warning.
func addText(to *manifests.Collection, origin, text string) error {
	objects, err := manifests.Decode([]byte(text), manifests.Options{})
	if err != nil {
		lenient, second := manifests.Decode([]byte(text), manifests.Options{AllowDuplicateKeys: true})
		if second != nil {
			failure := worker.Wrap(worker.Render, second)
			return worker.Fail(worker.Render, "%s: %s", origin, failure.Message)
		}
		to.Warn("%s: %v", origin, err)
		objects = lenient
	}
	for _, object := range objects {
		if err := to.AddExpanded(origin, object); err != nil {
			return err
		}
	}
	return nil
}
