"""Syncs that are cut off: by deletion, by a kill of Trimtab, by a clock that was wrong."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

from e2e.bad_input import deliver, manifest
from e2e.installation import App, Case, config_map

FINALIZER = "resources-finalizer.argocd.argoproj.io"
WAVE = "argocd.argoproj.io/sync-wave"


def _wave(number: int) -> dict[str, dict[str, str]]:
    return {"annotations": {WAVE: str(number)}}


# A load balancer is Progressing until somebody gives it an address: its wave lasts until then.
GATE = manifest(
    "Service",
    "gate",
    metadata=_wave(1),
    spec={"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": "gate"}},
)
WAVES = {
    "app/0.yaml": config_map("first", {}, **_wave(0)),
    "app/1.yaml": GATE,
    "app/2.yaml": config_map("last", {}, **_wave(2)),
}


async def _begin(case: Case, *finalizers: str) -> App:
    """Return an Application that waits in the middle of its waves."""
    await case.commit(WAVES)
    app = await case.apply_app(finalizers=finalizers)
    await case.target.until("Service", "gate", case.namespace, bool)
    await app.until(lambda a: a.phase == "Running" and "Service/gate" in a.results)
    return app


async def _open_gate(case: Case) -> None:
    ingress = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    await case.target.patch("Service", "gate", case.namespace, ingress, subresource="status")


async def test_a_killed_hub_goes_on_in_the_middle_of_a_wave(case: Case) -> None:
    app = await _begin(case)
    begun = app.view.operation["startedAt"]
    before = await case.versions("ConfigMap")
    assert ("ConfigMap", "last") not in before
    serve = case.installation.serve
    await asyncio.to_thread(serve.kill)
    await asyncio.to_thread(serve.start)
    await case.installation.witness_moves()
    assert await case.versions("ConfigMap") == before
    await _open_gate(case)
    view = await app.until(lambda a: a.phase == "Succeeded" and a.sync == "Synced")
    assert view.operation["startedAt"] == begun
    after = await case.versions("ConfigMap")
    assert before.items() <= after.items()
    assert ("ConfigMap", "last") in after


async def test_a_gate_that_opens_while_trimtab_is_down_is_noticed(case: Case) -> None:
    app = await _begin(case)
    serve = case.installation.serve
    await asyncio.to_thread(serve.kill)
    await _open_gate(case)
    await asyncio.to_thread(serve.start)
    await app.until(lambda a: a.phase == "Succeeded" and a.sync == "Synced")


async def test_an_application_deleted_while_syncing_takes_its_objects_along(case: Case) -> None:
    app = await _begin(case, FINALIZER)
    await app.delete()
    await app.gone()
    for kind, name in (("ConfigMap", "first"), ("Service", "gate")):
        await case.target.until(kind, name, case.namespace, lambda body: body is None)
    assert ("ConfigMap", "last") not in await case.versions()
    await case.installation.witness_moves()


async def test_an_application_deleted_without_finalizer_leaves_its_objects(case: Case) -> None:
    app = await _begin(case)
    before = await case.versions()
    await app.delete()
    await app.gone()
    # Trimtab knows it as well by the time that it has looked at something later.
    await case.installation.witness_moves()
    await _open_gate(case)
    await case.installation.witness_moves()
    assert await case.versions() == before


async def test_a_status_from_the_future_stops_nothing(case: Case) -> None:
    """Clock skew: another replica, hours ahead, wrote the status and is gone."""
    delivered = await deliver(case)
    ahead = (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
    operation = {**delivered.app.view.operation, "startedAt": ahead, "finishedAt": ahead}
    status = {"reconciledAt": ahead, "operationState": operation}
    await delivered.app.patch({"status": status})
    sha = await case.commit({"app/one.yaml": config_map("one", {"a": "2"})})
    await delivered.app.delivered(sha)
    await case.installation.witness_moves()


async def test_a_retry_planned_by_a_clock_ahead_is_not_waited_for(case: Case) -> None:
    delivered = await deliver(case)
    ahead = (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
    view = delivered.app.view
    operation = {**view.operation, "phase": "Running", "startedAt": ahead, "finishedAt": None}
    kept = {"trimtab.dev/sync-progress": json.dumps({"retryAt": ahead})}
    serve = case.installation.serve
    await asyncio.to_thread(serve.kill)
    changes = {"metadata": {"annotations": kept}, "status": {"operationState": operation}}
    await delivered.app.patch(changes)
    await asyncio.to_thread(serve.start)
    await delivered.app.until(lambda a: a.phase == "Succeeded", seconds=15)
