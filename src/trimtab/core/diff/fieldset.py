"""The paths that a field manager owns: ``fieldsV1`` as a compact set.

A set is kept in the tree form in which it comes over the wire. A segment is ``f:NAME`` (a field),
``k:{...}`` (a list item by its key fields), ``v:VALUE`` (an item of a list that is a set) or
``i:N`` (an item by position). An empty node is a member; a node with children is one only if it
holds ``.`` as well.

Source:
    structured-merge-diff, fieldpath: the FieldsV1 serialisation.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias, cast

import msgspec

from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest import LiveObject, ManagedFieldsEntry

Node: TypeAlias = "Mapping[str, Node]"
"""One node of a set: segment -> node."""

Segments: TypeAlias = tuple[str, ...]
"""A path in the wire's form, for example ``("f:spec", "f:replicas")``."""

MEMBER = "."
_DECODER = msgspec.json.Decoder()
_EMPTY: Node = {}


@lru_cache(maxsize=8192)
def key_fields(segment: str) -> tuple[tuple[str, JsonValue], ...]:
    """Return the key fields of a ``k:`` segment, in the wire's order."""
    fields = cast("dict[str, JsonValue]", _DECODER.decode(segment[2:]))
    return tuple(fields.items())


@lru_cache(maxsize=8192)
def item_value(segment: str) -> JsonValue:
    """Return the value of a ``v:`` segment."""
    return cast("JsonValue", _DECODER.decode(segment[2:]))


@dataclass(frozen=True, slots=True)
class FieldSet:
    """A set of field paths.

    Args:
        root: The tree; empty for the empty set.
    """

    root: Node

    def __bool__(self) -> bool:
        return bool(self.root)

    def __iter__(self) -> Iterator[Segments]:
        return _members(self.root, ())

    def __contains__(self, path: object) -> bool:
        node = self.root
        for segment in cast("Segments", path):
            found = node.get(segment)
            if found is None:
                return False
            node = found
        return bool(path) and (not node or MEMBER in node)

    def __or__(self, other: "FieldSet") -> "FieldSet":
        if not self.root or not other.root:
            return self if self.root else other
        return FieldSet(_union(self.root, other.root))

    def __sub__(self, other: "FieldSet") -> "FieldSet":
        return FieldSet(_difference(self.root, other.root) or {})

    def __and__(self, other: "FieldSet") -> "FieldSet":
        return self - (self - other)

    def covers(self, path: Segments) -> bool:
        """Return whether a member is the path, an ancestor that owns it whole, or below it."""
        node = self.root
        for segment in path:
            found = node.get(segment)
            if found is None:
                return not node and node is not self.root
            node = found
        return bool(path)

    def without(self, path: Segments) -> "FieldSet":
        """Return the set without one member and everything below it."""
        return FieldSet(_without(self.root, path) or {})


def parse_fields(fields_v1: bytes | msgspec.Raw | JsonObject) -> FieldSet:
    """Return the set that a ``fieldsV1`` states, as bytes or decoded.

    Raises:
        msgspec.DecodeError: The bytes are no JSON.
    """
    if isinstance(fields_v1, (bytes, msgspec.Raw)):
        return FieldSet(cast("Node", _DECODER.decode(fields_v1)))
    return FieldSet(cast("Node", fields_v1))


def set_of(paths: Iterable[Segments]) -> FieldSet:
    """Return the set whose members are exactly some paths."""
    root: dict[str, Node] = {}
    for path in paths:
        root = cast("dict[str, Node]", _union(root, _chain(path))) if root else _chain(path)
    return FieldSet(root)


def entry_of(
    entries: Iterable[ManagedFieldsEntry] | None,
    manager: str,
    *,
    operation: str = "Apply",
    subresource: str = "",
) -> ManagedFieldsEntry | None:
    """Return the first entry of a manager, or None."""
    for entry in entries or ():
        if (
            entry.manager == manager
            and entry.operation == operation
            and entry.subresource == subresource
        ):
            return entry
    return None


def owned_by(
    entries: Iterable[ManagedFieldsEntry] | None,
    manager: str,
    *,
    operation: str = "Apply",
    subresource: str = "",
) -> FieldSet:
    """Return what a manager owns, over all API versions it wrote with.

    Args:
        entries: metadata.managedFields.
        manager: The field manager's name.
        operation: ``Apply`` or ``Update``.
        subresource: Empty for the object itself.
    """
    owned = FieldSet(_EMPTY)
    for entry in entries or ():
        if (
            entry.manager == manager
            and entry.operation == operation
            and entry.subresource == subresource
        ):
            owned |= parse_fields(entry.fields_v1)
    return owned


def managers_of_path(live: LiveObject, path: Segments) -> tuple[str, ...]:
    """Return the managers that hold a path or something below it, the latest writer first.

    Args:
        live: The object.
        path: The path in the wire's form.

    Returns:
        Empty when nobody is known to hold it. Equal times: an Update before an Apply, since it
        did not have to ask.
    """
    entries = [
        entry
        for entry in live.meta.managed_fields or ()
        if parse_fields(entry.fields_v1).covers(path)
    ]
    entries.sort(key=lambda entry: (entry.time, entry.operation), reverse=True)
    return tuple(dict.fromkeys(entry.manager for entry in entries))


def _members(node: Node, path: Segments) -> Iterator[Segments]:
    for segment, child in node.items():
        if segment == MEMBER:
            continue
        below = (*path, segment)
        if not child or MEMBER in child:
            yield below
        yield from _members(child, below)


def _union(a: Node, b: Node) -> Node:
    merged: dict[str, Node] = dict(a)
    for segment, theirs in b.items():
        ours = merged.get(segment)
        if ours is None:
            merged[segment] = theirs
        elif ours and theirs:
            merged[segment] = _union(ours, theirs)
        elif ours or theirs:
            merged[segment] = {MEMBER: {}, **(ours or theirs)}
    return merged


def _difference(a: Node, b: Node) -> "Node | None":
    """Return ``a`` without the members of ``b``; None when nothing is left."""
    left: dict[str, Node] = {}
    for segment, ours in a.items():
        theirs = b.get(segment)
        if theirs is None:
            left[segment] = ours
        elif segment != MEMBER:
            rest = _node_difference(ours, theirs)
            if rest is not None:
                left[segment] = rest
    return left or None


def _node_difference(ours: Node, theirs: Node) -> "Node | None":
    if not ours:
        return None if not theirs or MEMBER in theirs else ours
    if theirs:
        left = _difference(ours, theirs)
    else:
        left = {segment: node for segment, node in ours.items() if segment != MEMBER}
    # A node whose only content is its own membership is written as an empty one.
    return {} if left == {MEMBER: {}} else (left or None)


def _without(node: Node, path: Segments) -> "Node | None":
    first, *rest = path
    if first not in node:
        return node
    left = dict(node)
    below = _without(left[first], tuple(rest)) if rest else None
    if below:
        left[first] = below
    else:
        del left[first]
    return left or None


def _chain(path: Segments) -> dict[str, Node]:
    node: dict[str, Node] = {}
    for segment in reversed(path):
        node = {segment: node}
    return node
