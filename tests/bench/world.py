"""A world to measure in: control planes, a Git server, ``trimtab serve``, and watches of our own.

Nothing outlives the bench: the fleet, the Git server and Trimtab end when their stdin closes.
"""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

from bench import content
from bench.cost import Meter
from bench.plan import Sizes
from bench.procfs import children
from trimtab.adapters.kubernetes import KubernetesCluster
from trimtab.adapters.localfleet import Fleet
from trimtab.bootstrap.demo.checkout import Checkout
from trimtab.bootstrap.demo.processes import Child, leashed, trimtab_program
from trimtab.bootstrap.demo.watching import Watching
from trimtab.core import JsonObject
from trimtab.core.manifest import GroupKind, ObjectKey, canonical_json, key_of, split_api_version
from trimtab.ports.cluster import Write

APPLICATION = GroupKind("argoproj.io", "Application")
_TRIMTABS = (APPLICATION, GroupKind("argoproj.io", "AppProject"))
DEPLOYMENT = GroupKind("apps", "Deployment")
CONFIG_MAP = GroupKind("", "ConfigMap")
HUB = "hub"
_BENCH = Write("bench")
_SERVE = ("--listen", "127.0.0.1:0", "--log-level", "info")
_AT_ONCE = 16
_READY = timedelta(seconds=60)


def say(line: str) -> None:
    """Tell a person what goes on."""
    print(line, file=sys.stderr, flush=True)


