"""Argo CD's wire models as core values."""

from collections.abc import Mapping

import msgspec

from trimtab.core import JsonObject
from trimtab.core.diff import IgnoreRules, parse_ignore_rules
from trimtab.core.render import (
    DirectoryRequest,
    HelmFileParameter,
    HelmParameter,
    HelmRequest,
    JsonnetVariable,
    KustomizeOptions,
    KustomizePatch,
    SourceSpec,
)
from trimtab.crds.argoproj_v1alpha1.application import ApplicationSpec, IgnoreDifference
from trimtab.crds.argoproj_v1alpha1.source import (
    ApplicationSource,
    DirectorySource,
    HelmSource,
    JsonnetVar,
    KustomizeSource,
    PluginSource,
)


def sources_of(spec: ApplicationSpec) -> tuple[ApplicationSource, ...]:
    """Return an Application's sources: ``sources`` where there are any, else ``source``."""
    if spec.sources:
        return spec.sources
    return (spec.source,) if spec.source else ()


def map_source(source: ApplicationSource) -> SourceSpec:
    """Return the core value of a source."""
    return SourceSpec(
        repo_url=source.repo_url,
        path=source.path,
        revision=source.target_revision,
        chart=source.chart,
        ref=source.ref,
        helm=_helm(source.helm) if source.helm else None,
        kustomize=_kustomize(source.kustomize) if source.kustomize else None,
        directory=_directory(source.directory) if source.directory else None,
        has_plugin=source.plugin is not None and source.plugin != PluginSource(),
        name=source.name,
        tag_prefix=source.tag_prefix,
    )


def map_ignore_rules(
    differences: tuple[IgnoreDifference, ...],
    overrides: Mapping[str, JsonObject] | None = None,
) -> IgnoreRules:
    """Return what ``spec.ignoreDifferences`` and the installation's overrides leave out."""
    entries: list[JsonObject] = [msgspec.to_builtins(entry) for entry in differences]
    return parse_ignore_rules(entries, overrides)


def _helm(helm: HelmSource) -> HelmRequest:
    return HelmRequest(
        path="",
        release_name=helm.release_name,
        namespace=helm.namespace,
        value_files=helm.value_files,
        values=helm.values,
        values_object=msgspec.to_builtins(helm.values_object),
        parameters=tuple(HelmParameter(p.name, p.value, p.force_string) for p in helm.parameters),
        file_parameters=tuple(HelmFileParameter(p.name, p.path) for p in helm.file_parameters),
        kube_version=helm.kube_version,
        api_versions=helm.api_versions,
        skip_crds=helm.skip_crds,
        skip_tests=helm.skip_tests,
        skip_schema_validation=helm.skip_schema_validation,
        ignore_missing_value_files=helm.ignore_missing_value_files,
    )


def _kustomize(kustomize: KustomizeSource) -> KustomizeOptions:
    return KustomizeOptions(
        name_prefix=kustomize.name_prefix,
        name_suffix=kustomize.name_suffix,
        images=kustomize.images,
        replicas=tuple((entry.name, entry.count) for entry in kustomize.replicas),
        common_labels=kustomize.common_labels,
        common_annotations=kustomize.common_annotations,
        force_common_labels=kustomize.force_common_labels,
        force_common_annotations=kustomize.force_common_annotations,
        label_without_selector=kustomize.label_without_selector,
        label_include_templates=kustomize.label_include_templates,
        common_annotations_envsubst=kustomize.common_annotations_envsubst,
        namespace=kustomize.namespace,
        components=kustomize.components,
        ignore_missing_components=kustomize.ignore_missing_components,
        patches=tuple(
            KustomizePatch(
                path=patch.path,
                patch=patch.patch,
                target=msgspec.to_builtins(patch.target) if patch.target else None,
                options=patch.options,
            )
            for patch in kustomize.patches
        ),
    )


def _directory(directory: DirectorySource) -> DirectoryRequest:
    jsonnet = directory.jsonnet
    return DirectoryRequest(
        path="",
        recurse=directory.recurse,
        include=directory.include,
        exclude=directory.exclude,
        ext_vars=_variables(jsonnet.ext_vars),
        tlas=_variables(jsonnet.tlas),
        libs=jsonnet.libs,
    )


def _variables(variables: tuple[JsonnetVar, ...]) -> tuple[JsonnetVariable, ...]:
    return tuple(JsonnetVariable(v.name, v.value, v.code) for v in variables)
