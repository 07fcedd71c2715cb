"""Parameter overrides: files beside the manifests that lay settings over the Application's own.

A file is a partial source in Argo CD's wire form. It is merged as a JSON merge patch: a scalar or a
list replaces, a map is merged, null resets to the default. Which repository, revision, folder or
chart is rendered is the Application's alone, so those fields are ignored like unknown ones.

Source: Argo CD, ``.argocd-source.yaml`` and ``.argocd-source-<appname>.yaml``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar, cast

from trimtab.core import JsonObject, JsonValue
from trimtab.core.errors import Stalled
from trimtab.core.render.request import (
    DirectoryRequest,
    HelmFileParameter,
    HelmParameter,
    HelmRequest,
    JsonnetVariable,
    KustomizeOptions,
    KustomizePatch,
)
from trimtab.core.render.source import SourceSpec

OVERRIDE_FILE = ".argocd-source.yaml"

_Settings = TypeVar("_Settings", HelmRequest, KustomizeOptions, DirectoryRequest)
_Reader = Callable[[JsonValue, object], object]
_Fields = Mapping[str, tuple[str, _Reader]]


class OverrideInvalid(Stalled):
    """An override file holds something that its field cannot have."""

    def __init__(self, message: str) -> None:
        super().__init__("InvalidOverride", message)


class _Unfit(Exception):
    """A value is not of its field's type; the argument says what was expected."""


def override_files(app_name: str) -> tuple[str, ...]:
    """Return the names of the files that override an application's parameters; the last wins."""
    return (OVERRIDE_FILE, f".argocd-source-{app_name}.yaml") if app_name else (OVERRIDE_FILE,)


def with_override(spec: SourceSpec, patch: JsonValue, *, name: str) -> SourceSpec:
    """Return a source with an override file laid over it.

    Args:
        spec: The source.
        patch: The file's document; None for an empty file.
        name: The file's path, for messages.

    Raises:
        OverrideInvalid: The document is no object, or a field has the wrong type.
    """
    if patch is None:
        return spec
    where = ""
    try:
        for where, value in _object(patch).items():
            spec = _with_setting(spec, where, value)
    except _Unfit as error:
        place = f"{name}: {where}" if where else name
        raise OverrideInvalid(f"{place}: expected {error}: correct the file") from error
    return spec


def _with_setting(spec: SourceSpec, field: str, value: JsonValue) -> SourceSpec:
    match field:
        case "helm":
            blank = HelmRequest(path="", release_name="", namespace="")
            return replace(spec, helm=_merged(spec.helm, value, blank, _HELM))
        case "kustomize":
            blank = KustomizeOptions()
            return replace(spec, kustomize=_merged(spec.kustomize, value, blank, _KUSTOMIZE))
        case "directory":
            blank = DirectoryRequest(path="")
            return replace(spec, directory=_merged(spec.directory, value, blank, _DIRECTORY))
        case "plugin":
            return replace(spec, has_plugin=bool(value))
        case _:
            return spec


def _merged(
    current: _Settings | None, patch: JsonValue, blank: _Settings, fields: _Fields
) -> _Settings | None:
    if patch is None:
        return None
    return _patched(current or blank, _object(patch), blank, fields)


def _patched(
    settings: _Settings, patch: JsonObject, blank: _Settings, fields: _Fields
) -> _Settings:
    changes: dict[str, object] = {}
    for name, value in patch.items():
        if name == "jsonnet" and fields is _DIRECTORY:
            settings = _patched(settings, _object(value or _NO_JSONNET), blank, _JSONNET)
        elif name in fields:
            attribute, read = fields[name]
            changes[attribute] = (
                getattr(blank, attribute)
                if value is None
                else _read(read, name, value, getattr(settings, attribute))
            )
    return replace(settings, **changes)


def _read(read: _Reader, name: str, value: JsonValue, current: object) -> object:
    try:
        return read(value, current)
    except _Unfit as error:
        raise _Unfit(f"{error} as {name}, found {str(value)[:80]!r}") from error


def _object(value: JsonValue) -> JsonObject:
    if not isinstance(value, Mapping):
        raise _Unfit(f"a map, found {str(value)[:80]!r}")
    return value


def _items(value: JsonValue) -> tuple[JsonValue, ...]:
    if not isinstance(value, list | tuple):
        raise _Unfit("a list")
    return tuple(cast("list[JsonValue]", value))


def _text(value: JsonValue, _current: object = None) -> str:
    if not isinstance(value, str):
        raise _Unfit("a string")
    return value


def _flag(value: JsonValue, _current: object = None) -> bool:
    if not isinstance(value, bool):
        raise _Unfit("true or false")
    return value


