"""The async face of a local fleet: the same blocking calls, each in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from trimtab.adapters.localfleet.binary import build_binary
from trimtab.adapters.localfleet.cluster import LocalCluster
from trimtab.adapters.localfleet.plan import FleetPlan
from trimtab.adapters.localfleet.process import FleetProcess
from trimtab.adapters.localfleet.running import FleetStatus, RunningFleet


class Fleet:
    """A hub and its targets, real control planes that live as long as this object's process."""

    def __init__(self, process: FleetProcess) -> None:
        """Wrap a fleet that is ready; use ``Fleet.start``."""
        self._process = process

    @classmethod
    async def start(
        cls,
        clusters: int,
        *,
        separate: Iterable[int] = (),
        controllers: bool | Iterable[int] = True,
        folder: Path | None = None,
        progress: Callable[[str], None] = lambda _: None,
    ) -> Fleet:
        """Build the binary if necessary, start a fleet and return when it is ready.

        Args:
            clusters: How many, the hub (cluster 0) included.
            separate: Clusters that can be killed alone.
            controllers: Which clusters get a controller manager: all, none, or these.
            folder: Run folder, which is kept; by default a temporary one, which is removed.
            progress: Called with one line of text at each step, from another thread.

        Returns:
            The fleet; use it as an async context manager, or ``await stop()``.

        Raises:
            FleetError: It does not become ready.
            GoMissingError: The binary must be built and there is no Go toolchain.
        """
        every = frozenset(range(clusters))
        chosen = every if controllers is True else frozenset(controllers or ())
        plan = FleetPlan(
            clusters=clusters,
            separate=frozenset(separate),
            without_controllers=every - chosen,
            folder=folder,
            ephemeral=folder is None,
        )
        binary = await asyncio.to_thread(build_binary, progress=progress)
        process = await asyncio.to_thread(FleetProcess.launch, plan, binary=binary)
        try:
            await asyncio.to_thread(process.wait_ready, progress)
        except BaseException:
            # Not in a thread: a cancelled task must not leave before the processes are gone.
            process.stop()
            raise
        return cls(process)

    @property
    def running(self) -> RunningFleet:
        """The blocking view of the same fleet."""
        return self._process.running

    @property
    def clusters(self) -> tuple[LocalCluster, ...]:
        """All clusters, by index; 0 is the hub."""
        return self.running.clusters

    def cluster(self, index: int) -> LocalCluster:
        """Return one cluster's address and credentials."""
        return self.running.cluster(index)

    async def kill(self, index: int) -> None:
        """Kill a separate cluster's API server process and its controllers."""
        await asyncio.to_thread(self.running.kill, index)

    async def start_cluster(self, index: int) -> None:
        """Start a killed cluster again, at its old address and with its objects."""
        await asyncio.to_thread(self.running.start_cluster, index)

    async def status(self) -> FleetStatus:
        """Ask the supervisor how the clusters are."""
        return await asyncio.to_thread(self.running.status)

    async def stop(self) -> None:
        """End every process of the fleet."""
        await asyncio.to_thread(self._process.stop)

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the fleet."""
        await self.stop()
