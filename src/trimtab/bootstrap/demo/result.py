"""What the demo found, as data."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from trimtab.core import JsonObject


@dataclass(frozen=True, slots=True)
class StepResult:
    """How one step ended.

    Args:
        name: Of the step.
        ok: It did what it says.
        seconds: How long it took.
        detail: What happened, or what was expected and what was found.
    """

    name: str
    ok: bool
    seconds: float
    detail: str


@dataclass(frozen=True, slots=True)
class DemoResult:
    """How the demo ended.

    Args:
        clusters: How many targets there were.
        applications: How many Applications the hub held.
        push_to_cluster: Seconds from the push until each cluster turned.
        push_healthy: Seconds from the push until each cluster was Healthy.
        heal: Seconds of each self-heal.
        steps: In order.
    """

    clusters: int
    applications: int
    push_to_cluster: tuple[float, ...]
    push_healthy: tuple[float, ...]
    heal: tuple[float, ...]
    steps: tuple[StepResult, ...]

    @property
    def ok(self) -> bool:
        """Every step did what it says."""
        return all(step.ok for step in self.steps)

    def to_json(self) -> JsonObject:
        """Return what ``trimtab demo --json`` prints; a measure that was not taken is null."""
        heal = self.heal
        return {
            "ok": self.ok,
            "clusters": self.clusters,
            "applications": self.applications,
            "push_to_cluster_s": _spread(self.push_to_cluster),
            "push_healthy_s": _spread(self.push_healthy),
            "heal_s": {
                "median": round(median(heal), 4) if heal else None,
                "max": round(max(heal), 4) if heal else None,
            },
            "steps": [
                {
                    "name": step.name,
                    "ok": step.ok,
                    "seconds": round(step.seconds, 3),
                    "detail": step.detail,
                }
                for step in self.steps
            ],
        }


def _spread(seconds: Sequence[float]) -> JsonObject:
    if not seconds:
        return {"first": None, "median": None, "last": None}
    return {
        "first": round(min(seconds), 4),
        "median": round(median(seconds), 4),
        "last": round(max(seconds), 4),
    }
