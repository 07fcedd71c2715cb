"""``argocd/health-builtin``: health of the kinds that need no customisation."""

from typing import Any

from conformance.cases import Case
from trimtab.core.health import assess_health


def run(case: Case) -> dict[str, Any]:
    """Assess the object."""
    health = assess_health(case.input)
    if health is None:
        return {"status": None, "message": ""}
    return {"status": str(health.status), "message": health.message}
