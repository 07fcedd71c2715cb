"""The clusters of the fleet: connections by server URL, made and closed as Secrets come and go.

Rules: a connection is rebuilt only when something that it depends on changed; the cluster that
holds the Applications is there from the start, under its own URL and name; one cluster's failure
never ends another's watches.
"""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence

from trimtab.adapters.kubernetes.cluster import KubernetesCluster
from trimtab.adapters.kubernetes.config import (
    IN_CLUSTER_NAME,
    IN_CLUSTER_SERVER,
    ConnectionSettings,
    connection_of,
    normalised_server,
    settings_digest,
)
from trimtab.adapters.kubernetes.options import ClusterOptions
from trimtab.ports.cluster import Cluster, ClusterSettings, ClusterUnknown, WatchEvent
from trimtab.runtime import supervise

FleetListener = Callable[[Cluster, WatchEvent | None], None]
OptionsFor = Callable[[str], ClusterOptions]
"""Returns the options of a cluster by its name: index function, metrics."""


@dataclasses.dataclass(slots=True)
class _Entry:
    cluster: KubernetesCluster
    settings: ClusterSettings
    digest: str
    task: asyncio.Task[None] | None = None


class KubernetesDirectory:
    """ClusterDirectory over real clusters.

    Args:
        hub: Connection to the cluster that holds the Applications.
        options_for: Options of each cluster; called with the name ``in-cluster`` for the hub.
            ``server``, ``namespaces`` and ``cluster_resources`` are set by the directory.
    """

    def __init__(self, hub: ConnectionSettings, options_for: OptionsFor | None = None) -> None:
        self._options_for = options_for or _default_options
        self._listeners: list[FleetListener] = []
        self._tasks: asyncio.TaskGroup | None = None
        options = dataclasses.replace(self._options_for(IN_CLUSTER_NAME), server=IN_CLUSTER_SERVER)
        cluster = KubernetesCluster(dataclasses.replace(hub, name=IN_CLUSTER_NAME), options)
        settings = ClusterSettings(IN_CLUSTER_NAME, IN_CLUSTER_SERVER, {})
        self._hub = _Entry(cluster, settings, "")
        self._entries: dict[str, _Entry] = {IN_CLUSTER_SERVER: self._hub}
        self._connect(cluster)

    @property
    def hub(self) -> KubernetesCluster:
        """The cluster that holds the Applications."""
        return self._hub.cluster

    def find(self, *, server: str = "", name: str = "") -> Cluster:
        """Return the cluster with this server URL, or with this name.

        Raises:
            ClusterUnknown: No such cluster, or a name that two share.
        """
        if server:
            entry = self._entries.get(normalised_server(server))
            if entry is None:
                raise ClusterUnknown("ClusterUnknown", f"no cluster with server {server}")
            return entry.cluster
        found = [e.cluster for e in self._entries.values() if e.settings.name == name]
        if len(found) != 1:
            count = "no cluster is" if not found else f"{len(found)} clusters are"
            raise ClusterUnknown("ClusterUnknown", f"{count} named {name!r}; expected one")
        return found[0]

    def settings(self, server: str) -> ClusterSettings | None:
        """Return what the cluster was registered with."""
        entry = self._entries.get(normalised_server(server))
        return None if entry is None else entry.settings

    def all(self) -> Sequence[Cluster]:
        """Return every cluster, sorted by name."""
        return sorted((e.cluster for e in self._entries.values()), key=lambda c: (c.name, c.server))

    async def put(self, settings: ClusterSettings) -> None:
        """Add a cluster or replace its connection; nothing happens when nothing changed.

        Raises:
            ConnectionInvalid: The settings are wrong; what was there before stays.
        """
        server = normalised_server(settings.server)
        if server == IN_CLUSTER_SERVER:
            # Its Secret gives it a name and labels; the connection is the one we already have.
            self._hub.settings = settings
            self._hub.cluster.rename(settings.name, IN_CLUSTER_SERVER)
            return
        digest = settings_digest(settings)
        before = self._entries.get(server)
        if before is not None and before.digest == digest:
            before.settings = settings
            return
        options = dataclasses.replace(
            self._options_for(settings.name),
            server=server,
            namespaces=settings.namespaces,
            cluster_resources=settings.cluster_resources,
        )
        entry = _Entry(KubernetesCluster(connection_of(settings), options), settings, digest)
        self._entries[server] = entry
        self._connect(entry.cluster)
        self._start(entry)
        if before is not None:
            await self._stop(before)

    async def remove(self, server: str) -> None:
        """Close and forget a cluster; nothing in it is touched. The hub stays."""
        server = normalised_server(server)
        if server == IN_CLUSTER_SERVER:
            self._hub.settings = ClusterSettings(IN_CLUSTER_NAME, IN_CLUSTER_SERVER, {})
            self._hub.cluster.rename(IN_CLUSTER_NAME, IN_CLUSTER_SERVER)
            return
        entry = self._entries.pop(server, None)
        if entry is not None:
            await self._stop(entry)

    def subscribe(self, listener: FleetListener) -> None:
        """Call ``listener`` for the changes of all clusters, and with None when contact turns."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Run the watches of all clusters, present and future, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for entry in self._entries.values():
                    self._start(entry)
                await asyncio.Event().wait()
        finally:
            self._tasks = None

    async def aclose(self) -> None:
        """Close all connections; call it after :meth:`run` has ended."""
        for entry in self._entries.values():
            await entry.cluster.aclose()

    def _start(self, entry: _Entry) -> None:
        if self._tasks is not None and entry.task is None:
            # Supervised each by itself: a bug in one cluster's watches must not reach the others.
            watches = supervise(f"watches of {entry.cluster.name}", entry.cluster.run)
            entry.task = self._tasks.create_task(watches)

    async def _stop(self, entry: _Entry) -> None:
        if entry.task is not None:
            entry.task.cancel()
            await asyncio.wait([entry.task])
        await entry.cluster.aclose()

    def _connect(self, cluster: KubernetesCluster) -> None:
        def changed(event: WatchEvent | None) -> None:
            for listener in tuple(self._listeners):
                listener(cluster, event)

        cluster.subscribe(changed)
        cluster.on_reachable(lambda: changed(None))


def _default_options(_name: str) -> ClusterOptions:
    return ClusterOptions()
