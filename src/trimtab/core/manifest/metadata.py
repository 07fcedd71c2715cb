"""Reading and copying an object's metadata without changing the object."""

from collections.abc import Mapping
from typing import cast

from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest.desired import Manifest, digest_of
from trimtab.core.manifest.identity import GroupKind, key_of, split_api_version

CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
NAMESPACE = GroupKind("", "Namespace")


def as_object(value: object) -> JsonObject:
    """Return a JSON object as it is, and an empty one for every other value."""
    return cast("JsonObject", value) if isinstance(value, Mapping) else {}


def as_list(value: object) -> tuple[JsonValue, ...]:
    """Return a JSON array's items, and none for every other value."""
    return tuple(cast("list[JsonValue]", value)) if isinstance(value, list | tuple) else ()


def field_at(body: JsonObject, *path: str) -> JsonValue:
    """Return the value at a path of object keys, or None where the path ends early."""
    value: JsonValue = body
    for step in path:
        value = as_object(value).get(step)
    return value


def text_at(body: JsonObject, *path: str) -> str:
    """Return the string at a path, or the empty string."""
    value = field_at(body, *path)
    return value if isinstance(value, str) else ""


def whole_at(body: JsonObject, *path: str) -> int:
    """Return the whole number at a path, or 0."""
    value = field_at(body, *path)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def annotations_of(body: JsonObject) -> Mapping[str, str]:
    """Return metadata.annotations, empty when unset; values that are no strings are left out."""
    return _strings(field_at(body, "metadata", "annotations"))


def labels_of(body: JsonObject) -> Mapping[str, str]:
    """Return metadata.labels, empty when unset; values that are no strings are left out."""
    return _strings(field_at(body, "metadata", "labels"))


def _strings(value: JsonValue) -> Mapping[str, str]:
    return {key: item for key, item in as_object(value).items() if isinstance(item, str)}


def with_metadata(body: JsonObject, changes: Mapping[str, JsonValue]) -> JsonObject:
    """Return a copy with metadata fields set, and those whose new value is None removed."""
    metadata = {**as_object(body.get("metadata")), **changes}
    return {**body, "metadata": {k: v for k, v in metadata.items() if v is not None}}


def with_map_entries(body: JsonObject, field: str, entries: Mapping[str, str | None]) -> JsonObject:
    """Return a copy with labels or annotations set; an entry of None is removed.

    Args:
        body: The object.
        field: ``labels`` or ``annotations``.
        entries: What to set; a map that ends up empty is removed whole.
    """
    current = {**as_object(field_at(body, "metadata", field)), **entries}
    kept = {key: value for key, value in current.items() if value is not None}
    return with_metadata(body, {field: kept or None})


def manifest_of(body: JsonObject) -> Manifest:
    """Return the manifest of an object whose apiVersion, kind and metadata are final."""
    _, version = split_api_version(str(body.get("apiVersion") or ""))
    return Manifest(key_of(body), version, body, digest_of(body))


def is_crd(group_kind: GroupKind) -> bool:
    """Return whether objects of this kind define other kinds."""
    return group_kind == CRD


def defined_kind(body: JsonObject) -> GroupKind | None:
    """Return the kind that a CustomResourceDefinition defines, or None for anything else."""
    if key_of(body).group_kind != CRD:
        return None
    group, kind = text_at(body, "spec", "group"), text_at(body, "spec", "names", "kind")
    return GroupKind(group, kind) if group and kind else None
