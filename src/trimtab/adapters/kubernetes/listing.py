"""Chunked LISTs: pages of raw items, one consistent snapshot, started again when it expires."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec

from trimtab.adapters.kubernetes.client import ApiClient
from trimtab.adapters.kubernetes.paths import with_query
from trimtab.adapters.kubernetes.transport import Headers
from trimtab.core.manifest import GroupKind, LiveObject, join_api_version, parse_live
from trimtab.ports.cluster import ApiError, ResourceType

PAGE = 500
_RESTARTS = 3
FULL: Headers = (("accept", "application/json"),)
METADATA_LIST: Headers = (
    ("accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"),
)
METADATA: Headers = (("accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"),)


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct):
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    items: list[msgspec.Raw] | None = None


_LIST = msgspec.json.Decoder(_List)


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects of a snapshot.

    Args:
        items: The objects.
        resource_version: Of the whole snapshot.
        is_first: This page starts a snapshot; what came before belongs to one that expired.
        is_last: The snapshot is complete.
    """

    items: list[LiveObject]
    resource_version: str
    is_first: bool
    is_last: bool


class ItemParser:
    """Makes live objects of one kind's raw JSON.

    Args:
        resource: The kind.
        partial: The bytes hold metadata only.
    """

    def __init__(self, resource: ResourceType, *, partial: bool = False) -> None:
        self.group_kind = GroupKind(resource.group, resource.kind)
        self.version = resource.version
        self.partial = partial
        head = {
            "kind": resource.kind,
            "apiVersion": join_api_version(resource.group, resource.version),
        }
        self._head = msgspec.json.encode(head)[:-1] + b","

    def parse(self, raw: bytes) -> LiveObject:
        """Decode metadata and keep the bytes; items of built-in lists get their kind back.

        Raises:
            msgspec.DecodeError: Not a Kubernetes object.
        """
        if not raw.startswith((b'{"kind":', b'{"apiVersion":')):
            raw = self._head + raw[1:]
        return parse_live(
            raw, group_kind=self.group_kind, version=self.version, partial=self.partial
        )


async def list_pages(
    client: ApiClient, path: str, parser: ItemParser, *, label_selector: str = ""
) -> AsyncIterator[Page]:
    """Yield the pages of one consistent snapshot.

    Raises:
        ApiError: The server refused, or snapshots expired again and again.
        ClusterUnreachable: No answer.
        CredentialsRefused: 401.
    """
    headers = METADATA_LIST if parser.partial else FULL
    token, restarts = "", 0
    while True:
        target = with_query(path, limit=PAGE, labelSelector=label_selector, **{"continue": token})
        try:
            answer = await client.checked("GET", target, headers=headers)
        except ApiError as error:
            if error.code != 410 or not token or restarts >= _RESTARTS:
                raise
            token, restarts = "", restarts + 1
            continue
        listed = _LIST.decode(answer.body)
        items = [parser.parse(bytes(item)) for item in listed.items or ()]
        is_first, token = not token, listed.metadata.continue_
        yield Page(items, listed.metadata.resource_version, is_first, not token)
        if not token:
            return
