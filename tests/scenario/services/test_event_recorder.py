"""Kubernetes Events: written soon, waited for by nobody."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from trimtab.core.manifest import GroupKind, canonical_json, parse_live
from trimtab.ports.cluster import ClusterUnreachable, ResourceType
from trimtab.services.event_recorder import Event, EventRecorder
from trimtab.testing.cluster import FakeCluster

_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_KIND = GroupKind("", "Event")
_APP = parse_live(
    canonical_json(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "shop", "namespace": "argocd", "uid": "u-1"},
        }
    )
)


def new_hub() -> FakeCluster:
    """Return a hub that serves Events."""
    hub = FakeCluster()
    verbs = frozenset({"create", "get", "list", "watch"})
    hub.add_kind(ResourceType("", "v1", "Event", "events", True, verbs, frozenset(), ("v1",)))
    hub.ensure((_KIND,))
    hub.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}})
    return hub


@asynccontextmanager
async def recording(hub: FakeCluster) -> AsyncGenerator[EventRecorder]:
    """Record until the block ends; what was told by then has been written."""
    recorder = EventRecorder(hub)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(recorder.run())
        yield recorder
        for _ in range(20):
            await asyncio.sleep(0)
        running.cancel()


async def test_an_event_names_its_object_and_says_what_happened() -> None:
    hub = new_hub()
    async with recording(hub) as recorder:
        recorder.tell(Event(_APP, "OperationCompleted", "x" * 3000, _NOW, is_warning=True))
    (found,) = (live.body() for live in hub.objects(_KIND))
    assert found["involvedObject"] == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "name": "shop",
        "namespace": "argocd",
        "uid": "u-1",
    }
    assert (found["reason"], found["type"]) == ("OperationCompleted", "Warning")
    assert found["message"] == "x" * 1024


async def test_events_of_one_moment_are_all_written() -> None:
    hub = new_hub()
    async with recording(hub) as recorder:
        for number in range(3):
            recorder.tell(Event(_APP, "SelfHealed", str(number), _NOW))
    assert [live.body()["message"] for live in hub.objects(_KIND)] == ["0", "1", "2"]


async def test_an_event_that_cannot_be_written_is_dropped() -> None:
    hub = new_hub()
    lost = ClusterUnreachable("ClusterUnreachable", "no answer")
    again = hub.refuse(lambda request: b'"first"' in request.body, lost)
    async with recording(hub) as recorder:
        recorder.tell(Event(_APP, "SelfHealed", "first", _NOW))
        recorder.tell(Event(_APP, "SelfHealed", "second", _NOW))
    with contextlib.suppress(ValueError):
        again()
    assert [live.body()["message"] for live in hub.objects(_KIND)] == ["second"]
