"""What the objects of an Application have made, by their owners: ReplicaSets, Jobs, pods."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey
from trimtab.ports.cluster import ClusterReader

POD: Final = GroupKind("", "Pod")
_MADE: Final = (GroupKind("apps", "ReplicaSet"), GroupKind("batch", "Job"), POD)
"""Kinds that controllers make of what people deliver."""

_LONGEST_CHAIN: Final = 5


async def descendants_of(
    cluster: ClusterReader, roots: Collection[ObjectKey]
) -> dict[ObjectKey, list[LiveObject]]:
    """Return what was made, by its owner: an object may be looked up that was made itself.

    Args:
        cluster: Where they live.
        roots: The objects that are delivered.

    Returns:
        Children by owner, each list sorted by key; owners without children are missing.

    Raises:
        Forbidden: A kind may not be listed.
    """
    made = await _listed(cluster, roots)
    below = _below(made, set(roots))
    children: dict[ObjectKey, list[LiveObject]] = {}
    for live in sorted(made, key=lambda each: each.key):
        for owner in _owners(live):
            if live.key in below:
                children.setdefault(owner, []).append(live)
    return children


async def pods_of(cluster: ClusterReader, roots: Collection[ObjectKey]) -> list[LiveObject]:
    """Return the pods that belong to some objects, sorted by key.

    Args:
        cluster: Where they live.
        roots: The objects; pods among them belong to themselves.

    Raises:
        Forbidden: Pods, or the kinds between, may not be listed.
    """
    made = await _listed(cluster, roots)
    wanted = _below(made, set(roots)) | set(roots)
    pods = [live for live in made if live.key.group_kind == POD and live.key in wanted]
    return sorted(pods, key=lambda pod: pod.key)


async def _listed(cluster: ClusterReader, roots: Iterable[ObjectKey]) -> list[LiveObject]:
    found: list[LiveObject] = []
    for namespace in sorted({key.namespace for key in roots if key.namespace}):
        for kind in _MADE:
            found += await cluster.list(kind, namespace=namespace)
    return found


def _below(made: Iterable[LiveObject], roots: set[ObjectKey]) -> set[ObjectKey]:
    """Return what has one of the roots among its ancestors."""
    owners = {live.key: tuple(_owners(live)) for live in made}
    return {key for key in owners if roots & set(_ancestors(key, owners))}


def _ancestors(
    key: ObjectKey, owners: Mapping[ObjectKey, Iterable[ObjectKey]]
) -> Iterator[ObjectKey]:
    level = list(owners.get(key, ()))
    for _ in range(_LONGEST_CHAIN):
        yield from level
        level = [owner for each in level for owner in owners.get(each, ())]


def _owners(live: LiveObject) -> Iterator[ObjectKey]:
    for owner in live.meta.owner_references or ():
        group, _, _ = owner.api_version.rpartition("/")
        yield ObjectKey(group, owner.kind, live.key.namespace, owner.name)
