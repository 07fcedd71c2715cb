"""Whether a hook has ended, from the health of its object."""

from enum import StrEnum

from trimtab.core.health.health import Health, HealthStatus


class HookState(StrEnum):
    """How far a hook is."""

    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


_STATES = {
    HealthStatus.HEALTHY: HookState.SUCCEEDED,
    HealthStatus.SUSPENDED: HookState.RUNNING,
    HealthStatus.PROGRESSING: HookState.RUNNING,
    HealthStatus.MISSING: HookState.RUNNING,
    HealthStatus.DEGRADED: HookState.FAILED,
    HealthStatus.UNKNOWN: HookState.FAILED,
}


def hook_state(health: Health | None) -> HookState:
    """Return whether a hook with an object of this health still runs.

    An object of a kind without health, a ConfigMap for example, has done its work by existing.

    Source:
        gitops-engine: Degraded and Unknown fail a hook, Suspended does not end it.
    """
    return HookState.SUCCEEDED if health is None else _STATES[health.status]
