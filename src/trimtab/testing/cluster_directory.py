"""A fleet in memory."""

from collections.abc import Callable, Sequence

from trimtab.ports.cluster import Cluster, ClusterSettings, ClusterUnknown, WatchEvent
from trimtab.testing.cluster import FakeCluster


class FakeClusterDirectory:
    """Implements ``ports.cluster.ClusterDirectory`` over fake clusters.

    Args:
        *clusters: Clusters that are there from the start; the first one is the hub.
    """

    def __init__(self, *clusters: FakeCluster) -> None:
        self._listeners: list[Callable[[Cluster, WatchEvent | None], None]] = []
        self._clusters: dict[str, FakeCluster] = {}
        self._settings: dict[str, ClusterSettings] = {}
        self._prepared: dict[str, FakeCluster] = {}
        self.put_count = 0
        for cluster in clusters or (FakeCluster(),):
            self._add(cluster, ClusterSettings(cluster.name, cluster.server, {}))

    def prepare(self, cluster: FakeCluster) -> None:
        """Have a cluster ready for the moment when its settings are put."""
        self._prepared[_normalised(cluster.server)] = cluster

    def fake(self, name: str) -> FakeCluster:
        """Return a cluster by its name, with what tests may do to it."""
        return next(c for c in self._clusters.values() if c.name == name)

    def find(self, *, server: str = "", name: str = "") -> Cluster:
        """Return the cluster.

        Raises:
            ClusterUnknown: No such cluster, or a name that two share.
        """
        found = [
            cluster
            for url, cluster in self._clusters.items()
            if (url == _normalised(server) if server else self._settings[url].name == name)
        ]
        if len(found) != 1:
            what = server or name
            raise ClusterUnknown("ClusterUnknown", f"{len(found)} clusters are {what!r}, not one")
        return found[0]

    def settings(self, server: str) -> ClusterSettings | None:
        """Return what the cluster was registered with."""
        return self._settings.get(_normalised(server))

    def all(self) -> Sequence[Cluster]:
        """Return every cluster, sorted by name."""
        return sorted(self._clusters.values(), key=lambda cluster: (cluster.name, cluster.server))

    async def put(self, settings: ClusterSettings) -> None:
        """Add a cluster; one that is known keeps its objects."""
        url = _normalised(settings.server)
        self.put_count += 1
        if url in self._clusters:
            self._settings[url] = settings
            return
        cluster = self._prepared.pop(url, None) or FakeCluster(settings.name, url)
        self._add(cluster, settings)

    async def remove(self, server: str) -> None:
        """Forget a cluster; nothing in it is touched."""
        url = _normalised(server)
        cluster = self._clusters.pop(url, None)
        if cluster is not None:
            self._settings.pop(url)
            self._prepared[url] = cluster

    def subscribe(self, listener: Callable[[Cluster, WatchEvent | None], None]) -> None:
        """Call ``listener`` for changes of all clusters, and with None when contact turns."""
        self._listeners.append(listener)

    def _add(self, cluster: FakeCluster, settings: ClusterSettings) -> None:
        url = _normalised(cluster.server)
        self._clusters[url], self._settings[url] = cluster, settings

        def changed(event: WatchEvent | None) -> None:
            if self._clusters.get(url) is cluster:
                for listener in tuple(self._listeners):
                    listener(cluster, event)

        cluster.subscribe(changed)
        cluster.on_reachable(lambda: changed(None))


def _normalised(server: str) -> str:
    return server.strip().rstrip("/")
