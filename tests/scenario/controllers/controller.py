"""An Application controller over a fleet in memory, in virtual time: what its tests are told with.

A test is a story: ``@story`` runs it beside a controller that works as it does in ``serve``, by its
own queue and watches. ``passed`` lets virtual time go by, which takes none.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from scenario.controllers.engines import JsonRenderer, NoEngines
from scenario.controllers.objects import NAMESPACE, PLACE, app_key, name_of, named, place_key
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
from trimtab.core import JsonObject
from trimtab.core.errors import Stalled, Transient
from trimtab.core.manifest import GroupKind, LiveObject
from trimtab.ports.cluster import Change, Cluster, ClusterUnreachable, WatchEvent
from trimtab.runtime import Clock, ControllerEngine, Outcome, Priority
from trimtab.services.capabilities import CapabilityCache
from trimtab.services.catalogue import HubCatalogue
from trimtab.services.charts import ChartStore, Dependencies
from trimtab.services.render import RenderService
from trimtab.services.trees import Trees
from trimtab.services.written_kinds import WrittenKinds
from trimtab.testing.clock import VirtualClock, run_virtual
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
Story = Callable[["Controller"], Awaitable[None]]


class Controller:
    """The controller, the fleet, the repository and the ledger of one story.

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
        journal = Journal(self.ledger, self.source, self.process_clock, manager="trimtab")
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

    async def restart(self, *, between: Callable[[], None] = lambda: None) -> None:
        """End the process between two looks and start another one, which remembers nothing."""
        assert self._tasks is not None
        self.engine.stop()
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

    # What people do.

    def commit(self, *objects: JsonObject, without: Sequence[str] = (), text: str = "") -> str:
        """Push objects to folder ``app``, each in a file of its name; return the commit."""
        files: dict[str, str | None] = {f"app/{name_of(o)}.json": json.dumps(o) for o in objects}
        files |= {f"app/{name}.json": None for name in without}
        if text:
            files["app/broken.json"] = text
        return self.source.commit(URL, files)

    def apply_app(
        self, name: str = "shop", *, finalizers: Sequence[str] = (), **changes: Any
    ) -> None:
        """Create an Application that delivers folder ``app``, pruning and healing by itself."""
        meta: dict[str, Any] = {"name": name, "namespace": NAMESPACE}
        if finalizers:
            meta["finalizers"] = [*finalizers]
        spec: dict[str, Any] = {
            "project": "default",
            "source": {"repoURL": URL, "path": "app", "targetRevision": "main"},
            "destination": {"name": "target", "namespace": PLACE},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
            **changes,
        }
        api = "argoproj.io/v1alpha1"
        self.hub.seed({"apiVersion": api, "kind": "Application", "metadata": meta, "spec": spec})

    def change_app(self, name: str = "shop", **changes: Any) -> None:
        """Merge ``metadata``, ``spec``, ``operation`` or ``status`` into an Application."""
        body: dict[str, Any] = {**self.app(name)}
        for part, change in changes.items():
            body[part] = {**body.get(part, {}), **change}
        self.hub.seed(body, manager="person")

    def annotate(self, name: str = "shop", **annotations: str) -> None:
        """Annotate an Application; ``_`` in a name stands for nothing else: pass a mapping."""
        present = self.app(name)["metadata"].get("annotations", {})
        meta = {**self.app(name)["metadata"], "annotations": {**present, **annotations}}
        self.change_app(name, metadata=meta)

    def ask(self, name: str = "shop", **sync: Any) -> None:
        """Ask for a sync as a person does."""
        asked = {"initiatedBy": {"username": "dana"}, "sync": sync}
        self.change_app(name, operation=asked)

    async def delete_app(self, name: str = "shop") -> None:
        """Ask for an Application's deletion."""
        live = self.hub.stored(app_key(name))
        assert live is not None
        await self.hub.delete(live.key, uid=live.meta.uid)

    def edit(self, body: JsonObject, *, manager: str = "kubectl-edit") -> None:
        """Change an object in the target cluster by hand."""
        self.target.seed(body, manager=manager)

    # What they see.

    def app(self, name: str = "shop") -> dict[str, Any]:
        """Return an Application as the hub stores it; empty when it does not exist."""
        live = self.hub.stored(app_key(name))
        return {} if live is None else json.loads(live.raw)

    def status(self, name: str = "shop") -> dict[str, Any]:
        """Return an Application's status."""
        return self.app(name).get("status", {})

    def sync(self, name: str = "shop") -> str:
        """Return ``Synced``, ``OutOfSync`` or ``Unknown``."""
        return self.status(name).get("sync", {}).get("status", "")

    def phase(self, name: str = "shop") -> str:
        """Return the phase of the last operation."""
        return self.operation(name).get("phase", "")

    def operation(self, name: str = "shop") -> dict[str, Any]:
        """Return the last operation."""
        return self.status(name).get("operationState", {})

    def conditions(self, name: str = "shop") -> dict[str, str]:
        """Return messages by type."""
        return {c["type"]: c["message"] for c in self.status(name).get("conditions", [])}

    def told(self) -> str:
        """Return what every Application says, for the message of a story that failed."""
        apps = [live.key.name for live in self.hub.objects(APPLICATION)]
        return "\n".join(
            f"{name}: {self.sync(name)} {self.phase(name)} {self.operation(name).get('message')} "
            f"{self.conditions(name)}"
            for name in apps
        )

    def live(self, name: str, kind: str = "ConfigMap") -> dict[str, Any] | None:
        """Return an object of the target cluster, or None."""
        found = self.stored(name, kind)
        return None if found is None else json.loads(found.raw)

    def stored(self, name: str, kind: str = "ConfigMap") -> LiveObject | None:
        """Return the same, undecoded."""
        return self.target.stored(place_key(name, kind))

    def names(self, kind: str = "ConfigMap") -> set[str]:
        """Return which objects of a kind there are in namespace ``shop``."""
        wanted = place_key("", kind).group_kind
        return {live.key.name for live in self.target.stored_in(PLACE, wanted)}

    def writes(self) -> list[tuple[str, str]]:
        """Return verb and name of what was written to the target cluster, in order."""
        return [
            (request.verb, request.key.name)
            for request in self.target.requests
            if not request.dry_run and request.verb not in ("get", "list")
        ]

    def outcomes(self) -> list[tuple[str, str]]:
        """Return kind and outcome of the ledger's entries, oldest first."""
        return [(entry.kind, entry.outcome) for entry in self.ledger.entries]


def story(told: Story) -> Callable[[], None]:
    """Make a test of a story: it runs beside a controller, in virtual time."""

    def test() -> None:
        one = Controller()

        async def main() -> None:
            async with asyncio.TaskGroup() as tasks:
                one.begin(tasks)
                try:
                    await told(one)
                finally:
                    one.engine.stop()

        with capture_logs():
            try:
                run_virtual(main(), one.clock)
            except ExceptionGroup as group:
                # The story is the only task that may fail.
                raise group.exceptions[0] from None

    test.__name__, test.__doc__, test.__module__ = told.__name__, told.__doc__, told.__module__
    return test
