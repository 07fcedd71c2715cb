"""Which kinds a cluster serves: aggregated discovery, read in two requests and kept.

Rules: a group that the API server reports as stale, because the extension server behind it is down,
keeps its last known kinds; a kind that is not known re-reads discovery at most once in two seconds.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec

from trimtab.adapters.kubernetes.client import ApiClient
from trimtab.core.manifest import GroupKind
from trimtab.ports.cluster import ResourceType, ServerError

_LIST_AS = "as=APIGroupDiscoveryList"
_FORMS = (
    f"application/json;g=apidiscovery.k8s.io;v=v2;{_LIST_AS}",
    f"application/json;g=apidiscovery.k8s.io;v=v2beta1;{_LIST_AS}",
    "application/json",
)
_ACCEPT = (("accept", ",".join(_FORMS)),)
_MISS_INTERVAL = 2.0


class _Meta(msgspec.Struct):
    name: str = ""


class _ResponseKind(msgspec.Struct):
    group: str = ""
    version: str = ""
    kind: str = ""


class _Subresource(msgspec.Struct):
    subresource: str = ""


class _Resource(msgspec.Struct, rename="camel"):
    resource: str
    response_kind: _ResponseKind = msgspec.field(default_factory=_ResponseKind)
    scope: str = ""
    verbs: tuple[str, ...] | None = None
    subresources: tuple[_Subresource, ...] | None = None


class _Version(msgspec.Struct):
    version: str
    resources: tuple[_Resource, ...] | None = None
    freshness: str = "Current"


class _Group(msgspec.Struct):
    metadata: _Meta = msgspec.field(default_factory=_Meta)
    versions: tuple[_Version, ...] | None = None


class _GroupList(msgspec.Struct):
    kind: str = ""
    items: tuple[_Group, ...] | None = None


_GROUPS = msgspec.json.Decoder(_GroupList)
_VersionKey = tuple[str, str]


class Discovery:
    """The served kinds of one cluster.

    Args:
        client: Its API server.
        clock: Monotonic seconds.
    """

    def __init__(self, client: ApiClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._lock = asyncio.Lock()
        self._kinds: dict[GroupKind, ResourceType] = {}
        self._listed: tuple[dict[GroupKind, ResourceType], tuple[ResourceType, ...]] | None = None
        self._by_version: dict[_VersionKey, tuple[_Resource, ...]] = {}
        self._read_at: float | None = None
        self._listeners: list[Callable[[], None]] = []

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after the served kinds changed."""
        self._listeners.append(listener)

    def known(self, group_kind: GroupKind) -> ResourceType | None:
        """Return a kind as it was last read, without a request."""
        return self._kinds.get(group_kind)

    @property
    def was_read(self) -> bool:
        """Whether discovery was read at least once."""
        return self._read_at is not None

    @property
    def is_fresh(self) -> bool:
        """Whether discovery was read a moment ago, so that a miss is a fact."""
        return self._read_at is not None and self._age() < _MISS_INTERVAL

    async def resource_type(self, group_kind: GroupKind) -> ResourceType | None:
        """Return how a kind is served, or None; a miss re-reads at most once in 2 s."""
        found = self._kinds.get(group_kind)
        if found is None and (self._read_at is None or self._age() >= _MISS_INTERVAL):
            await self.refresh(older_than=_MISS_INTERVAL)
            found = self._kinds.get(group_kind)
        return found

    async def resource_types(self) -> Sequence[ResourceType]:
        """Return every served kind."""
        if self._read_at is None:
            await self.refresh(older_than=_MISS_INTERVAL)
        if self._listed is None or self._listed[0] is not self._kinds:
            self._listed = (self._kinds, tuple(self._kinds.values()))
        return self._listed[1]

    async def refresh(self, *, older_than: float = 0.0) -> None:
        """Read discovery again, unless somebody just did while we waited for our turn."""
        asked = self._clock()
        async with self._lock:
            if self._read_at is not None and self._read_at >= asked - older_than:
                return
            started = self._clock()
            groups = [group for path in ("/api", "/apis") for group in await self._read(path)]
            changed = self._take(groups)
            self._read_at = started
        if changed:
            for listener in self._listeners:
                listener()

    def _age(self) -> float:
        return self._clock() - (self._read_at or 0.0)

    async def _read(self, path: str) -> tuple[_Group, ...]:
        answer = await self._client.checked("GET", path, headers=_ACCEPT)
        listed = _GROUPS.decode(answer.body)
        if listed.kind != "APIGroupDiscoveryList":
            raise ServerError(
                501,
                "DiscoveryUnsupported",
                f"cluster {self._client.connection.name} has no aggregated discovery; "
                "Kubernetes 1.27 or newer is needed",
            )
        return listed.items or ()

    def _take(self, groups: Sequence[_Group]) -> bool:
        by_version: dict[_VersionKey, tuple[_Resource, ...]] = {}
        for group in groups:
            name = group.metadata.name
            for version in group.versions or ():
                key = (name, version.version)
                resources = version.resources or ()
                if version.freshness == "Stale" and not resources:
                    resources = self._by_version.get(key, ())
                by_version[key] = resources
        kinds = _kinds(by_version)
        changed = kinds != self._kinds
        self._by_version = by_version
        if (
            changed
        ):  # The same object stands for the same answer: callers keep what they made of it.
            self._kinds = kinds
        return changed


def _kinds(
    by_version: dict[_VersionKey, tuple[_Resource, ...]],
) -> dict[GroupKind, ResourceType]:
    """Versions come preferred first; the first one that serves a kind is the one to use."""
    served: dict[GroupKind, list[tuple[str, _Resource]]] = {}
    for (group, version), resources in by_version.items():
        for resource in resources:
            served.setdefault(GroupKind(group, resource.response_kind.kind), []).append(
                (version, resource)
            )
    return {kind: _resource_type(kind, found) for kind, found in served.items()}


def _resource_type(kind: GroupKind, found: list[tuple[str, _Resource]]) -> ResourceType:
    version, resource = found[0]
    if "list" not in (resource.verbs or ()):  # one kind, two resources: the storable one is meant
        version, resource = next(
            (pair for pair in found if "list" in (pair[1].verbs or ())), found[0]
        )
    return ResourceType(
        group=kind.group,
        version=version,
        kind=kind.kind,
        plural=resource.resource,
        namespaced=resource.scope == "Namespaced",
        verbs=frozenset(resource.verbs or ()),
        subresources=frozenset(sub.subresource for sub in resource.subresources or ()),
        versions=tuple(
            dict.fromkeys([version, *(v for v, r in found if r.resource == resource.resource)])
        ),
    )
