"""When a report is written to the hub, and when it waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from trimtab.controllers.application.model import Desired, Observation, Seen, Target
from trimtab.controllers.application.report.write_report import (
    WORDS_EVERY,
    Report,
    decode_application,
    write_report,
)
from trimtab.controllers.application.settings import APPLICATION
from trimtab.core import JsonObject
from trimtab.core.health import Health, HealthStatus
from trimtab.core.manifest import ObjectKey, canonical_json, parse_live
from trimtab.crds.argoproj_v1alpha1.application import Application
from trimtab.crds.argoproj_v1alpha1.crd import definitions
from trimtab.testing.cluster import FakeCluster

_START = datetime(2026, 3, 1, tzinfo=UTC)
_KEY = ObjectKey(APPLICATION.group, APPLICATION.kind, "argocd", "shop")
_WEB: JsonObject = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
}


def new_hub() -> FakeCluster:
    """Return a hub with Application ``shop``."""
    hub = FakeCluster()
    for definition in definitions():
        hub.seed(definition)
    hub.ensure((APPLICATION,))
    hub.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}})
    hub.seed(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": _KEY.name, "namespace": _KEY.namespace},
            "spec": {"project": "default", "destination": {"name": "dev"}},
        }
    )
    return hub


async def report(
    hub: FakeCluster, health: Health, *, after: float, refresh: bool = False
) -> timedelta | None:
    """Report that the Application's one Deployment is in a state, some seconds after the start."""
    now = _START + timedelta(seconds=after)
    seen = Seen(None, parse_live(canonical_json(_WEB)), differs=False, health=health)
    desired = Desired("digest", (), (), (), (), {})
    observation = Observation(Target((), ()), desired, (seen,), (), now)
    live = hub.live(_KEY)
    assert live is not None
    app = decode_application(live)
    return await write_report(hub, app, live, Report(now, observation, takes_refresh=refresh))


def told(hub: FakeCluster) -> str:
    """Return what the status says about the Deployment."""
    live = hub.live(_KEY)
    assert live is not None
    app: Application = decode_application(live)
    health = app.status.resources[0].health
    assert health is not None
    return health.message or health.status


def waiting(words: str) -> Health:
    """Return the health of a rollout that goes on."""
    return Health(HealthStatus.PROGRESSING, words)


async def test_other_words_soon_after_a_write_wait_for_their_turn() -> None:
    hub = new_hub()
    assert await report(hub, waiting("0 of 2"), after=0) is None
    assert await report(hub, waiting("1 of 2"), after=0.5) == WORDS_EVERY - timedelta(seconds=0.5)
    assert told(hub) == "0 of 2"
    assert await report(hub, waiting("1 of 2"), after=2) is None
    assert told(hub) == "1 of 2"


async def test_another_state_is_written_at_once() -> None:
    hub = new_hub()
    await report(hub, waiting("0 of 2"), after=0)
    assert await report(hub, Health(HealthStatus.HEALTHY), after=0.1) is None
    assert told(hub) == "Healthy"


async def test_who_asked_for_a_refresh_sees_the_words_at_once() -> None:
    hub = new_hub()
    await report(hub, waiting("0 of 2"), after=0)
    assert await report(hub, waiting("1 of 2"), after=0.1, refresh=True) is None
    assert told(hub) == "1 of 2"


async def test_nothing_is_written_when_nothing_changed() -> None:
    hub = new_hub()
    await report(hub, waiting("0 of 2"), after=0)
    before = hub.live(_KEY)
    assert await report(hub, waiting("0 of 2"), after=60) is None
    assert hub.live(_KEY) == before


async def test_a_clock_that_went_back_keeps_nothing_waiting() -> None:
    hub = new_hub()
    await report(hub, waiting("0 of 2"), after=3600)
    assert await report(hub, waiting("1 of 2"), after=0) is None
    assert told(hub) == "1 of 2"
