"""Reading a cluster: how kinds are served, one object, all objects of a kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One served resource, from discovery.

    Args:
        group: API group; empty for core.
        version: The version to use (the group's preferred one).
        kind: CamelCase kind.
        plural: Resource name in URLs.
        namespaced: Whether its objects live in namespaces.
        verbs: Supported verbs.
        subresources: For example ``status`` and ``scale``.
        versions: All served versions, preferred first.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]
    subresources: frozenset[str]
    versions: tuple[str, ...]

    @property
    def group_kind(self) -> GroupKind:
        """Its group and kind."""
        return GroupKind(self.group, self.kind)


class ClusterReader(Protocol):
    """Reads of one cluster. ``version`` None means the preferred version of the kind."""

    async def resource_type(self, group_kind: GroupKind) -> ResourceType | None:
        """Return how a kind is served, or None. A miss re-reads discovery at most once in 2 s."""
        ...

    async def resource_types(self) -> Sequence[ResourceType]:
        """Return every served resource, one entry a kind."""
        ...

    async def server_version(self) -> str:
        """Return the gitVersion, for example ``v1.37.2``."""
        ...

    async def get(self, key: ObjectKey, *, version: str | None = None) -> LiveObject | None:
        """Return the object, or None when it (or its kind) does not exist."""
        ...

    async def list(
        self, group_kind: GroupKind, *, namespace: str = "", label_selector: str = ""
    ) -> Sequence[LiveObject]:
        """Return all objects of a kind, read in chunks."""
        ...
