"""The numbers of the deletion budget: the usual ones, and those that a project sets instead.

A project sets them by annotations of its AppProject, since Argo CD's spec has no place for them. A
value that is not understood changes nothing and is named: the usual number is the careful one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from trimtab.core.manifest import CRD, NAMESPACE, GroupKind

BUDGET_OBJECTS: Final = "trimtab.dev/deletion-budget-objects"
BUDGET_PERCENT: Final = "trimtab.dev/deletion-budget-percent"
BUDGET_CHILDREN: Final = "trimtab.dev/deletion-budget-children"
BUDGET_KINDS: Final = "trimtab.dev/deletion-budget-kinds"

PROTECTED_KINDS = frozenset(
    {
        CRD,
        NAMESPACE,
        GroupKind("", "PersistentVolume"),
        GroupKind("", "PersistentVolumeClaim"),
    }
)


@dataclass(frozen=True, slots=True)
class DeletionBudget:
    """How much may be deleted without a confirmation.

    Args:
        max_objects: Deletions of one plan.
        max_share_percent: Deletions as a share of the delivery's objects, 0..100.
        share_minimum: Deliveries with fewer objects are not measured by share.
        protected_kinds: Kinds of which none may be deleted.
        max_child_deliveries: Applications and the like, each of which deletes in its turn.
        fleet_max: Deletions over the whole fleet for one commit.
    """

    max_objects: int = 20
    max_share_percent: int = 50
    share_minimum: int = 5
    protected_kinds: frozenset[GroupKind] = PROTECTED_KINDS
    max_child_deliveries: int = 3
    fleet_max: int = 100


DEFAULT_BUDGET = DeletionBudget()


def parse_budget(annotations: Mapping[str, str]) -> tuple[DeletionBudget, tuple[str, ...]]:
    """Return the budget that a project's annotations ask for, and what is wrong with them.

    Args:
        annotations: Of the AppProject. ``-objects`` and ``-children`` are whole numbers,
            ``-percent`` is 0..100, ``-kinds`` lists the kinds of which none may be deleted, as
            ``group/Kind`` or ``Kind``, separated by commas; empty lists none.
    """
    budget, problems = DEFAULT_BUDGET, list[str]()
    for name, take in _TAKEN.items():
        text = annotations.get(name)
        if text is None:
            continue
        taken = take(budget, text.strip())
        if taken is None:
            problems.append(f"annotation {name}: expected {_EXPECTED[name]}, found {text!r}")
        else:
            budget = taken
    return budget, tuple(problems)


def _objects(budget: DeletionBudget, text: str) -> DeletionBudget | None:
    return replace(budget, max_objects=int(text)) if text.isdecimal() else None


def _percent(budget: DeletionBudget, text: str) -> DeletionBudget | None:
    is_share = text.isdecimal() and int(text) <= 100
    return replace(budget, max_share_percent=int(text)) if is_share else None


def _children(budget: DeletionBudget, text: str) -> DeletionBudget | None:
    return replace(budget, max_child_deliveries=int(text)) if text.isdecimal() else None


def _kinds(budget: DeletionBudget, text: str) -> DeletionBudget | None:
    kinds = [part.strip().rpartition("/") for part in text.split(",")] if text else []
    if not all(kind[:1].isupper() and kind.isalnum() for _, _, kind in kinds):
        return None
    protected = frozenset(GroupKind(group, kind) for group, _, kind in kinds)
    return replace(budget, protected_kinds=protected)


_TAKEN: Mapping[str, Callable[[DeletionBudget, str], DeletionBudget | None]] = {
    BUDGET_OBJECTS: _objects,
    BUDGET_PERCENT: _percent,
    BUDGET_CHILDREN: _children,
    BUDGET_KINDS: _kinds,
}
_EXPECTED = {
    BUDGET_OBJECTS: "a whole number",
    BUDGET_PERCENT: "a whole number from 0 to 100",
    BUDGET_CHILDREN: "a whole number",
    BUDGET_KINDS: "kinds as group/Kind or Kind, separated by commas",
}
