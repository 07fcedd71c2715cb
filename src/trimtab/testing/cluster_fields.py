"""Which fields a manager owns, as an API server reckons it: the fake cluster's server-side apply.

Theory: an object is a set of leaves, each with a path. Maps are granular; lists are merged by key,
or as sets, where built-in types say so, and are one leaf otherwise. A path element is written as in
fieldsV1: ``f:name``, ``k:{"name":"x"}``, ``v:"x"``; ``.`` is a list item's own existence.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Literal, cast

from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest import GroupKind

Path = tuple[str, ...]
ListType = Literal["atomic", "set"] | tuple[str, ...]
Tree = dict[str, JsonValue]

_KEYED: dict[str, tuple[str, ...]] = {
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
_DEFAULTS: dict[str, JsonValue] = {"protocol": "TCP"}
_ATOMIC_MAPS = frozenset({"selector", "matchLabels"})
# What an API server leaves out of managedFields: identity and what only it may set.
_UNMANAGED: frozenset[Path] = frozenset(
    {
        ("f:apiVersion",),
        ("f:kind",),
        *(
            ("f:metadata", f"f:{name}")
            for name in (
                "creationTimestamp",
                "deletionGracePeriodSeconds",
                "deletionTimestamp",
                "generation",
                "managedFields",
                "name",
                "namespace",
                "resourceVersion",
                "selfLink",
                "uid",
            )
        ),
    }
)


def list_type(kind: GroupKind, field: str, path: Path) -> ListType:
    """Return how a list is merged: by these keys, as a set, or not at all."""
    if field == "finalizers" and path[:1] == ("f:metadata",):
        return "set"
    if field == "ownerReferences" and path[:1] == ("f:metadata",):
        return _KEYED[field]
    if _is_custom(kind):
        return "atomic"
    if field == "ports":
        return ("port", "protocol") if kind.kind == "Service" else ("containerPort", "protocol")
    return _KEYED.get(field, "atomic")


def leaves(kind: GroupKind, body: JsonObject) -> dict[Path, JsonValue]:
    """Return the managed leaves of an object with their values.

    Raises:
        ValueError: Two items of a list have the same key.
    """
    found: dict[Path, JsonValue] = {}
    for name, value in body.items():
        _walk(kind, value, (f"f:{name}",), found)
    return {
        path: value
        for path, value in found.items()
        if path[:1] not in _UNMANAGED and path[:2] not in _UNMANAGED
    }


def _walk(kind: GroupKind, value: JsonValue, path: Path, found: dict[Path, JsonValue]) -> None:
    field = path[-1][2:]
    if isinstance(value, Mapping) and value and not _is_atomic_map(field, kind):
        for name, child in value.items():
            _walk(kind, child, (*path, f"f:{name}"), found)
        return
    how = list_type(kind, field, path) if isinstance(value, list) and value else "atomic"
    if how == "atomic":
        found[path] = value
        return
    for item in cast("list[JsonValue]", value):
        at = (*path, item_element(how, item))
        if at in found or (*at, ".") in found:
            raise ValueError(f"duplicate entries for key {at[-1][2:]} in {field}")
        if how == "set":
            found[at] = item
            continue
        found[(*at, ".")] = True
        for name, child in cast("JsonObject", item).items():
            _walk(kind, child, (*at, f"f:{name}"), found)


def _is_atomic_map(field: str, kind: GroupKind) -> bool:
    return field in _ATOMIC_MAPS and not _is_custom(kind)


def _is_custom(kind: GroupKind) -> bool:
    """Whether no list or map types are known, as for a CRD whose schema declares none."""
    return "." in kind.group and not kind.group.endswith(".k8s.io")


def item_element(how: ListType, item: JsonValue) -> str:
    """Return the path element of a list item."""
    if how == "set" or how == "atomic":
        return f"v:{json.dumps(item, separators=(',', ':'))}"
    fields = cast("JsonObject", item)
    key = {name: fields.get(name, _DEFAULTS.get(name)) for name in sorted(how)}
    return f"k:{json.dumps(key, separators=(',', ':'))}"


def fields_of(paths: Iterable[Path]) -> Tree:
    """Return paths as fieldsV1."""
    root: Tree = {}
    for path in sorted(paths):
        node = root
        for element in path:
            node = cast("Tree", node.setdefault(element, {}))
    return root


def paths_of(fields: JsonObject) -> frozenset[Path]:
    """Return the leaves of fieldsV1; a map's dot, which only real servers write, is ignored."""
    found: set[Path] = set()

    def walk(node: JsonObject, path: Path) -> None:
        if not node and path:
            found.add(path)
        for element, child in node.items():
            if element == "." and not path[-1].startswith("k:"):
                continue
            walk(cast("JsonObject", child), (*path, element))

    walk(fields, ())
    return frozenset(found)


