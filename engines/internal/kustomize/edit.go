package kustomize

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/kv"
	ldrhelper "sigs.k8s.io/kustomize/api/pkg/loader"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/kustomize/v5/commands/edit/add"
	"sigs.k8s.io/kustomize/kustomize/v5/commands/edit/set"
	"sigs.k8s.io/yaml"

	"trimtab.dev/engines/internal/worker"
)

// Options are Argo CD's kustomize options; all are optional.
type Options struct {
	NamePrefix                string            `json:"name_prefix"`
	NameSuffix                string            `json:"name_suffix"`
	Images                    []string          `json:"images"`
	Replicas                  []Replica         `json:"replicas"`
	CommonLabels              map[string]string `json:"common_labels"`
	ForceCommonLabels         bool              `json:"force_common_labels"`
	LabelWithoutSelector      bool              `json:"label_without_selector"`
	LabelIncludeTemplates     bool              `json:"label_include_templates"`
	CommonAnnotations         map[string]string `json:"common_annotations"`
	ForceCommonAnnotations    bool              `json:"force_common_annotations"`
	CommonAnnotationsEnvsubst bool              `json:"common_annotations_envsubst"`
	Namespace                 string            `json:"namespace"`
	Patches                   []json.RawMessage `json:"patches"`
	Components                []string          `json:"components"`
	IgnoreMissingComponents   bool              `json:"ignore_missing_components"`
	BuildOptions              []string          `json:"build_options"`
	Env                       map[string]string `json:"env"`
}

// Replica sets the count of one workload; the count is a number or a string with one.
type Replica struct {
	Name  string `json:"name"`
	Count any    `json:"count"`
}

// edit changes the kustomization file with kustomize's own edit commands, in the order in which Argo CD
// runs them before a build.
func edit(fsys *boundedFS, options *Options) error {
	editor := &editor{fsys: fsys, options: options}
	for _, step := range []func() error{
		editor.setPrefix, editor.setSuffix, editor.setImages, editor.setReplicas, editor.addLabels,
		editor.addAnnotations, editor.setNamespace, editor.addPatches, editor.addComponents,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

type editor struct {
	fsys    *boundedFS
	options *Options
}

func (e *editor) setPrefix() error {
	if e.options.NamePrefix == "" {
		return nil
	}
	return e.run("set", "nameprefix", "--", e.options.NamePrefix)
}

func (e *editor) setSuffix() error {
	if e.options.NameSuffix == "" {
		return nil
	}
	return e.run("set", "namesuffix", "--", e.options.NameSuffix)
}

func (e *editor) setImages() error {
	if len(e.options.Images) == 0 {
		return nil
	}
	arguments := []string{"set", "image", "--"}
	for _, image := range e.options.Images {
		arguments = append(arguments, e.expand(image))
	}
	return e.run(arguments...)
}

func (e *editor) setReplicas() error {
	if len(e.options.Replicas) == 0 {
		return nil
	}
	arguments := []string{"set", "replicas", "--"}
	for _, replica := range e.options.Replicas {
		text := fmt.Sprint(replica.Count)
		count, err := strconv.Atoi(text)
		if err != nil {
			return worker.Fail(worker.Invalid, "expected integer value for count. Received: %s", text)
		}
		arguments = append(arguments, fmt.Sprintf("%s=%d", replica.Name, count))
	}
	return e.run(arguments...)
}

func (e *editor) addLabels() error {
	if len(e.options.CommonLabels) == 0 {
		return nil
	}
	arguments := []string{"add", "label"}
	if e.options.ForceCommonLabels {
		arguments = append(arguments, "--force")
	}
	if e.options.LabelWithoutSelector {
		arguments = append(arguments, "--without-selector")
	}
	if e.options.LabelIncludeTemplates {
		arguments = append(arguments, "--include-templates")
	}
	return e.run(append(append(arguments, "--"), e.pairs(e.options.CommonLabels, true)...)...)
}

func (e *editor) addAnnotations() error {
	if len(e.options.CommonAnnotations) == 0 {
		return nil
	}
	arguments := []string{"add", "annotation"}
	if e.options.ForceCommonAnnotations {
		arguments = append(arguments, "--force")
	}
	pairs := e.pairs(e.options.CommonAnnotations, e.options.CommonAnnotationsEnvsubst)
	return e.run(append(append(arguments, "--"), pairs...)...)
}

func (e *editor) setNamespace() error {
	if e.options.Namespace == "" {
		return nil
	}
	return e.run("set", "namespace", "--", e.options.Namespace)
}

// addPatches appends to the file's own list: kustomize has no command that takes a patch with options.
func (e *editor) addPatches() error {
	if len(e.options.Patches) == 0 {
		return nil
	}
	name, err := e.kustomizationFile()
	if err != nil {
		return err
	}
	text, err := e.fsys.ReadFile(name)
	if err != nil {
		return err
	}
	var content map[string]any
	if err := yaml.Unmarshal(text, &content); err != nil {
		return worker.Fail(worker.Render, "%s: %v", name, err)
	}
	if content == nil {
		content = map[string]any{}
	}
	list, _ := content["patches"].([]any)
	for _, patch := range e.options.Patches {
		list = append(list, patch)
	}
	content["patches"] = list
	edited, err := yaml.Marshal(content)
	if err != nil {
		return err
	}
	return e.fsys.WriteFile(name, edited)
}

func (e *editor) addComponents() error {
	components := e.options.Components
	if e.options.IgnoreMissingComponents {
		components = slices.DeleteFunc(slices.Clone(components), func(name string) bool {
			return !e.fsys.Exists(name)
		})
	}
	if len(components) == 0 {
		return nil
	}
	return e.run(append([]string{"add", "component", "--"}, components...)...)
}

func (e *editor) kustomizationFile() (string, error) {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if e.fsys.Exists(name) {
			return name, nil
		}
	}
	return "", worker.Fail(worker.NotFound, "kustomization file not found in the path %s", e.fsys.work)
}

// run executes `kustomize edit` with the given arguments.
func (e *editor) run(arguments ...string) error {
	dependencies := provider.NewDepProvider()
	validator, factory := dependencies.GetFieldValidator(), dependencies.GetResourceFactory()
	loader := kv.NewLoader(ldrhelper.NewFileLoaderAtCwd(e.fsys), validator)
	command := &cobra.Command{Use: "edit", SilenceErrors: true, SilenceUsage: true}
	command.AddCommand(
		add.NewCmdAdd(e.fsys, loader, factory), set.NewCmdSet(e.fsys, loader, validator, factory))
	command.SetArgs(arguments)
	command.SetOut(io.Discard)
	command.SetErr(io.Discard)
	if err := command.Execute(); err != nil {
		return worker.Fail(worker.Wrap(worker.Render, err).Code,
			"kustomize edit %s: %v", strings.Join(arguments, " "), err)
	}
	return nil
}

// pairs returns key:value arguments, sorted so that equal inputs edit equally.
func (e *editor) pairs(values map[string]string, expand bool) []string {
	pairs := make([]string, 0, len(values))
	for name, value := range values {
		if expand {
			value = e.expand(value)
		}
		pairs = append(pairs, name+":"+value)
	}
	slices.Sort(pairs)
	return pairs
}

// expand replaces $NAME and ${NAME} by the request's variables; an unknown one becomes empty, and $$ is
// a dollar.
func (e *editor) expand(text string) string {
	return os.Expand(text, func(name string) string {
		if name == "$" {
			return "$"
		}
		return e.options.Env[name]
	})
}
