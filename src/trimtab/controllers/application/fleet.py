"""Deletions over the whole fleet by one commit: a wrong commit must not empty every cluster.

Counted as plans are made, so it stops the plan that passes the limit and those after it; the ones
before it each kept to the budget of a delivery.
"""

from collections import OrderedDict

from trimtab.core.plan import DeletionBudget, check_fleet_budget

_REVISIONS = 64


class FleetDeletions:
    """What each delivery would delete, by revision.

    Args:
        budget: The limits.
    """

    def __init__(self, budget: DeletionBudget) -> None:
        self._budget = budget
        self._planned: OrderedDict[str, dict[str, int]] = OrderedDict()

    def plan(self, revision: str, key: str, deletions: int) -> str:
        """Count a plan, and return why it deletes too much over the fleet, or the empty string.

        Args:
            revision: The commit that the plan follows from.
            key: The delivery.
            deletions: How many objects its plan deletes.
        """
        if not deletions:
            return ""
        planned = self._planned.setdefault(revision, {})
        self._planned.move_to_end(revision)
        while len(self._planned) > _REVISIONS:
            self._planned.popitem(last=False)
        others = [count for name, count in planned.items() if name != key]
        reason = check_fleet_budget((*others, deletions), self._budget)
        if not reason:
            planned[key] = deletions
        return reason