class World:
    """What the measurements work with.

    Args:
        fleet: Cluster 0 is the hub.
        sizes: How much is measured.
        folder: For repositories, state and logs.
        stack: Closed at the end.
        options: More options of ``trimtab serve``.
    """

    def __init__(
        self,
        fleet: Fleet,
        sizes: Sizes,
        folder: Path,
        stack: AsyncExitStack,
        *,
        options: Sequence[str] = (),
    ) -> None:
        self.fleet = fleet
        self.sizes = sizes
        self.folder = folder
        self.watching = Watching(self._broken)
        self.pid = 0
        self.url = ""
        self.meter: Meter
        self._stack = stack
        self._options = options
        self._secret = secrets.token_hex(16)
        self._children: list[Child] = []
        self._serve: Child | None = None
        self._serves = 0

    @property
    def hub(self) -> KubernetesCluster:
        """The hub, as the bench sees it."""
        return self.watching.cluster(HUB)

    @property
    def targets(self) -> range:
        """Indexes of the target clusters."""
        return range(1, len(self.fleet.clusters))

    def target(self, index: int) -> KubernetesCluster:
        """Return a target cluster, as the bench sees it."""
        return self.watching.cluster(content.cluster_name(index))

    async def prepare(self) -> None:
        """Open the watches and make what Trimtab expects to find."""
        for index in self.targets:
            name, file = content.cluster_name(index), self.fleet.cluster(index).kubeconfig_path
            await self.watching.open(self._stack, name, file, (DEPLOYMENT, CONFIG_MAP))
            await self.create([content.namespace(content.NAMESPACE)], self.target(index))
        await self.watching.open(self._stack, HUB, self.fleet.cluster(0).kubeconfig_path, ())
        self.meter = Meter(self.fleet, self.hub)
        await self.meter.open()
        await self.create([content.namespace(content.ARGOCD)])
        secret = content.webhook_secret(self._secret)
        clusters = [content.register_cluster(self.fleet.cluster(i)) for i in self.targets]
        await self.create([secret, *clusters])

    async def serve(self) -> None:
        """Start ``trimtab serve`` with empty caches, in place of one that runs."""
        await self.stop_serving()
        self._serves += 1
        program = [trimtab_program()]
        program += ["--kubeconfig", str(self.fleet.cluster(0).kubeconfig_path)]
        program += ["--state-dir", str(self.folder / f"state-{self._serves}")]
        others = set(children(os.getpid()))
        self._serve = await self._start(
            "trimtab serve", leashed([*program, "serve", *_SERVE, *self._options])
        )
        (leash,) = set(children(os.getpid())) - others
        ready = await self._serve.first_line(within=_READY.total_seconds())
        self.url = str(ready["url"])
        (self.pid,) = children(leash)
        async with asyncio.timeout(_READY.total_seconds()):
            # Trimtab has installed the kinds; the bench's own discovery may be older than that.
            while not all([await self.hub.resource_type(kind) for kind in _TRIMTABS]):
                await asyncio.sleep(0.1)
        await self.hub.wait_synced((APPLICATION,), timeout=_READY)

    async def stop_serving(self) -> None:
        """End ``trimtab serve``."""
        if self._serve is not None:
            self._children.remove(self._serve)
            await self._serve.stop()
            self._serve = None

    async def repository(self, name: str) -> Checkout:
        """Make a repository whose pushes are reported to Trimtab, and return a clone of it."""
        command = [sys.executable, "-m", "trimtab.adapters.gitserver", "--create", name]
        command += ["--root", str(self.folder / f"git-{name}")]
        command += ["--webhook", f"{self.url}/api/webhook"]
        child = await self._start("Git server", command, TRIMTAB_WEBHOOK_SECRET=self._secret)
        ready = await child.first_line(within=_READY.total_seconds())
        urls = ready["repositories"]
        assert isinstance(urls, dict)
        checkout = Checkout(self.folder / f"clone-{name}", str(urls[name]))
        checkout.folder.mkdir()
        await checkout.begin()
        return checkout

    async def create(
        self, bodies: Sequence[JsonObject], cluster: KubernetesCluster | None = None
    ) -> None:
        """Create objects in a cluster, in the hub by default, several at a time."""
        where, queue = cluster or self.hub, list(reversed(bodies))

        async def work() -> None:
            while queue:
                body = queue.pop()
                _, version = split_api_version(str(body["apiVersion"]))
                await where.create(key_of(body), version, canonical_json(body), _BENCH)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(_AT_ONCE, len(bodies))):
                tasks.create_task(work())

    async def delete_applications(self) -> None:
        """Delete every Application; what they delivered stays."""
        for live in self.hub.objects(APPLICATION):
            await self.hub.delete(live.key, uid=live.meta.uid)

    def app_places(self, names: Sequence[str]) -> list[tuple[str, ObjectKey]]:
        """Return where Applications are."""
        return [
            (HUB, ObjectKey(APPLICATION.group, APPLICATION.kind, content.ARGOCD, name))
            for name in names
        ]

    async def _start(self, name: str, command: Sequence[str], **env: str) -> Child:
        log = self.folder / f"{name.replace(' ', '-')}-{len(self._children)}-{self._serves}.log"
        child = await Child.start(name, command, log=log, env=env)
        self._children.append(child)
        self._stack.push_async_callback(child.stop)
        return child

    def _broken(self) -> str:
        ended = [child for child in self._children if child.exit_code is not None]
        return "; ".join(f"{c.name} ended with {c.exit_code}, see {c.log}" for c in ended)


@asynccontextmanager
async def open_world(
    clusters: int, sizes: Sizes, folder: Path, *, controllers: bool, options: Sequence[str] = ()
) -> AsyncGenerator[World]:
    """Start control planes and Trimtab; everything ends with the block.

    Args:
        clusters: Targets; the hub comes on top.
        sizes: How much is measured.
        folder: For repositories, state and logs; must exist.
        controllers: Whether the clusters run controller managers.
        options: More options of ``trimtab serve``.
    """
    async with AsyncExitStack() as stack:
        say(f"starting a hub and {clusters} clusters")
        fleet = await Fleet.start(clusters + 1, controllers=controllers)
        await stack.enter_async_context(fleet)
        world = World(fleet, sizes, folder, stack, options=options)
        await world.prepare()
        await world.serve()
        await world.create([content.project()])
        yield world
