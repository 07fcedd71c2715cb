"""Conditions: what is true of a resource now, since when, and why.

They are derived from state and never read back as memory; all that is taken from the previous ones
is the time at which each began to be true.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class ConditionType(StrEnum):
    """What an Application's condition can be about.

    Source:
        Argo CD's ApplicationConditionType; the last group is Trimtab's own.
    """

    COMPARISON_ERROR = "ComparisonError"
    DELETION_ERROR = "DeletionError"
    EXCLUDED_RESOURCE_WARNING = "ExcludedResourceWarning"
    INVALID_SPEC_ERROR = "InvalidSpecError"
    ORPHANED_RESOURCE_WARNING = "OrphanedResourceWarning"
    REPEATED_RESOURCE_WARNING = "RepeatedResourceWarning"
    SHARED_RESOURCE_WARNING = "SharedResourceWarning"
    SYNC_ERROR = "SyncError"
    UNKNOWN_ERROR = "UnknownError"

    CLUSTER_UNREACHABLE = "ClusterUnreachable"
    DELETION_BUDGET_EXCEEDED = "DeletionBudgetExceeded"
    DRIFT_CONTENDED = "DriftContended"
    HISTORY_REWRITTEN = "HistoryRewritten"
    MANIFEST_WARNING = "ManifestWarning"
    UNSTABLE_RENDER = "UnstableRender"
    UNSUPPORTED_FIELD = "UnsupportedField"


ERROR_TYPES = frozenset(
    {
        ConditionType.CLUSTER_UNREACHABLE,
        ConditionType.COMPARISON_ERROR,
        ConditionType.DELETION_ERROR,
        ConditionType.INVALID_SPEC_ERROR,
        ConditionType.SYNC_ERROR,
        ConditionType.UNKNOWN_ERROR,
    }
)
"""Types that say that something failed; the others inform."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.

    Args:
        type: What it is about; one of :class:`ConditionType`, or another controller's.
        message: For a person; equal for equal states (sorted, no times, no counters).
        reason: CamelCase word for machines; empty where the dialect has none.
        since: When it began to be so; None until merged.
    """

    type: str
    message: str
    reason: str = ""
    since: datetime | None = None


def merge_conditions(
    previous: Iterable[Condition],
    current: Iterable[Condition],
    now: datetime,
    *,
    managed_types: Collection[str],
) -> tuple[Condition, ...]:
    """Return the conditions to report.

    Args:
        previous: As reported last.
        current: What is true now; of equal type and message, the first.
        now: The time at which new conditions begin.
        managed_types: The types that the caller decides about. Previous conditions of these
            types stay only when they are current; those of other types stay as they are.

    Returns:
        Sorted by type, reason and message. ``since`` of a condition that is still true with the
        same type, reason and message is kept; the same type with another message begins anew.
    """
    before = list(previous)
    known = {_identity(condition): condition.since for condition in before}
    merged = [condition for condition in before if condition.type not in managed_types]
    seen = {_identity(condition) for condition in merged}
    for condition in current:
        identity = _identity(condition)
        if identity in seen:
            continue
        seen.add(identity)
        merged.append(replace(condition, since=known.get(identity) or now))
    return tuple(sorted(merged, key=_identity))


def _identity(condition: Condition) -> tuple[str, str, str]:
    return condition.type, condition.reason, condition.message
