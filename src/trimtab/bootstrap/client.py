"""Connections of the command line: the hub by kubeconfig, destinations by their Secrets."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from trimtab.adapters.kubernetes import (
    ConnectionSettings,
    KubernetesCluster,
    cluster_config,
    connection_of,
    load_kubeconfig,
)
from trimtab.core.manifest import GroupKind
from trimtab.ports.cluster import Cluster, ClusterSettings, ClusterUnknown, PodLogs
from trimtab.services.lease import KubernetesLease
from trimtab.services.registry import IN_CLUSTER_SERVER, find_cluster, read_clusters


@asynccontextmanager
async def connect_hub(
    *, kubeconfig: Path | None = None, context: str | None = None
) -> AsyncGenerator[Cluster]:
    """Open the hub; watches begin with the first ``ensure`` and end with the block.

    Raises:
        ConnectionInvalid: No kubeconfig, no such context, or an entry that is not understood.
    """
    async with _open(load_kubeconfig(kubeconfig, context)) as cluster:
        yield cluster


@asynccontextmanager
async def connect_destination(
    hub: Cluster, namespace: str, *, server: str = "", name: str = ""
) -> AsyncGenerator[Cluster]:
    """Open the cluster that an Application is delivered to.

    Args:
        hub: Where the cluster Secrets are.
        namespace: Of the Secrets.
        server: API server URL as registered; or
        name: the registered name.

    Raises:
        ClusterUnknown: No Secret describes it.
        ConnectionInvalid: The Secret is not understood.
    """
    settings = find_cluster(await read_clusters(hub, namespace), server=server, name=name)
    if settings.server == IN_CLUSTER_SERVER:
        yield hub
        return
    async with _open(connection_of(settings)) as cluster:
        yield cluster


def pod_logs(cluster: Cluster) -> PodLogs:
    """Return the way to the logs of a cluster that was opened here."""
    assert isinstance(cluster, KubernetesCluster), "opened by connect_hub or connect_destination"
    return cluster.logs


async def serving_now(hub: Cluster, namespace: str, now: datetime) -> str:
    """Return who runs the controllers of a namespace, or the empty string."""
    from trimtab.bootstrap.wiring import LEASE

    record = await KubernetesLease(hub, namespace, LEASE).read()
    is_held = record.renewed_at is not None and now < record.renewed_at + record.duration
    return record.holder if is_held else ""


class _WatchedOnDemand(KubernetesCluster):
    """A cluster that watches only once somebody asks: most commands read once and leave."""

    def __init__(self, connection: ConnectionSettings) -> None:
        super().__init__(connection)
        self._is_wanted = asyncio.Event()

    def ensure(self, kinds: Iterable[GroupKind]) -> None:
        """Watch these kinds from now on."""
        super().ensure(kinds)
        self._is_wanted.set()

    async def run(self) -> None:
        """Keep watches alive from the first ``ensure`` on, until cancelled."""
        await self._is_wanted.wait()
        await super().run()


@asynccontextmanager
async def _open(connection: ConnectionSettings) -> AsyncGenerator[Cluster]:
    async with _WatchedOnDemand(connection) as cluster:
        yield cluster


def settings_from_kubeconfig(
    context: str, *, kubeconfig: Path | None = None, name: str = ""
) -> ClusterSettings:
    """Return what a cluster Secret says for a context of a kubeconfig.

    Raises:
        ConnectionInvalid: No such context, or its credentials only exist on this machine.
    """
    connection = load_kubeconfig(kubeconfig, context)
    config = cluster_config(connection)
    return ClusterSettings(name or context, connection.server, config)


def connection_summary(*, kubeconfig: Path | None, context: str | None) -> ConnectionSettings:
    """Return where the hub is and who we are there, for ``doctor``. Raises ConnectionInvalid."""
    return load_kubeconfig(kubeconfig, context)


__all__ = [
    "ClusterUnknown",
    "connect_destination",
    "connect_hub",
    "connection_summary",
    "pod_logs",
    "serving_now",
    "settings_from_kubeconfig",
]
