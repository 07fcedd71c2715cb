"""Objects as values: identity, desired manifests, live objects."""

from trimtab.core.manifest.desired import Manifest, canonical_json, digest_of
from trimtab.core.manifest.identity import (
    GroupKind,
    ObjectKey,
    join_api_version,
    key_of,
    split_api_version,
)
from trimtab.core.manifest.live import (
    LiveObject,
    ManagedFieldsEntry,
    ObjectMeta,
    OwnerReference,
    parse_live,
)

__all__ = [
    "GroupKind",
    "LiveObject",
    "ManagedFieldsEntry",
    "Manifest",
    "ObjectKey",
    "ObjectMeta",
    "OwnerReference",
    "canonical_json",
    "digest_of",
    "join_api_version",
    "key_of",
    "parse_live",
    "split_api_version",
]
