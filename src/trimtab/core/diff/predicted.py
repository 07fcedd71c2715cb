"""What a dry run says an apply would change, field by field.

A server-side-apply dry run returns the object that an apply would leave. Whatever differs from the
live object is drift: defaults, webhooks and other owners have had their say already.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import TypeAlias, cast

from trimtab.core import JsonObject, JsonValue
from trimtab.core.diff.changes import ABSENT, FieldChange, MaybeJson
from trimtab.core.diff.fieldset import (
    FieldSet,
    Node,
    Segments,
    entry_of,
    managers_of_path,
    parse_fields,
)
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
from trimtab.core.diff.paths import display_path
from trimtab.core.manifest import LiveObject, as_object

_BOOKKEEPING = ("managedFields", "resourceVersion", "generation")
Difference: TypeAlias = tuple[Segments, MaybeJson, MaybeJson]
"""Path, value on the left, value on the right."""


def diff_predicted(live: LiveObject, predicted: LiveObject) -> tuple[FieldChange, ...]:
    """Return what an apply would change, with the manager that last wrote each field.

    Args:
        live: The object in the cluster.
        predicted: The answer of a dry run on it.

    Returns:
        Sorted by path; empty when an apply would change no field. managedFields, resourceVersion
        and generation do not count.
    """
    revealed = union_of_fields(live) | union_of_fields(predicted)
    changes = [
        FieldChange(display_path(path), before, after, _manager_of(live, path, before))
        for path, before, after in diff_objects(
            without_bookkeeping(live.body()), without_bookkeeping(predicted.body()), revealed
        )
    ]
    return tuple(sorted(changes, key=lambda change: change.path))


def drift_managers(changes: Iterable[FieldChange], *, ours: Iterable[str] = ()) -> tuple[str, ...]:
    """Return who caused some changes: their managers without our own, sorted, each once."""
    own = set(ours)
    return tuple(sorted({c.manager for c in changes if c.manager and c.manager not in own}))


def diff_objects(left: JsonObject, right: JsonObject, revealed: FieldSet) -> Iterator[Difference]:
    """Yield the fields in which two objects differ.

    Args:
        left: One object.
        right: The other.
        revealed: Field paths from managedFields; they show how lists are paired.
    """
    return _diff_maps(left, right, revealed.root, ())


def union_of_fields(live: LiveObject) -> FieldSet:
    """Return every path that any manager owns."""
    sets = (parse_fields(entry.fields_v1) for entry in live.meta.managed_fields or ())
    return reduce(FieldSet.__or__, sets, FieldSet({}))


def without_bookkeeping(body: JsonObject) -> JsonObject:
    """Return an object without managedFields, resourceVersion and generation."""
    metadata = as_object(body.get("metadata"))
    kept = {name: value for name, value in metadata.items() if name not in _BOOKKEEPING}
    return {**body, "metadata": kept}


def _manager_of(live: LiveObject, path: Segments, before: MaybeJson) -> str:
    """Who wrote the value; where it is gone, the latest writer after our own Apply, if any."""
    if before is not ABSENT:
        managers = managers_of_path(live, path)
        return managers[0] if managers else ""
    entries = [e for e in live.meta.managed_fields or () if not e.subresource]
    applied = max((e.time for e in entries if e.operation == "Apply"), default="")
    updates = [e for e in entries if e.operation == "Update" and e.time >= applied]
    return max(updates, key=lambda e: e.time).manager if updates else ""


def _diff_maps(
    left: JsonObject, right: JsonObject, node: Node, path: Segments
) -> Iterator[Difference]:
    for name in dict.fromkeys((*left, *right)):
        segment = f"f:{name}"
        before: MaybeJson = left.get(name, ABSENT)
        after: MaybeJson = right.get(name, ABSENT)
        yield from _diff_values(before, after, node.get(segment, {}), (*path, segment))


def _diff_values(
    before: MaybeJson, after: MaybeJson, node: Node, path: Segments
) -> Iterator[Difference]:
    if before == after and isinstance(before, bool) == isinstance(after, bool):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _diff_maps(before, after, node, path)
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple):
        yield from _diff_lists(before, after, node, path)
    else:
        yield path, before, after


def _diff_lists(
    before: Sequence[JsonValue], after: Sequence[JsonValue], node: Node, path: Segments
) -> Iterator[Difference]:
    field = path[-1][2:]
    names = keys_revealed(node) or known_keys(field, before, after)
    if names:
        yield from _diff_keyed(before, after, node, path, names)
    elif is_revealed_set(node) or is_known_set(field):
        for value in before:
            if value not in after:
                yield (*path, value_segment(value)), value, ABSENT
        for value in after:
            if value not in before:
                yield (*path, value_segment(value)), ABSENT, value
    else:
        yield path, list(before), list(after)


def _diff_keyed(
    before: Sequence[JsonValue],
    after: Sequence[JsonValue],
    node: Node,
    path: Segments,
    names: KeyNames,
) -> Iterator[Difference]:
    old, new = index_items(before, names), index_items(after, names)
    if old is None or new is None:
        yield path, list(before), list(after)
        return
    found = False
    for key in dict.fromkeys((*old, *new)):
        segment = key_segment(names, key)
        left: MaybeJson = before[old[key]] if key in old else ABSENT
        right: MaybeJson = after[new[key]] if key in new else ABSENT
        for difference in _diff_values(left, right, node.get(segment, {}), (*path, segment)):
            found = True
            yield difference
    if not found:
        # Same items in another order: order is a value of its own (init containers, env).
        yield path, cast("JsonValue", list(before)), cast("JsonValue", list(after))


def owns_like(live: LiveObject, predicted: LiveObject, manager: str) -> bool:
    """Return whether our Apply entry owns the same fields in both objects."""
    return _applied(live, manager) == _applied(predicted, manager)


def _applied(live: LiveObject, manager: str) -> FieldSet | None:
    entry = entry_of(live.meta.managed_fields, manager)
    return parse_fields(entry.fields_v1) if entry else None