def merge(
    kind: GroupKind, live: JsonValue, applied: JsonValue, path: Path = (), *, nulls: bool = False
) -> JsonValue:
    """Return ``live`` with everything that ``applied`` says.

    Args:
        kind: Decides how lists merge.
        live: Base value.
        applied: What to lay over it.
        path: Where the values are.
        nulls: A null removes, and ``$patch: delete`` removes an item: a strategic merge patch.
    """
    field = path[-1][2:] if path else ""
    if isinstance(applied, Mapping):
        is_atomic = _is_atomic_map(field, kind) and not nulls
        base: JsonObject = {} if is_atomic or not isinstance(live, Mapping) else live
        result: Tree = dict(base)
        for name, value in applied.items():
            if nulls and value is None:
                result.pop(name, None)
                continue
            result[name] = merge(kind, base.get(name), value, (*path, f"f:{name}"), nulls=nulls)
        return result
    if isinstance(applied, list) and isinstance(live, list):
        how = list_type(kind, field, path)
        if how != "atomic":
            return _merge_list(kind, live, applied, path, how, nulls=nulls)
    return applied


def _merge_list(
    kind: GroupKind,
    live: list[JsonValue],
    applied: list[JsonValue],
    path: Path,
    how: ListType,
    *,
    nulls: bool,
) -> list[JsonValue]:
    held = {item_element(how, item): item for item in live}
    laid = {item_element(how, item): item for item in applied}
    result: list[JsonValue] = []
    for element in [*laid, *(each for each in held if each not in laid)]:
        item = laid.get(element)
        if isinstance(item, Mapping) and item.get("$patch") == "delete":
            continue
        if element not in laid:
            result.append(held[element])
        elif how == "set":
            result.append(item)
        else:
            result.append(merge(kind, held.get(element), item, (*path, element), nulls=nulls))
    return result


def without(kind: GroupKind, body: JsonObject, paths: Iterable[Path]) -> JsonObject:
    """Return an object without these leaves, and without the maps and lists they leave empty."""
    gone = frozenset(paths)
    return cast("JsonObject", _pruned(kind, body, (), gone)) if gone else body


def _pruned(kind: GroupKind, value: JsonValue, path: Path, gone: frozenset[Path]) -> JsonValue:
    field = path[-1][2:] if path else ""
    if isinstance(value, Mapping) and not _is_atomic_map(field, kind):
        result: Tree = {}
        for name, child in value.items():
            at = (*path, f"f:{name}")
            if at in gone:
                continue
            kept = _pruned(kind, child, at, gone)
            if kept not in ({}, []) or kept == child:
                result[name] = kept
        return result
    if isinstance(value, list) and (how := list_type(kind, field, path)) != "atomic":
        kept_items: list[JsonValue] = []
        for item in value:
            at = (*path, item_element(how, item))
            if at not in gone and (*at, ".") not in gone:
                kept_items.append(_pruned(kind, item, at, gone) if how != "set" else item)
        return kept_items
    return value
