"""Installs CustomResourceDefinitions where they are missing.

A definition that somebody else installed is never replaced: theirs may serve versions and fields
that other controllers in the hub depend on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.core import JsonObject
from trimtab.core.manifest import ObjectKey, canonical_json, key_of
from trimtab.ports.cluster import AlreadyExists, Cluster, Write

_MANAGER = "trimtab"


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
