"""Health as a value, and how the health of many becomes the health of one."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class HealthStatus(StrEnum):
    """How an object is, best first."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"

    @property
    def rank(self) -> int:
        """The place in the order, 0 for the best."""
        return _RANKS[self]

    def is_worse_than(self, other: "HealthStatus") -> bool:
        """Return whether this is worse than another status."""
        return self.rank > other.rank


_RANKS = {status: rank for rank, status in enumerate(HealthStatus)}


@dataclass(frozen=True, slots=True)
class Health:
    """A status and why.

    Args:
        status: How it is.
        message: For a person; may be empty.
    """

    status: HealthStatus
    message: str = ""


HEALTHY = Health(HealthStatus.HEALTHY)
MISSING = Health(HealthStatus.MISSING)


def worst(statuses: Iterable[HealthStatus]) -> HealthStatus:
    """Return the worst of some statuses; Healthy for none."""
    return max(statuses, key=lambda status: status.rank, default=HealthStatus.HEALTHY)


def aggregate_health(healths: Iterable[Health | None]) -> HealthStatus:
    """Return an application's health from that of its resources.

    Args:
        healths: One a resource, ``MISSING`` for one that is desired but not there, None for a
            kind without health. Leave out hooks, resources to be pruned, those that say
            ``argocd.argoproj.io/ignore-healthcheck: "true"``, and those that
            `counts_in_application` says do not count.

    Returns:
        The worst; Healthy for an application without resources.

    Source:
        Argo CD, setApplicationHealth.
    """
    return worst(health.status for health in healths if health is not None)
