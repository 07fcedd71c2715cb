"""Installs CustomResourceDefinitions where they are missing.

A definition that somebody else installed is never replaced: theirs may serve versions and fields
that other controllers in the hub depend on.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from trimtab.core import JsonObject
from trimtab.core.errors import Stalled
from trimtab.core.manifest import GroupKind, ObjectKey, canonical_json, key_of
from trimtab.ports.cluster import AlreadyExists, Cluster, Write

_MANAGER = "trimtab"
_LOOK_AGAIN_SECONDS = 0.05


class DefinitionsNotServed(Stalled):
    """The API server does not serve kinds whose definitions are there."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What happened to one definition.

    Args:
        key: The CustomResourceDefinition.
        created: False: it was there, and was left alone.
    """

    key: ObjectKey
    created: bool


async def install_crds(
    cluster: Cluster, definitions: Sequence[JsonObject], *, dry_run: bool = False
) -> tuple[Installed, ...]:
    """Create the definitions that a cluster does not have.

    Args:
        cluster: Usually the hub.
        definitions: CustomResourceDefinition manifests, apiextensions.k8s.io/v1.
        dry_run: Ask the server without storing.

    Returns:
        One entry a definition, in the order given.
    """
    return tuple([await _install(cluster, body, dry_run=dry_run) for body in definitions])


async def wait_served(cluster: Cluster, kinds: Iterable[GroupKind], *, timeout: timedelta) -> None:
    """Wait until the live view holds some kinds: a definition is served a while after it is made.

    Args:
        cluster: Whose definitions are there.
        kinds: What they define; watched from now on.
        timeout: How long an API server may take.

    Raises:
        DefinitionsNotServed: The deadline passed.
    """
    wanted = tuple(kinds)
    cluster.ensure(wanted)
    missing = wanted
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            # `wait_synced` would end at once: kinds that are not served count as settled.
            while missing := _not_synced(cluster, wanted):  # noqa: ASYNC110 -- no port tells of it
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    except TimeoutError as error:
        names = ", ".join(str(kind) for kind in missing)
        message = (
            f"cluster {cluster.name} does not serve {names} after {timeout.total_seconds():.0f} s: "
            "`kubectl get crd -o wide` shows which definition is not Established, and why"
        )
        raise DefinitionsNotServed("DefinitionsNotServed", message) from error


def _not_synced(cluster: Cluster, kinds: Iterable[GroupKind]) -> tuple[GroupKind, ...]:
    return tuple(kind for kind in kinds if not cluster.is_synced(kind))


async def _install(cluster: Cluster, body: JsonObject, *, dry_run: bool) -> Installed:
    key = key_of(body)
    if await cluster.get(key) is not None:
        return Installed(key, created=False)
    write = Write(manager=_MANAGER, dry_run=dry_run)
    try:
        await cluster.create(key, "v1", canonical_json(body), write)
    except AlreadyExists:
        return Installed(key, created=False)
    return Installed(key, created=True)
