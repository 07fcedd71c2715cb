"""Which Applications an event concerns, and how soon they are looked at."""

from __future__ import annotations

from typing import Any

import pytest

from trimtab.controllers.application import ApplicationSettings, Router, owner_of
from trimtab.controllers.application.watches import SETTLE_SECONDS
from trimtab.core.manifest import LiveObject, canonical_json, parse_live
from trimtab.ports.cluster import Change, WatchEvent
from trimtab.runtime import Priority
from trimtab.testing.cluster import FakeCluster

KEY = "argocd/shop"
SETTINGS = ApplicationSettings()


def live(body: dict[str, Any]) -> LiveObject:
    """Return an object as a watch tells it."""
    return parse_live(canonical_json(body))


def application(phase: str = "", version: str = "1", **spec: Any) -> LiveObject:
    """Return Application ``shop``, its operation in a phase."""
    body: dict[str, Any] = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": "argocd", "resourceVersion": version},
        "spec": {
            "source": {"repoURL": "https://git.example/shop.git"},
            "destination": {"name": "dev", "namespace": "shop"},
            **spec,
        },
        "status": {"operationState": {"phase": phase}},
    }
    return live(body)


def deployment(version: str, *, generation: int = 1, **metadata: Any) -> LiveObject:
    """Return a Deployment of the Application's."""
    mark = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}
    meta = {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": version}
    if generation:
        meta["generation"] = generation  # pyright: ignore[reportArgumentType]
    meta |= {"annotations": mark | metadata.pop("annotations", {}), **metadata}
    return live({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta})


class Looks:
    """A router, and the looks that it asks for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Priority, float]] = []
        self.hub, self.dev = FakeCluster(), FakeCluster()
        self.router = Router(SETTINGS, owner_of(SETTINGS), self._ask, lambda _: None)

    def _ask(self, key: str, priority: Priority, after_seconds: float = 0.0, /) -> None:
        self.asked.append((key, priority, after_seconds))

    def hub_tells(self, now: LiveObject, before: LiveObject | None = None) -> None:
        """Take an event of the hub."""
        change = Change.MODIFIED if before else Change.ADDED
        self.router.on_cluster_event(self.hub, WatchEvent(change, now, before), is_hub=True)

    def dev_tells(self, now: LiveObject, before: LiveObject | None = None) -> None:
        """Take an event of the destination, and forget what was asked before it."""
        self.asked.clear()
        change = Change.MODIFIED if before else Change.ADDED
        self.router.on_cluster_event(self.dev, WatchEvent(change, now, before), is_hub=False)

    @property
    def waits(self) -> list[float]:
        """After how many seconds each look is wanted."""
        assert all(key == KEY for key, _, _ in self.asked)
        return [after for _, _, after in self.asked]


def looks(phase: str = "Succeeded") -> Looks:
    """Return a router that knows Application ``shop``."""
    made = Looks()
    made.hub_tells(application(phase))
    return made


def test_a_change_of_status_gathers_others() -> None:
    made = looks()
    made.dev_tells(deployment("2"), deployment("1"))
    assert made.waits == [SETTLE_SECONDS]


@pytest.mark.parametrize("phase", ["Running", "Terminating"])
def test_a_sync_that_waits_for_health_is_told_at_once(phase: str) -> None:
    made = looks()
    made.hub_tells(application(phase, "2"), application("Succeeded", "1"))
    made.dev_tells(deployment("2"), deployment("1"))
    assert made.waits == [0.0]
    made.hub_tells(application("Succeeded", "3"), application(phase, "2"))
    made.dev_tells(deployment("3"), deployment("2"))
    assert made.waits == [SETTLE_SECONDS]


@pytest.mark.parametrize(
    "edited",
    [
        deployment("2", generation=2),
        deployment("2", annotations={"by": "hand"}),
        deployment("2", labels={"by": "hand"}),
        deployment("2", finalizers=["example.com/keep"]),
        deployment("2", deletionTimestamp="2026-01-01T00:00:00Z"),
    ],
    ids=["spec", "annotations", "labels", "finalizers", "deletion"],
)
def test_an_edit_is_looked_at_at_once(edited: LiveObject) -> None:
    made = looks()
    made.dev_tells(edited, deployment("1"))
    assert made.waits == [0.0]


def test_a_kind_without_generations_is_looked_at_at_once() -> None:
    made = looks()
    made.dev_tells(deployment("2", generation=0), deployment("1", generation=0))
    assert made.waits == [0.0]


def test_a_new_object_is_looked_at_at_once() -> None:
    made = looks()
    made.dev_tells(deployment("1"))
    assert made.waits == [0.0]


def test_our_own_status_is_no_reason_to_look() -> None:
    made = looks()
    made.asked.clear()
    made.hub_tells(application("Running", "2"), application("Succeeded", "1"))
    assert made.asked == []


def test_what_a_person_terminates_is_looked_at() -> None:
    made = looks("Running")
    made.asked.clear()
    made.hub_tells(application("Terminating", "2"), application("Running", "1"))
    assert made.asked == [(KEY, Priority.EVENT, 0.0)]


def test_a_changed_spec_is_looked_at() -> None:
    made = looks()
    made.asked.clear()
    made.hub_tells(application("Succeeded", "2", project="other"), application("Succeeded", "1"))
    assert made.asked == [(KEY, Priority.EVENT, 0.0)]


def test_an_object_of_another_application_concerns_only_that() -> None:
    made = looks()
    stranger = deployment(
        "1", annotations={"argocd.argoproj.io/tracking-id": "other:apps/Deployment:shop/web"}
    )
    made.dev_tells(stranger)
    assert made.asked == []
