"""Leaving out of a comparison what trusted managers own and changed.

Source:
    Argo CD, util/argo/managedfields.Normalize and util/argo/diff.
"""

from collections.abc import Sequence

from trimtab.core import JsonObject
from trimtab.core.diff.changes import ABSENT
from trimtab.core.diff.fieldset import set_of
from trimtab.core.diff.ignore import IgnoreRules
from trimtab.core.diff.predicted import diff_objects, union_of_fields
from trimtab.core.diff.removal import remove_paths, remove_pointers, trusted_fields
from trimtab.core.diff.threeway import DiffResult, diff_three_way
from trimtab.core.manifest import LiveObject


def leave_out_trusted(
    live: LiveObject, desired: JsonObject | None, managers: Sequence[str]
) -> tuple[JsonObject, JsonObject | None]:
    """Return both sides without the fields that trusted managers own and set otherwise.

    A field that only one side has, or that is equal on both, stays.
    """
    body = live.body()
    if desired is None or not managers:
        return body, desired
    trusted = trusted_fields(live.meta.managed_fields, managers)
    conflicting = set_of(
        path
        for path, ours, theirs in diff_objects(body, desired, union_of_fields(live))
        if ours is not ABSENT and theirs is not ABSENT and trusted.covers(path)
    )
    return remove_paths(body, conflicting), remove_paths(desired, conflicting)


def leave_out_ignored_pair(
    live: LiveObject, desired: JsonObject | None, rules: IgnoreRules
) -> tuple[JsonObject, JsonObject | None]:
    """Return both sides without what the rules leave out; jq paths are the caller's to remove."""
    settings = rules.matching(live.key)
    body, wanted = leave_out_trusted(live, desired, settings.managed_fields_managers)
    body = remove_pointers(body, settings.json_pointers)
    return body, None if wanted is None else remove_pointers(wanted, settings.json_pointers)


def diff_state(
    live: LiveObject,
    desired: JsonObject | None,
    rules: IgnoreRules,
    *,
    ignore_aggregated_roles: bool = False,
) -> DiffResult:
    """Return the three-way diff of an application's object under its ignore rules."""
    body, wanted = leave_out_ignored_pair(live, desired, rules)
    return diff_three_way(wanted, body, ignore_aggregated_roles=ignore_aggregated_roles)