def _texts(value: JsonValue, _current: object) -> tuple[str, ...]:
    return tuple(_text(item) for item in _items(value))


def _text_map(value: JsonValue, current: object) -> Mapping[str, str]:
    merged = _merge_patch(cast("JsonObject", current or {}), _object(value))
    return {key: _text(item) for key, item in merged.items()}


def _merge_patch(current: JsonObject, patch: JsonObject) -> JsonObject:
    """Return a merge of objects as RFC 7396 defines it."""
    merged = dict(current)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            old = merged.get(name)
            merged[name] = _merge_patch(old if isinstance(old, Mapping) else {}, value)
        else:
            merged[name] = value
    return merged


def _values_object(value: JsonValue, current: object) -> JsonObject:
    return _merge_patch(cast("JsonObject", current or {}), _object(value))


def _text_in(item: JsonObject, name: str) -> str:
    return _text(item.get(name) or "")


def _flag_in(item: JsonObject, name: str) -> bool:
    return _flag(item.get(name) or False)


def _parameters(value: JsonValue, _current: object) -> tuple[HelmParameter, ...]:
    items = [_object(item) for item in _items(value)]
    return tuple(
        HelmParameter(_text_in(i, "name"), _text_in(i, "value"), _flag_in(i, "forceString"))
        for i in items
    )


def _file_parameters(value: JsonValue, _current: object) -> tuple[HelmFileParameter, ...]:
    items = [_object(item) for item in _items(value)]
    return tuple(HelmFileParameter(_text_in(i, "name"), _text_in(i, "path")) for i in items)


def _replicas(value: JsonValue, _current: object) -> tuple[tuple[str, int | str], ...]:
    items = [_object(item) for item in _items(value)]
    return tuple((_text_in(item, "name"), _count(item.get("count"))) for item in items)


def _count(value: JsonValue) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _Unfit("whole numbers")
    return value


def _patches(value: JsonValue, _current: object) -> tuple[KustomizePatch, ...]:
    return tuple(_patch(_object(item)) for item in _items(value))


def _patch(item: JsonObject) -> KustomizePatch:
    options = _object(item.get("options") or {})
    return KustomizePatch(
        path=_text_in(item, "path"),
        patch=_text_in(item, "patch"),
        target=_text_map(item.get("target") or {}, None) or None,
        options={key: _flag(flag) for key, flag in options.items()} or None,
    )


def _variables(value: JsonValue, _current: object) -> tuple[JsonnetVariable, ...]:
    items = [_object(item) for item in _items(value)]
    return tuple(
        JsonnetVariable(_text_in(i, "name"), _text_in(i, "value"), _flag_in(i, "code"))
        for i in items
    )


_HELM: _Fields = {
    "valueFiles": ("value_files", _texts),
    "parameters": ("parameters", _parameters),
    "releaseName": ("release_name", _text),
    "values": ("values", _text),
    "fileParameters": ("file_parameters", _file_parameters),
    "ignoreMissingValueFiles": ("ignore_missing_value_files", _flag),
    "skipCrds": ("skip_crds", _flag),
    "skipTests": ("skip_tests", _flag),
    "skipSchemaValidation": ("skip_schema_validation", _flag),
    "valuesObject": ("values_object", _values_object),
    "namespace": ("namespace", _text),
    "kubeVersion": ("kube_version", _text),
    "apiVersions": ("api_versions", _texts),
}
_KUSTOMIZE: _Fields = {
    "namePrefix": ("name_prefix", _text),
    "nameSuffix": ("name_suffix", _text),
    "images": ("images", _texts),
    "replicas": ("replicas", _replicas),
    "commonLabels": ("common_labels", _text_map),
    "commonAnnotations": ("common_annotations", _text_map),
    "forceCommonLabels": ("force_common_labels", _flag),
    "forceCommonAnnotations": ("force_common_annotations", _flag),
    "labelWithoutSelector": ("label_without_selector", _flag),
    "labelIncludeTemplates": ("label_include_templates", _flag),
    "commonAnnotationsEnvsubst": ("common_annotations_envsubst", _flag),
    "namespace": ("namespace", _text),
    "components": ("components", _texts),
    "ignoreMissingComponents": ("ignore_missing_components", _flag),
    "patches": ("patches", _patches),
}
_DIRECTORY: _Fields = {
    "recurse": ("recurse", _flag),
    "include": ("include", _text),
    "exclude": ("exclude", _text),
}
_JSONNET: _Fields = {
    "extVars": ("ext_vars", _variables),
    "tlas": ("tlas", _variables),
    "libs": ("libs", _texts),
}
_NO_JSONNET: JsonObject = dict.fromkeys(_JSONNET)
