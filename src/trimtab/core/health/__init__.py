"""How objects are, and how an application is made of them."""

from trimtab.core.health.assess import (
    APPLICATION,
    IGNORE_HEALTH,
    RULES,
    assess_application,
    assess_health,
    counts_in_application,
    is_health_ignored,
)
from trimtab.core.health.health import (
    HEALTHY,
    MISSING,
    Health,
    HealthStatus,
    aggregate_health,
    worst,
)
from trimtab.core.health.hooks import HookState, hook_state

__all__ = [
    "APPLICATION",
    "HEALTHY",
    "IGNORE_HEALTH",
    "MISSING",
    "RULES",
    "Health",
    "HealthStatus",
    "HookState",
    "aggregate_health",
    "assess_application",
    "assess_health",
    "counts_in_application",
    "hook_state",
    "is_health_ignored",
    "worst",
]
