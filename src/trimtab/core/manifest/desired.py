"""The manifest from render: one desired object, normalised and immutable by agreement."""

import hashlib
from dataclasses import dataclass

import msgspec

from trimtab.core import JsonObject
from trimtab.core.manifest.identity import ObjectKey, join_api_version

_ENCODER = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One desired object.

    Args:
        key: Identity, with the namespace filled in for namespaced kinds.
        version: API version without the group.
        body: The object as rendered; apiVersion, kind and metadata agree with ``key``.
        digest: SHA-256 over the canonical JSON of ``body``, hex.
    """

    key: ObjectKey
    version: str
    body: JsonObject
    digest: str

    @property
    def api_version(self) -> str:
        """The apiVersion string."""
        return join_api_version(self.key.group, self.version)


def canonical_json(value: object) -> bytes:
    """Return JSON with sorted keys and no white space: equal values give equal bytes."""
    return _ENCODER.encode(value)


def digest_of(value: object) -> str:
    """Return the hex SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
