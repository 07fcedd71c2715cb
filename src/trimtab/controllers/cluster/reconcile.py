"""One look at one cluster Secret: connect, reconnect or forget the cluster."""

from collections.abc import Callable

import structlog

from trimtab.core.errors import Stalled
from trimtab.core.manifest import ObjectKey
from trimtab.ports.cluster import Cluster, ClusterDirectory
from trimtab.runtime import Done, Outcome, StalledFailure
from trimtab.services.registry import cluster_settings, secret_type

_log = structlog.get_logger("cluster")


class ClusterReconciler:
    """Keeps the directory of clusters as the Secrets in the hub describe it.

    Args:
        hub: Where the Secrets are.
        clusters: The directory.
        on_change: Told of a cluster whose connection may have changed.
    """

    def __init__(
        self, hub: Cluster, clusters: ClusterDirectory, on_change: Callable[[Cluster], None]
    ) -> None:
        self._hub = hub
        self._clusters = clusters
        self._on_change = on_change
        self._servers: dict[str, str] = {}

    async def reconcile(self, key: str) -> Outcome:
        """Bring the directory up to date with one Secret, named ``namespace/name``."""
        namespace, _, name = key.partition("/")
        live = self._hub.live(ObjectKey("", "Secret", namespace, name))
        if live is None or secret_type(live) != "cluster":
            server = self._servers.pop(key, None)
            if server is not None and server not in self._servers.values():
                await self._clusters.remove(server)
            return Done()
        try:
            settings = cluster_settings(live)
            await self._clusters.put(settings)
        except Stalled as error:
            _log.warning("cluster.invalid", secret=key, error=error.message)
            return StalledFailure(error.reason)
        before = self._servers.get(key)
        self._servers[key] = settings.server
        if before is not None and before not in self._servers.values():
            await self._clusters.remove(before)
        self._on_change(self._clusters.find(server=settings.server))
        _log.info("cluster.registered", cluster=settings.name, server=settings.server)
        return Done()
