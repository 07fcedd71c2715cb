"""Deletions over the whole fleet by one commit: a wrong commit must not empty every cluster.

Counted as plans are made, so it stops the plan that passes the limit and those after it; the ones
before it each kept to the budget of a delivery. A new process counts on from what the Applications
in the hub say was pruned.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from trimtab.controllers.application.settings import APPLICATION
from trimtab.core.plan import DeletionBudget, ResultCode, check_fleet_budget
from trimtab.ports.cluster import ClusterWatcher

_REVISIONS = 64
_NOTHING: Mapping[str, int] = MappingProxyType({})
Recorded = Callable[[str], Mapping[str, int]]


class FleetDeletions:
    """What each delivery would delete, by revision.

    Args:
        budget: The limits.
        recorded: Returns what was deleted by a revision, by delivery; asked once for each.
    """

    def __init__(self, budget: DeletionBudget, recorded: Recorded = lambda _: _NOTHING) -> None:
        self._budget = budget
        self._recorded = recorded
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
        planned = self._planned.get(revision)
        if planned is None:
            planned = self._planned[revision] = dict(self._recorded(revision))
        self._planned.move_to_end(revision)
        while len(self._planned) > _REVISIONS:
            self._planned.popitem(last=False)
        others = [count for name, count in planned.items() if name != key]
        reason = check_fleet_budget((*others, deletions), self._budget)
        if not reason:
            planned[key] = deletions
        return reason


class _Resource(msgspec.Struct, frozen=True):
    status: str = ""


class _SyncResult(msgspec.Struct, frozen=True):
    revision: str = ""
    revisions: tuple[str, ...] = ()
    resources: tuple[_Resource, ...] = ()


class _Operation(msgspec.Struct, frozen=True):
    sync_result: _SyncResult = msgspec.field(default=_SyncResult(), name="syncResult")


class _Status(msgspec.Struct, frozen=True):
    operation: _Operation = msgspec.field(default=_Operation(), name="operationState")


class _Glance(msgspec.Struct, frozen=True):
    """The part of an Application that tells what its last sync pruned."""

    status: _Status = _Status()


_GLANCE = msgspec.json.Decoder(_Glance)


def recorded_deletions(hub: ClusterWatcher, revision: str) -> Mapping[str, int]:
    """Return how many objects the last syncs of Applications pruned by a revision.

    Args:
        hub: It watches Applications.
        revision: As a target names it: several commits are joined by commas.
    """
    first = revision.partition(",")[0].encode()
    found: dict[str, int] = {}
    for live in hub.objects(APPLICATION):
        if first not in live.raw:
            continue  # Most Applications have another one: not worth decoding.
        try:
            result = _GLANCE.decode(live.raw).status.operation.sync_result
        except msgspec.ValidationError:
            continue
        count = sum(resource.status == ResultCode.PRUNED for resource in result.resources)
        if count and revision == (result.revision or ",".join(result.revisions)):
            found[f"{live.key.namespace}/{live.key.name}"] = count
    return found
