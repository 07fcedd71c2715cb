"""What an object is called: group, kind, namespace and name."""

from dataclasses import dataclass
from typing import Self

from trimtab.core import JsonObject


@dataclass(frozen=True, slots=True, order=True)
class GroupKind:
    """An API group and kind, without version: the same object under every version.

    Args:
        group: API group; empty for the core group.
        kind: CamelCase kind.
    """

    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """The identity of an object inside one cluster.

    Args:
        group: API group; empty for the core group.
        kind: CamelCase kind.
        namespace: Empty for cluster-scoped objects.
        name: metadata.name.
    """

    group: str
    kind: str
    namespace: str
    name: str

    @property
    def group_kind(self) -> GroupKind:
        """The key without namespace and name."""
        return GroupKind(self.group, self.kind)

    def with_namespace(self, namespace: str) -> Self:
        """Return a copy in another namespace."""
        return type(self)(self.group, self.kind, namespace, self.name)

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.group}/{self.kind} {where}" if self.group else f"{self.kind} {where}"


def split_api_version(api_version: str) -> tuple[str, str]:
    """Return ``(group, version)`` of an apiVersion; the core group is the empty string."""
    group, slash, version = api_version.rpartition("/")
    return (group, version) if slash else ("", api_version)


def join_api_version(group: str, version: str) -> str:
    """Return the apiVersion of a group and version."""
    return f"{group}/{version}" if group else version


def key_of(body: JsonObject) -> ObjectKey:
    """Return the key that an object's own fields state; missing fields are empty strings."""
    metadata = body.get("metadata")
    meta: JsonObject = metadata if isinstance(metadata, dict) else {}
    group, _ = split_api_version(str(body.get("apiVersion") or ""))
    return ObjectKey(
        group,
        str(body.get("kind") or ""),
        str(meta.get("namespace") or ""),
        str(meta.get("name") or ""),
    )
