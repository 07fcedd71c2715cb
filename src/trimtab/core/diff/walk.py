"""Walking desired, live and owned together: the inner loop of the cheap verdict.

It runs for every object on every pass, so the common case (owned and equal) takes one look-up in
each tree and builds nothing.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from trimtab.core import JsonObject, JsonValue
from trimtab.core.diff.changes import ABSENT, MaybeJson
from trimtab.core.diff.fieldset import MEMBER, FieldSet, Node, Segments
from trimtab.core.diff.findings import Findings
from trimtab.core.diff.lists import (
    KeyNames,
    index_items,
    is_known_set,
    is_revealed_set,
    key_segment,
    keys_revealed,
    known_keys,
    value_segment,
)
from trimtab.core.diff.paths import value_at
from trimtab.core.diff.quantities import is_empty, may_be_same

_Owned: TypeAlias = "Node | None"

_UNOWNED: Node = {}
_IDENTITY = frozenset({"apiVersion", "kind"})
_SERVER_METADATA = frozenset(
    {
        "name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields",
        "resourceVersion",
    }
)  # fmt: skip
_FREE_MAPS = frozenset(
    {
        "f:labels", "f:annotations", "f:data", "f:stringData", "f:binaryData", "f:matchLabels",
        "f:nodeSelector",
    }
)  # fmt: skip


class Walk:
    """One comparison.

    Args:
        findings: Where differences go.
        owned: What our Apply entry owns; None when we have none, so that only values count.
        leftovers_count: Whether owning a path that neither side has is a difference.
    """

    __slots__ = ("_findings", "_has_entry", "_leftovers_count", "_root")

    def __init__(
        self, findings: Findings, owned: FieldSet | None, *, leftovers_count: bool
    ) -> None:
        self._findings = findings
        self._root: Node = owned.root if owned else _UNOWNED
        self._has_entry = owned is not None
        self._leftovers_count = leftovers_count

    def walk(self, desired: JsonObject, live: JsonObject) -> None:
        """Compare two whole objects."""
        top = {name: value for name, value in desired.items() if name not in _IDENTITY}
        metadata = top.get("metadata")
        if isinstance(metadata, Mapping):
            top["metadata"] = {
                name: value for name, value in metadata.items() if name not in _SERVER_METADATA
            }
            if not top["metadata"] and "f:metadata" not in self._root:
                del top["metadata"]
        # Where status is a subresource an apply drops it: an entry that does not own it says so.
        if is_empty(top.get("status")) and "f:status" not in self._root:
            top.pop("status", None)
        self._map(top, live, self._root, ())

    def _map(self, want: JsonObject, have: JsonObject, owned: Node, path: Segments) -> None:
        matched = 0
        for name, value in want.items():
            segment = "f:" + name
            node = owned.get(segment)
            current: MaybeJson = have.get(name, ABSENT)
            if node is not None:
                matched += 1
                if (
                    value == current
                    and not node
                    and (value.__class__ is current.__class__ or _same_number(value, current))
                ):
                    continue
                self._value(value, current, node, (*path, segment))
            else:
                self._value(value, current, None, (*path, segment))
        if matched != len(owned) - (MEMBER in owned):
            self._leftovers({"f:" + name for name in want}, have, owned, path)

    def _value(self, want: JsonValue, have: MaybeJson, node: _Owned, path: Segments) -> None:
        """Compare one value; ``node`` is None where we do not own it."""
        if isinstance(want, Mapping) and isinstance(have, Mapping):
            if node or (node is None and want):
                self._map(want, have, node or _UNOWNED, path)
                return
        elif isinstance(want, list | tuple) and isinstance(have, list | tuple) and node != {}:
            self._list(want, have, node, path)
            return
        self._leaf(want, have, node, path)

    def _leaf(self, want: JsonValue, have: MaybeJson, node: _Owned, path: Segments) -> None:
        if have is ABSENT:
            if not is_empty(want):
                self._findings.certain(path, have, want)
            elif node is None and self._has_entry:
                self._findings.possible(path, have, have)
            return
        current = have
        if want == current and isinstance(want, bool) == isinstance(current, bool):
            if node is None and self._has_entry:
                self._findings.possible(path, have, have)
        elif may_be_same(want, current):
            self._findings.possible(path, have, want)
        else:
            self._findings.certain(path, have, want)

    def _list(
        self, want: Sequence[JsonValue], have: Sequence[JsonValue], node: _Owned, path: Segments
    ) -> None:
        field = path[-1][2:]
        names = keys_revealed(node) or (() if node else known_keys(field, want, have))
        if names:
            self._keyed(want, have, node, path, names)
        elif is_revealed_set(node) or (not node and is_known_set(field)):
            self._set(want, have, node, path)
        else:
            self._leaf(want, have, node, path)

    def _keyed(
        self,
        want: Sequence[JsonValue],
        have: Sequence[JsonValue],
        node: _Owned,
        path: Segments,
        names: KeyNames,
    ) -> None:
        wanted, positions = index_items(want, names), index_items(have, names)
        if wanted is None or positions is None:
            self._findings.possible(path, list(have), list(want))
            return
        matched: set[str] = set()
        last = -1
        for key, index in wanted.items():
            segment = key_segment(names, key)
            matched.add(segment)
            position = positions.get(key)
            below = (*path, segment)
            child = node.get(segment) if node else None
            if position is None:
                self._findings.certain(below, ABSENT, want[index])
                continue
            if position < last:
                self._findings.possible(path, list(have), list(want))
            last = position
            self._item(want[index], have[position], child, below)
        if node and len(matched & node.keys()) != len(node) - (MEMBER in node):
            self._leftovers(matched, have, node, path)

    def _item(self, want: JsonValue, have: JsonValue, child: _Owned, path: Segments) -> None:
        if child is None and self._has_entry:
            self._findings.possible(path, have, have)
        if isinstance(want, Mapping) and isinstance(have, Mapping):
            self._map(want, have, child or _UNOWNED, path)
        else:
            self._leaf(want, have, child, path)

    def _set(
        self, want: Sequence[JsonValue], have: Sequence[JsonValue], node: _Owned, path: Segments
    ) -> None:
        segments = {value_segment(value): value for value in want}
        for segment, value in segments.items():
            if value not in have:
                self._findings.certain((*path, segment), ABSENT, value)
            elif self._has_entry and segment not in (node or _UNOWNED):
                self._findings.possible((*path, segment), value, value)
        if node and len(segments.keys() & node.keys()) != len(node) - (MEMBER in node):
            self._leftovers(set(segments), have, node, path)

    def _leftovers(self, wanted: set[str], have: MaybeJson, node: Node, path: Segments) -> None:
        """Record what we own and desired no longer sets."""
        for segment, child in node.items():
            if segment == MEMBER or segment in wanted:
                continue
            below = (*path, segment)
            value = value_at({"": cast("JsonValue", have)}, ("f:", segment))
            if value is ABSENT:
                if self._leftovers_count:
                    self._findings.possible(below, value, value)
            elif child and MEMBER not in child and isinstance(value, Mapping | list | tuple):
                self._leftovers(set(), value, child, below)
            elif self._findings.is_foreign(below):
                self._findings.possible(below, value, value)
            elif segment[0] != "f" or path[-1] in _FREE_MAPS:
                self._findings.certain(below, value, ABSENT)
            else:
                # Gone from desired, but the API server may put a default in its place.
                self._findings.possible(below, value, ABSENT)


def _same_number(a: JsonValue, b: MaybeJson) -> bool:
    return not isinstance(a, bool) and not isinstance(b, bool)
