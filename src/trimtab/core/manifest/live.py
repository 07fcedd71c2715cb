"""An object as a cluster holds it: metadata decoded, the rest kept as the bytes that were sent."""

from typing import cast

import msgspec

from trimtab.core import JsonObject
from trimtab.core.manifest.identity import GroupKind, ObjectKey, split_api_version


class ManagedFieldsEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of metadata.managedFields; ``fields_v1`` stays raw until somebody asks."""

    manager: str = ""
    operation: str = ""
    api_version: str = ""
    subresource: str = ""
    time: str = ""
    fields_v1: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"{}"), name="fieldsV1")


class OwnerReference(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of metadata.ownerReferences."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class ObjectMeta(msgspec.Struct, frozen=True, rename="camel"):
    """The part of metadata that decisions read."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    finalizers: tuple[str, ...] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None
    managed_fields: tuple[ManagedFieldsEntry, ...] | None = None


class _Envelope(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_BODY = msgspec.json.Decoder()


class LiveObject(msgspec.Struct, frozen=True):
    """An object read from a cluster.

    Args:
        key: Its identity.
        version: API version it was read at, without the group.
        meta: Decoded metadata.
        raw: The whole object as JSON bytes; metadata only where ``partial`` is set.
        partial: True when only metadata was asked for (Secrets outside of an inventory).
    """

    key: ObjectKey
    version: str
    meta: ObjectMeta
    raw: bytes
    partial: bool = False

    def body(self) -> JsonObject:
        """Decode the whole object. Not cached: live objects stay as bytes."""
        return cast("JsonObject", _BODY.decode(self.raw))

    @property
    def annotations(self) -> dict[str, str]:
        """metadata.annotations, empty when unset."""
        return self.meta.annotations or {}

    @property
    def labels(self) -> dict[str, str]:
        """metadata.labels, empty when unset."""
        return self.meta.labels or {}

    def is_marked_as(self, other: "LiveObject") -> bool:
        """Return whether labels and annotations are those of another object or moment."""
        mine, theirs = self.meta, other.meta
        return mine.annotations == theirs.annotations and mine.labels == theirs.labels


def parse_live(
    raw: bytes, *, group_kind: GroupKind | None = None, version: str = "", partial: bool = False
) -> LiveObject:
    """Decode an object's metadata and keep its bytes.

    Args:
        raw: One JSON object as the API server sent it.
        group_kind: Used when list items omit apiVersion and kind, and for partial objects, whose
            own kind is PartialObjectMetadata.
        version: Used together with ``group_kind``.
        partial: The bytes hold metadata only.

    Raises:
        msgspec.DecodeError: The bytes are not a JSON object with valid metadata.
    """
    envelope = _ENVELOPE.decode(raw)
    if group_kind is None:
        group, version = split_api_version(envelope.api_version)
        group_kind = GroupKind(group, envelope.kind)
    meta = envelope.metadata
    key = ObjectKey(group_kind.group, group_kind.kind, meta.namespace, meta.name)
    return LiveObject(key, version, meta, raw, partial)
