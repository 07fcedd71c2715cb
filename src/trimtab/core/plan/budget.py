"""The deletion budget: how much a plan may delete before a person must have looked at it.

A commit can be wrong in a way that renders well. What is created by mistake is removed again; what
is deleted by mistake takes data along. So a plan that deletes much, or deletes what holds other
things, stops with its digest, and exactly that plan is released by naming the digest.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from trimtab.core.manifest import GroupKind
from trimtab.core.plan.plan import Plan, PlannedChange
from trimtab.core.policy import DEFAULT_BUDGET, DeletionBudget

CHILD_DELIVERIES = frozenset(
    {
        GroupKind("argoproj.io", "Application"),
        GroupKind("argoproj.io", "ApplicationSet"),
        GroupKind("helm.toolkit.fluxcd.io", "HelmRelease"),
        GroupKind("kustomize.toolkit.fluxcd.io", "Kustomization"),
    }
)


@dataclass(frozen=True, slots=True)
class BudgetVerdict:
    """Whether a plan may go on.

    Args:
        exceeded: It must stop: something is over budget and this very plan is not confirmed.
        reasons: What is over budget, sorted; also said of a confirmed plan.
        digest: What to confirm.
    """

    exceeded: bool
    reasons: tuple[str, ...]
    digest: str

    @property
    def message(self) -> str:
        """One sentence for a condition; empty within the budget."""
        if not self.reasons:
            return ""
        return f"the plan would delete {'; '.join(self.reasons)}. Confirm it with {self.digest}"


def check_budget(
    plan: Plan,
    *,
    delivery_size: int,
    budget: DeletionBudget = DEFAULT_BUDGET,
    confirmed_digest: str | None = None,
) -> BudgetVerdict:
    """Return whether a plan deletes more than it may.

    Args:
        plan: The plan; prunes and recreations count, the removal of hooks does not.
        delivery_size: How many objects of the delivery exist now.
        budget: The limits.
        confirmed_digest: The digest that a person confirmed, if any.

    Returns:
        ``digest`` covers what would be deleted and the revision: another deletion, another object
        under the same name, or another commit needs another confirmation.

    Source:
        DESIGN.md section 9, rule 1.
    """
    reasons = tuple(_reasons(plan.deletions, delivery_size, budget))
    digest = plan.deletion_digest
    return BudgetVerdict(bool(reasons) and confirmed_digest != digest, reasons, digest)


def _reasons(
    deletions: tuple[PlannedChange, ...], delivery_size: int, budget: DeletionBudget
) -> Iterable[str]:
    count = len(deletions)
    if count > budget.max_objects:
        yield f"{count} objects, more than {budget.max_objects}"
    allowed = delivery_size * budget.max_share_percent
    if delivery_size >= budget.share_minimum and count * 100 > allowed:
        yield f"{count} of {delivery_size} objects, more than {budget.max_share_percent} percent"
    children = [c for c in deletions if c.key.group_kind in CHILD_DELIVERIES]
    if len(children) > budget.max_child_deliveries:
        yield f"{len(children)} child deliveries, more than {budget.max_child_deliveries}"
    held = sorted(str(c.key) for c in deletions if c.key.group_kind in budget.protected_kinds)
    if held:
        yield f"what holds other things: {', '.join(held)}"


def check_fleet_budget(deletions: Iterable[int], budget: DeletionBudget = DEFAULT_BUDGET) -> str:
    """Return why one commit deletes too much over the fleet, or the empty string.

    Args:
        deletions: Deletions of each delivery that the commit changes.
        budget: The limits.
    """
    total = sum(deletions)
    if total <= budget.fleet_max:
        return ""
    return f"{total} objects over the fleet, more than {budget.fleet_max}"
