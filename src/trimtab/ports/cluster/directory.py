"""The clusters of the fleet, each found by its server URL or its name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from trimtab.core import JsonValue
from trimtab.ports.cluster.read import ClusterReader
from trimtab.ports.cluster.watch import ClusterWatcher, WatchEvent
from trimtab.ports.cluster.write import ClusterWriter


class Cluster(ClusterReader, ClusterWriter, ClusterWatcher, Protocol):
    """One cluster, whole. Functions ask for the narrow part that they need."""

    @property
    def name(self) -> str:
        """The name people gave it."""
        ...

    @property
    def server(self) -> str:
        """The URL by which Applications name it."""
        ...

    @property
    def reachable(self) -> bool | None:
        """Last known contact: None before the first, False while the circuit is open."""
        ...

    def impersonate(self, user: str, groups: Sequence[str] = ()) -> "Cluster":
        """Return a view whose writes and dry runs act as ``user``; reads and watches are shared."""
        ...


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """A cluster as an Argo CD cluster Secret or a kubeconfig context describes it.

    Args:
        name: Unique name.
        server: API server URL; the identity in Applications.
        config: The Secret's ``config`` JSON, decoded (bearerToken, tlsClientConfig …).
        namespaces: Restriction to namespaces; empty means all.
        cluster_resources: With ``namespaces``: cluster-scoped kinds are watched too.
        project: Project that the cluster belongs to; empty means any.
        labels: The Secret's labels.
        annotations: The Secret's annotations.
    """

    name: str
    server: str
    config: Mapping[str, JsonValue]
    namespaces: tuple[str, ...] = ()
    cluster_resources: bool = True
    project: str = ""
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None


class ClusterDirectory(Protocol):
    """The clusters of the fleet, by server URL or by name."""

    def find(self, *, server: str = "", name: str = "") -> Cluster:
        """Return the cluster.

        Raises:
            ClusterUnknown: No such cluster, or a name that two share.
        """
        ...

    def settings(self, server: str) -> ClusterSettings | None:
        """Return what the cluster was registered with."""
        ...

    def all(self) -> Sequence[Cluster]:
        """Return every cluster, sorted by name."""
        ...

    async def put(self, settings: ClusterSettings) -> None:
        """Add a cluster or replace its connection; nothing happens when nothing changed."""
        ...

    async def remove(self, server: str) -> None:
        """Close and forget a cluster; nothing in it is touched."""
        ...

    def subscribe(self, listener: Callable[[Cluster, WatchEvent | None], None]) -> None:
        """Call ``listener`` for every watch event, and with None when reachability turns."""
        ...
