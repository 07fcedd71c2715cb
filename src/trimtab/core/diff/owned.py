"""The part of an object that a set of field paths names: what its owner applied."""

from collections.abc import Mapping, Sequence
from typing import cast

from trimtab.core import JsonObject, JsonValue
from trimtab.core.diff.fieldset import MEMBER, FieldSet, Node
from trimtab.core.diff.paths import find_item
from trimtab.core.manifest import LiveObject, as_object


def owned_object(live: LiveObject, paths: FieldSet) -> JsonObject:
    """Return a manifest with the identity of an object and its values at the paths of a set.

    Args:
        live: The object.
        paths: What to keep; paths that it does not have are left out.
    """
    body = live.body()
    kept = as_object(_kept(body, paths.root))
    identity = {
        name: value
        for name, value in (("name", live.key.name), ("namespace", live.key.namespace))
        if value
    }
    metadata = {**identity, **as_object(kept.get("metadata"))}
    head = {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata}
    return head | {name: value for name, value in kept.items() if name not in head}


def _kept(value: JsonValue, node: Node) -> JsonValue:
    if not node:
        return value
    if isinstance(value, Mapping):
        wanted = {name: node.get(f"f:{name}") for name in value}
        return {
            name: _kept(value[name], child) for name, child in wanted.items() if child is not None
        }
    if not isinstance(value, list | tuple):
        return value
    items = tuple(cast("Sequence[JsonValue]", value))
    children = {find_item(items, segment): c for segment, c in node.items() if segment != MEMBER}
    return [
        _kept(item, child)
        for position, item in enumerate(items)
        if (child := children.get(position)) is not None
    ]
