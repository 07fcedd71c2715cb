"""What a destination can do, as charts may ask: its version and the kinds it serves.

Asked of discovery, which is cached and read anew when definitions change; the version of a server
changes with an upgrade, so it is asked again now and then.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trimtab.ports.cluster import ClusterReader, ResourceType

VERSION_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Capabilities:
    """.Capabilities of a chart.

    Args:
        kube_version: For example ``v1.37.2``.
        api_versions: Group versions, and group versions with kinds; sorted.
    """

    kube_version: str
    api_versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """An answer, the moment it was asked for, and the very discovery that it was made from."""

    asked_at: float
    types: Sequence[ResourceType]
    capabilities: Capabilities


class CapabilityCache:
    """Remembers the capabilities of each cluster.

    Args:
        monotonic: Seconds on a clock that never goes back.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._known: dict[str, _Known] = {}

    async def of(self, server: str, cluster: ClusterReader) -> Capabilities:
        """Return what a cluster can do; without a request where that was asked lately."""
        types = await cluster.resource_types()
        known = self._known.get(server)
        now = self._monotonic()
        if known and known.types is types and now - known.asked_at < VERSION_SECONDS:
            return known.capabilities
        version = await cluster.server_version()
        capabilities = Capabilities(version, _api_versions(types))
        self._known[server] = _Known(now, types, capabilities)
        return capabilities


def _api_versions(types: Sequence[ResourceType]) -> tuple[str, ...]:
    found: set[str] = set()
    for served in types:
        for version in served.versions:
            group = f"{served.group}/{version}" if served.group else version
            found.add(group)
            found.add(f"{group}/{served.kind}")
    return tuple(sorted(found))
