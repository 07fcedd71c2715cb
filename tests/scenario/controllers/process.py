"""A process of the Application controller over a fleet in memory, in virtual time.

It works as in ``serve``, by its own queue and watches; it can be restarted, and it can die.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from scenario.controllers.engines import JsonRenderer, NoEngines
from scenario.controllers.objects import NAMESPACE, PLACE, named
from trimtab.controllers.application import (
    APPLICATION,
    ApplicationReconciler,
    ApplicationSettings,
    FleetDeletions,
    Journal,
    Router,
    World,
    owner_of,
    recorded_deletions,
)
from trimtab.core.errors import Stalled, Transient
from trimtab.core.manifest import GroupKind
from trimtab.ports.cluster import Change, Cluster, ClusterUnreachable, WatchEvent
from trimtab.runtime import Clock, ControllerEngine, Outcome, Priority
from trimtab.services.capabilities import CapabilityCache
from trimtab.services.catalogue import HubCatalogue
from trimtab.services.charts import ChartStore, Dependencies
from trimtab.services.event_recorder import Event
from trimtab.services.ledger_backlog import LedgerBacklog
from trimtab.services.render import RenderService
from trimtab.services.trees import Trees
from trimtab.services.written_kinds import WrittenKinds
from trimtab.testing.clock import VirtualClock
from trimtab.testing.cluster import FakeCluster, Request
from trimtab.testing.cluster_directory import FakeClusterDirectory
from trimtab.testing.cluster_kinds import custom_kind
from trimtab.testing.git import FakeSource
from trimtab.testing.ledger import FakeLedger

URL = "https://git.example.com/shop.git"
HUB_KINDS = (
    APPLICATION,
    GroupKind("argoproj.io", "AppProject"),
    GroupKind("", "ConfigMap"),
    GroupKind("", "Secret"),
)
REFRESH = "argocd.argoproj.io/refresh"
_NOWHERE = Path("/nonexistent")


class Process:
    """The fleet, the repository and the ledger of one story, and the process that works on them.

    Attributes:
        target: Registered as ``target``, with namespace ``shop``.
    """

    def __init__(self) -> None:
        self.settings = ApplicationSettings(namespace=NAMESPACE)
        self.clock = VirtualClock()
        self.hub = self._cluster("in-cluster", "https://kubernetes.default.svc")
        self.target = self._cluster("target", "https://target.example.com")
        self.hub.add_kind(custom_kind("argoproj.io", "v1alpha1", "Application"))
        self.hub.add_kind(custom_kind("argoproj.io", "v1alpha1", "AppProject"))
        self.hub.seed(named("Namespace", NAMESPACE))
        self.target.seed(named("Namespace", PLACE))
        self.clusters = FakeClusterDirectory(self.hub, self.target)
        self.source = FakeSource(on_change=lambda url, _: self.router.enqueue_repository(url))
        self.ledger = FakeLedger()
        self.events: list[Event] = []
        self.is_leader = True
        self.looks: list[str] = []
        self.bugs: list[BaseException] = []
        self.process_clock: Clock = self.clock
        self._tasks: asyncio.TaskGroup | None = None
        self._wire()
        self.clusters.subscribe(self._on_event)
        self.hub.ensure(HUB_KINDS)

    # The process.

    def _cluster(self, name: str, server: str) -> FakeCluster:
        owner = owner_of(self.settings)
        return FakeCluster(name, server, tracked_by=owner, now=self.clock.now)

    def _wire(self) -> None:
        """Make what a new process has: nothing is remembered."""
        engines, renderer = NoEngines(), JsonRenderer()
        catalogue = HubCatalogue(self.hub, NAMESPACE)
        charts = ChartStore(engines, _NOWHERE, self.clock.monotonic)
        needs = Dependencies(renderer, lambda url: catalogue.repository(url, ""))
        trees = Trees(self.source, _NOWHERE)
        world = World(
            clusters=self.clusters,
            source=self.source,
            charts=charts,
            capabilities=CapabilityCache(self.clock.monotonic),
            render=RenderService(self.source, renderer, trees, charts, needs),
            normaliser=engines,
            catalogue=catalogue,
            clock=self.process_clock,
            settings=self.settings,
            fleet=FleetDeletions(self.settings.budget, partial(recorded_deletions, self.hub)),
            written=WrittenKinds(self.hub, NAMESPACE),
            may_write=lambda: self.is_leader and not self.settings.observe_only,
        )
        self.backlog = LedgerBacklog(self.ledger)
        journal = Journal(
            self.backlog,
            self.source,
            self.process_clock,
            manager="trimtab",
            tell=self.events.append,
        )
        owner = owner_of(self.settings)
        self.router = Router(self.settings, owner, self._enqueue, self._enqueue)
        self.reconciler = ApplicationReconciler(world, journal)
        self.engine = ControllerEngine(
            "application",
            self._reconcile,
            clock=self.clock,
            group_of=self.router.group_of,
            on_look=lambda look: self.looks.append(look.key),
        )

    async def _reconcile(self, key: str) -> Outcome:
        """Look at an Application; what the engine takes for a bug ends the story."""
        try:
            return await self.reconciler.reconcile(key)
        except* (Transient, Stalled):
            raise
        except* Exception as error:
            self.bugs.append(error)
            raise

    def _enqueue(
        self, key: str, priority: Priority = Priority.EVENT, after_seconds: float = 0.0
    ) -> None:
        self.engine.enqueue(key, priority=priority, after_seconds=after_seconds)

    def _on_event(self, cluster: Cluster, event: WatchEvent | None) -> None:
        is_hub = cluster.server == self.hub.server
        if is_hub and event is not None and event.live.key.kind == "AppProject":
            self.router.enqueue_project(event.live.key.name)
        self.router.on_cluster_event(cluster, event, is_hub=is_hub)

    def begin(self, tasks: asyncio.TaskGroup) -> None:
        """Start working."""
        self._tasks = tasks
        tasks.create_task(self.engine.run())
        self._catching_up = tasks.create_task(self.backlog.run())

    def end(self) -> None:
        """Stop working, between two looks."""
        self.engine.stop()
        self._catching_up.cancel()

    async def restart(self, *, between: Callable[[], None] = lambda: None) -> None:
        """End the process between two looks and start another one, which remembers nothing."""
        assert self._tasks is not None
        self.end()
        await self.passed(0.01)
        between()
        self._wire()
        for live in self.hub.objects(APPLICATION):
            event = WatchEvent(Change.ADDED, live, None)
            self.router.on_cluster_event(self.hub, event, is_hub=True)
        self.begin(self._tasks)

    async def dies_before(self, requests: int) -> bool:
        """Let the process die before its request of that number, and start another one.

        Returns:
            Whether it sent as many.
        """
        left, is_dead = requests, False

        def dies(_: Request) -> bool:
            nonlocal left, is_dead
            is_dead = is_dead or left == 0
            left -= 1
            return is_dead

        lost = ClusterUnreachable("ClusterUnreachable", "the process is dead")
        alive = [cluster.refuse(dies, lost) for cluster in (self.hub, self.target)]
        await self.passed(5)
        for stop in alive:
            stop()
        if is_dead:
            await self.restart()
        return is_dead

    async def configure(self, **settings: Any) -> None:
        """Go on with other settings, in a new process."""
        self.settings = replace(self.settings, **settings)
        await self.restart()

    async def passed(self, seconds: float = 1.0) -> None:
        """Let virtual time go by; what needs no time is done first."""
        await asyncio.sleep(seconds)
        if self.bugs:
            raise self.bugs[0]

    async def until(self, condition: Callable[[], object], *, seconds: float = 600) -> None:
        """Let virtual time go by until something is so."""
        deadline, step = self.clock.monotonic() + seconds, 0.05
        while not condition():
            assert self.clock.monotonic() < deadline, f"not so in {seconds} s: {self.told()}"
            await self.passed(step)
            step = min(step * 1.2, 5.0)

    def told(self) -> str:
        """Return what every Application says, for the message of a story that failed."""
        found = (
            (o.key.name, json.loads(o.raw).get("status")) for o in self.hub.objects(APPLICATION)
        )
        return "\n".join(f"{name}: {status}" for name, status in found)
