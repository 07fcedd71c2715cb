"""The structured-merge diff: an apply played through with the ownership that live records.

Source:
    Argo CD, gitops-engine diff.StructuredMergeDiff.
"""

from collections.abc import Mapping, Sequence

from trimtab.core import JsonObject, JsonValue
from trimtab.core.diff.canonical import canonicalise
from trimtab.core.diff.changes import ABSENT, MaybeJson
from trimtab.core.diff.defaults import with_defaults
from trimtab.core.diff.fieldset import FieldSet, Node, owned_by, parse_fields, set_of
from trimtab.core.diff.lists import index_items, key_segment, keys_revealed, known_keys
from trimtab.core.diff.paths import value_at
from trimtab.core.diff.predicted import union_of_fields
from trimtab.core.diff.removal import remove_paths
from trimtab.core.diff.threeway import (
    DiffResult,
    is_same,
    one_sided,
    same_namespace,
    without_last_applied,
)
from trimtab.core.manifest import LiveObject, as_object


def diff_structured(
    desired: JsonObject | None, live: LiveObject | None, manager: str
) -> DiffResult:
    """Compare desired with what an apply by a manager would leave.

    Fields that the manager applied before, that desired no longer sets and that nobody else owns,
    disappear.

    Args:
        desired: The manifest.
        live: The object in the cluster, with managedFields.
        manager: The field manager that would apply.
    """
    if desired is None or live is None:
        return one_sided(desired, None if live is None else live.body())
    wanted, body = same_namespace(canonicalise(desired), canonicalise(live.body()))
    revealed = union_of_fields(live)
    body = without_last_applied(body)
    predicted = as_object(_apply(wanted, body, revealed.root, ""))
    owned = owned_by(live.meta.managed_fields, manager)
    foreign = FieldSet({})
    for entry in live.meta.managed_fields or ():
        if entry.manager != manager or entry.operation != "Apply":
            foreign |= parse_fields(entry.fields_v1)
    unset = [
        path for path in owned if value_at(wanted, path) is ABSENT and not foreign.covers(path)
    ]
    predicted = with_defaults(remove_paths(predicted, set_of(unset)))
    shown_live = with_defaults(body)
    return DiffResult(not is_same(shown_live, predicted), shown_live, predicted)


def _apply(want: JsonValue, have: MaybeJson, node: Node, field: str) -> JsonValue:
    """Return what is there with what is wanted laid over it, as structured merge does."""
    if isinstance(want, Mapping) and isinstance(have, Mapping):
        merged = dict(have)
        for name, value in want.items():
            below = node.get(f"f:{name}", {})
            merged[name] = _apply(value, have.get(name, ABSENT), below, name)
        return merged
    if isinstance(want, list | tuple) and isinstance(have, list | tuple):
        return _apply_list(want, have, node, field)
    return want


def _apply_list(
    want: Sequence[JsonValue], have: Sequence[JsonValue], node: Node, field: str
) -> JsonValue:
    names = keys_revealed(node) or known_keys(field, want, have)
    wanted, current = index_items(want, names), index_items(have, names)
    if not names or wanted is None or current is None:
        return list(want)
    merged: list[JsonValue] = []
    for key, position in current.items():
        item = have[position]
        if key in wanted:
            below = node.get(key_segment(names, key), {})
            item = _apply(want[wanted[key]], item, below, "")
        merged.append(item)
    merged += [want[position] for key, position in wanted.items() if key not in current]
    return merged
