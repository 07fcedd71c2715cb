"""The two- and three-way diff, as Argo CD computes it without asking a server.

What was applied last and is no longer desired is removed, what is desired is set, and everything
else stays as it is in the cluster. Without the last-applied annotation nothing is known to be
removed. Both sides get the API server's defaults and canonical forms before they are compared.

Source:
    Argo CD, gitops-engine diff.ThreeWayDiff and TwoWayDiff.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from trimtab.core import JsonObject, JsonValue
from trimtab.core.diff.canonical import canonicalise, is_built_in
from trimtab.core.diff.changes import ABSENT, MaybeJson
from trimtab.core.diff.defaults import with_defaults
from trimtab.core.diff.lists import KeyNames, index_items, known_keys
from trimtab.core.diff.secrets import LAST_APPLIED, parse_last_applied
from trimtab.core.manifest import (
    GroupKind,
    annotations_of,
    as_list,
    as_object,
    key_of,
    with_map_entries,
    with_metadata,
)

Normalise: TypeAlias = Callable[[JsonObject], JsonObject]
"""Takes out of an object what ignoreDifferences leaves out."""

_CLUSTER_ROLE = GroupKind("rbac.authorization.k8s.io", "ClusterRole")


@dataclass(frozen=True, slots=True)
class DiffResult:
    """What two versions of one object come to.

    Args:
        modified: Whether an apply would change the object.
        normalised_live: The live object in the form that was compared; None when it is missing.
        predicted_live: What an apply would leave; None when nothing is desired.
    """

    modified: bool
    normalised_live: JsonObject | None
    predicted_live: JsonObject | None


def diff_three_way(
    desired: JsonObject | None,
    live: JsonObject | None,
    *,
    ignore: Normalise | None = None,
    ignore_aggregated_roles: bool = False,
) -> DiffResult:
    """Compare desired with live; three-way where live carries the last-applied annotation.

    Args:
        desired: The manifest; None when nothing is desired, which is no difference.
        live: The object; None when it is missing, which is one.
        ignore: Leaves out ignored fields; the outputs have defaults in their place.
        ignore_aggregated_roles: Rules of aggregated ClusterRoles do not count.
    """
    if desired is None or live is None:
        return one_sided(desired, live)
    desired, live = same_namespace(desired, live)
    text = annotations_of(live).get(LAST_APPLIED)
    applied = parse_last_applied(text) if text is not None else None
    base = desired if applied is None else same_namespace(applied, live)[0]

    def prepared(body: JsonObject) -> JsonObject:
        body = canonicalise(body if ignore is None else ignore(body))
        return _without_aggregated_rules(body) if ignore_aggregated_roles else body

    base, desired, live = prepared(base), prepared(desired), prepared(live)
    keyed = is_built_in(key_of(live).group_kind)
    predicted = as_object(_merge(base, desired, live, "", keyed=keyed))
    shown_live = with_defaults(live)
    shown_predicted = canonicalise(with_defaults(predicted))
    return DiffResult(not is_same(shown_live, shown_predicted), shown_live, shown_predicted)


def one_sided(desired: JsonObject | None, live: JsonObject | None) -> DiffResult:
    """Return the result where one side is missing: a difference if something is desired."""
    return DiffResult(desired is not None and live is None, live, desired)


def is_same(left: JsonObject, right: JsonObject) -> bool:
    """Return whether two objects are equal once null and empty values are taken for absent."""
    return _compact(left) == _compact(right)


def same_namespace(desired: JsonObject, live: JsonObject) -> tuple[JsonObject, JsonObject]:
    """Return both objects without a namespace that only one of them states."""
    if bool(key_of(desired).namespace) == bool(key_of(live).namespace):
        return desired, live
    return remove_namespace(desired), remove_namespace(live)


def remove_namespace(body: JsonObject) -> JsonObject:
    """Return an object without its namespace, and without empty annotations."""
    metadata = as_object(body.get("metadata"))
    kept = None if not metadata.get("annotations") else metadata["annotations"]
    return with_metadata(body, {"namespace": None, "annotations": kept})


def without_last_applied(body: JsonObject) -> JsonObject:
    """Return an object without the last-applied annotation."""
    if LAST_APPLIED not in annotations_of(body):
        return body
    return with_map_entries(body, "annotations", {LAST_APPLIED: None})


def _without_aggregated_rules(body: JsonObject) -> JsonObject:
    if body.get("aggregationRule") and key_of(body).group_kind == _CLUSTER_ROLE:
        return {name: value for name, value in body.items() if name != "rules"}
    return body


def _merge(
    base: MaybeJson, desired: JsonValue, live: MaybeJson, field: str, *, keyed: bool
) -> JsonValue:
    if isinstance(desired, Mapping):
        if not isinstance(live, Mapping):
            live = {}
        return _merge_maps(as_object(base), desired, live, keyed=keyed)
    if isinstance(desired, list | tuple) and isinstance(live, list | tuple) and keyed:
        names = known_keys(field, desired, live)
        if names:
            return _merge_lists(as_list(base), desired, live, names)
    return desired


def _merge_maps(
    base: JsonObject, desired: JsonObject, live: JsonObject, *, keyed: bool
) -> JsonObject:
    # An empty value was never sent by a typed client: taking it back must not remove a whole map.
    removed = {k for k, v in base.items() if k not in desired and v not in (None, "", {}, [])}
    merged: dict[str, JsonValue] = {k: v for k, v in live.items() if k not in removed}
    for name, value in desired.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(
                base.get(name, ABSENT), value, live.get(name, ABSENT), name, keyed=keyed
            )
    return merged


def _merge_lists(
    base: Sequence[JsonValue],
    desired: Sequence[JsonValue],
    live: Sequence[JsonValue],
    names: KeyNames,
) -> JsonValue:
    """Merge by key: desired items change theirs, removed ones go, the live order is kept."""
    wanted, current = index_items(desired, names), index_items(live, names)
    if wanted is None or current is None:
        return list(desired)
    before = index_items(base, names) or {}
    merged: list[JsonValue] = []
    for key, position in current.items():
        if key in wanted:
            old = base[before[key]] if key in before else ABSENT
            merged.append(_merge(old, desired[wanted[key]], live[position], "", keyed=True))
        elif key not in before:
            merged.append(live[position])
    merged += [desired[position] for key, position in wanted.items() if key not in current]
    return merged


def _compact(value: JsonValue) -> JsonValue:
    if isinstance(value, Mapping):
        kept = {name: _compact(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in (None, "", {}, [])}
    if isinstance(value, list | tuple):
        return [_compact(item) for item in value]
    return value
