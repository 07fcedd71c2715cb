"""Reads of one cluster: discovery, version, GET and LIST."""

from collections.abc import Sequence

import msgspec

from trimtab.adapters.kubernetes.client import ApiClient
from trimtab.adapters.kubernetes.discovery import Discovery
from trimtab.adapters.kubernetes.errors import error_of
from trimtab.adapters.kubernetes.listing import ItemParser, list_pages
from trimtab.adapters.kubernetes.paths import collection_path, object_path
from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey, parse_live
from trimtab.ports.cluster import NotFound, ResourceType


class _Version(msgspec.Struct, rename="camel"):
    git_version: str = ""


class Reads:
    """ClusterReader over the API.

    Args:
        client: The API server.
        discovery: Its kinds.
        namespaces: Restriction; a LIST over all namespaces becomes one LIST each.
    """

    def __init__(
        self, client: ApiClient, discovery: Discovery, namespaces: Sequence[str] = ()
    ) -> None:
        self._client = client
        self._discovery = discovery
        self._namespaces = tuple(namespaces)

    async def resource_type(self, group_kind: GroupKind) -> ResourceType | None:
        """Return how a kind is served, or None."""
        return await self._discovery.resource_type(group_kind)

    async def resource_types(self) -> Sequence[ResourceType]:
        """Return every served resource, one entry a kind."""
        return await self._discovery.resource_types()

    async def server_version(self) -> str:
        """Return the gitVersion."""
        answer = await self._client.checked("GET", "/version")
        return msgspec.json.decode(answer.body, type=_Version).git_version

    async def get(self, key: ObjectKey, *, version: str | None = None) -> LiveObject | None:
        """Return the object, or None when it (or its kind) does not exist."""
        resource = await self._discovery.resource_type(key.group_kind)
        if resource is None:
            return None
        path = object_path(resource, key, version=version or "")
        answer = await self._client.request("GET", path)
        if answer.status == 404:
            return None
        if answer.status >= 400:
            raise error_of(answer, f"GET {path}")
        return parse_live(answer.body.rstrip())

    async def list(
        self, group_kind: GroupKind, *, namespace: str = "", label_selector: str = ""
    ) -> Sequence[LiveObject]:
        """Return all objects of a kind, read in chunks.

        Raises:
            NotFound: The kind is not served: an empty answer would look like "all are gone".
        """
        resource = await self._discovery.resource_type(group_kind)
        if resource is None:
            raise unknown_kind(group_kind)
        everywhere = not namespace and resource.namespaced and self._namespaces
        found: list[LiveObject] = []
        for where in self._namespaces if everywhere else (namespace,):
            path = collection_path(resource, namespace=where)
            found += await self._snapshot(path, ItemParser(resource), label_selector)
        return found

    async def _snapshot(
        self, path: str, parser: ItemParser, label_selector: str
    ) -> Sequence[LiveObject]:
        found: list[LiveObject] = []
        pages = list_pages(self._client, path, parser, label_selector=label_selector)
        async for page in pages:
            if page.is_first:
                found.clear()
            found += page.items
        return found


def unknown_kind(group_kind: GroupKind) -> NotFound:
    """Return the error for a kind that the cluster does not serve."""
    return NotFound(
        404,
        "KindNotServed",
        f"the cluster does not serve {group_kind}; is its CustomResourceDefinition installed?",
    )
