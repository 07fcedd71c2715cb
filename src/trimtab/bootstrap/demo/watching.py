"""The demo's own watches: it looks at the clusters itself, and never through Trimtab."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from trimtab.adapters.kubernetes import ClusterOptions, KubernetesCluster, load_kubeconfig
from trimtab.bootstrap.demo.step import StepFailed
from trimtab.core.manifest import GroupKind, LiveObject
from trimtab.ports.cluster import WatchEvent

T = TypeVar("T")
OnEvent = Callable[[str, WatchEvent], None]

_LOOK_AGAIN_SECONDS = 0.5


class Watching:
    """Watches of several clusters, and waiting for what they show.

    Args:
        broken: Returns why waiting is in vain, or the empty string.
    """

    def __init__(self, broken: Callable[[], str]) -> None:
        self._broken = broken
        self._clusters: dict[str, KubernetesCluster] = {}
        self._listeners: list[OnEvent] = []
        self._pulse = asyncio.Event()

    async def open(
        self, stack: AsyncExitStack, name: str, kubeconfig: Path, kinds: tuple[GroupKind, ...]
    ) -> KubernetesCluster:
        """Connect to a cluster and watch some kinds until the stack closes."""
        cluster = KubernetesCluster(load_kubeconfig(kubeconfig), ClusterOptions())
        await stack.enter_async_context(cluster)
        cluster.subscribe(lambda event: self._on_event(name, event))
        self._clusters[name] = cluster
        await cluster.wait_synced(kinds, timeout=timedelta(seconds=60))
        return cluster

    def __contains__(self, name: str) -> bool:
        """Return whether a cluster is being watched."""
        return name in self._clusters

    def cluster(self, name: str) -> KubernetesCluster:
        """Return a cluster by name."""
        return self._clusters[name]

    def objects(self, name: str, kind: GroupKind) -> Iterator[LiveObject]:
        """Return what a cluster's watch of a kind holds."""
        yield from self._clusters[name].objects(kind)

    def subscribe(self, listener: OnEvent) -> Callable[[], None]:
        """Call ``listener`` with cluster and event from now on; return the way to stop it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def until(self, met: Callable[[], T], *, within: float, missing: Callable[[], str]) -> T:
        """Wait for a watch to show something.

        Args:
            met: Looked at after every event; a true value ends the wait and is returned.
            within: Seconds.
            missing: Says at the deadline what was expected and what was found.

        Raises:
            StepFailed: The deadline passed, or waiting is in vain.
        """
        deadline = time.monotonic() + within
        while not (found := met()):
            if broken := self._broken():
                raise StepFailed(f"{broken}; meanwhile: {missing()}")
            if time.monotonic() > deadline:
                raise StepFailed(f"not within {within:.0f} s: {missing()}")
            await self._event(_LOOK_AGAIN_SECONDS)
        return found

    async def quiet(self, *, seconds: float, within: float, hub: str) -> None:
        """Wait until no target cluster has shown a change for a while; ``hub`` is not listened to.

        Raises:
            StepFailed: It does not become quiet in time.
        """
        last = ["", time.monotonic()]

        def note(name: str, event: WatchEvent) -> None:
            if name != hub:
                last[:] = [f"{event.live.key} on {name}", time.monotonic()]

        stop = self.subscribe(note)
        try:
            await self.until(
                lambda: time.monotonic() - float(last[1]) >= seconds,
                within=within,
                missing=lambda: f"the clusters do not come to rest; last change: {last[0]}",
            )
        finally:
            stop()

    async def _event(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._pulse.wait()
        except TimeoutError:
            pass

    def _on_event(self, name: str, event: WatchEvent) -> None:
        for listener in tuple(self._listeners):
            listener(name, event)
        self._pulse.set()
        self._pulse = asyncio.Event()
