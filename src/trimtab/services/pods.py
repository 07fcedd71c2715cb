"""The pods that an Application's objects have made, by the chain of their owners."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey
from trimtab.ports.cluster import ClusterReader

POD: Final = GroupKind("", "Pod")
_BETWEEN: Final = (GroupKind("apps", "ReplicaSet"), GroupKind("batch", "Job"))
"""Kinds that stand between what people deliver and its pods."""

_LONGEST_CHAIN: Final = 5


async def pods_of(cluster: ClusterReader, roots: Collection[ObjectKey]) -> list[LiveObject]:
    """Return the pods that belong to some objects, sorted by key.

    Args:
        cluster: Where they live.
        roots: The objects; pods among them belong to themselves.

    Raises:
        Forbidden: Pods, or the kinds between, may not be listed.
    """
    wanted = set(roots)
    found: list[LiveObject] = []
    for namespace in sorted({key.namespace for key in wanted if key.namespace}):
        between = [
            live for kind in _BETWEEN for live in await cluster.list(kind, namespace=namespace)
        ]
        pods = await cluster.list(POD, namespace=namespace)
        owners = {live.key: tuple(_owners(live)) for live in (*between, *pods)}
        found += [pod for pod in pods if wanted & set(_ancestors(pod.key, owners))]
    return sorted(found, key=lambda pod: pod.key)


def _ancestors(
    key: ObjectKey, owners: Mapping[ObjectKey, Iterable[ObjectKey]]
) -> Iterator[ObjectKey]:
    level = [key]
    for _ in range(_LONGEST_CHAIN):
        yield from level
        level = [owner for each in level for owner in owners.get(each, ())]


def _owners(live: LiveObject) -> Iterator[ObjectKey]:
    for owner in live.meta.owner_references or ():
        group, _, _ = owner.api_version.rpartition("/")
        yield ObjectKey(group, owner.kind, live.key.namespace, owner.name)
