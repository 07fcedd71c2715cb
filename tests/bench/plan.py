"""What is measured, with its budget, and how large the worlds are."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """One number that is measured.

    Args:
        unit: Of value and limit.
        limit: The value should not be above it; None where no budget was set.
        group: Measurements of one group share a world.
    """

    unit: str
    limit: float | None
    group: str


BUDGETS: dict[str, Budget] = {
    "push_20_s": Budget("s", 0.5, "fleet"),
    "push_20_p95_s": Budget("s", 1.0, "fleet"),
    "heal_s": Budget("s", 0.05, "fleet"),
    "heal_p99_s": Budget("s", 0.25, "fleet"),
    "rss_mb": Budget("MB", 150, "fleet"),
    "workers_rss_mb": Budget("MB", None, "fleet"),
    "idle_cpu_percent": Budget("% of one core", 0.5, "fleet"),
    "apps_500_commit_s": Budget("s", 4, "many"),
    "apps_1000_create_s": Budget("s", 10, "many"),
    "apps_1000_commit_s": Budget("s", None, "many"),
    "noop_1000_cpu_s": Budget("CPU s", 1, "many"),
    "help_ms": Budget("ms", 250, "alone"),
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the worlds are; the budgets hold for the defaults.

    Args:
        clusters: Targets of the pushes, heals and memory.
        pushes: Commits that change every cluster.
        deployments: That are edited by hand.
        edits: In a row, of each.
        deliveries: On each cluster, for memory and idling.
        idle_seconds: Watched doing nothing.
        spread: Clusters that the many Applications are spread over.
        some: Applications of ``apps_500_commit_s``.
        many: Applications of ``apps_1000_*`` and ``noop_1000_cpu_s``.
        starts: Of ``trimtab --help``.
        controllers: Whether the clusters of pushes and heals run controller managers.
    """

    clusters: int = 20
    pushes: int = 20
    deployments: int = 5
    edits: int = 10
    deliveries: int = 20
    idle_seconds: float = 30.0
    spread: int = 10
    some: int = 500
    many: int = 1000
    starts: int = 10
    controllers: bool = True


QUICK = Sizes(
    clusters=2,
    pushes=2,
    deployments=2,
    edits=2,
    deliveries=2,
    idle_seconds=1.0,
    spread=2,
    some=6,
    many=8,
    starts=2,
    controllers=False,
)
"""Says whether the bench works, and nothing about speed."""
