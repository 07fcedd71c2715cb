"""What was rendered first, where every render differs: kept in the hub, next to its Application.

Rules: what is kept is mostly passwords and keys, so it is a Secret of the hub and never a file; it
belongs to the Application and goes with it; any replica finds it, with whatever cache; an error
is never taken for an answer, or passwords would change because a server did not answer.
"""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, cast

import msgspec

from trimtab.core import JsonObject
from trimtab.core.manifest import ObjectKey, as_object, canonical_json, digest_of, field_at
from trimtab.core.render import Kept
from trimtab.ports.cluster import Cluster, Write

PIN_LABEL: Final = "trimtab.dev/render-pin"
_ORDER: Final = "trimtab.dev/render-pins"
_MANAGER: Final = "trimtab-render-pins"
_MOST_REVISIONS: Final = 4
_MOST_BYTES: Final = 700_000
_OBJECTS = msgspec.json.Decoder(tuple[dict[str, object] | None, ...])


@dataclass(frozen=True, slots=True)
class PinOwner:
    """The delivery that renders are kept for, as an object of the hub."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


class Pins(Protocol):
    """Keeps what was rendered first, a few revisions for each source of an owner."""

    async def load(self, owner: PinOwner, source: str, entry: str) -> Kept | None:
        """Return what was kept.

        Args:
            owner: Whose render.
            source: Digest that tells the owner's sources apart.
            entry: Digest over all that the render depends on.
        """
        ...

    async def save(self, owner: PinOwner, source: str, entry: str, kept: Kept) -> bool:
        """Keep it; return False when it is too large, or nothing may be written."""
        ...


class HubPins:
    """Keeps it in one Secret a source of an Application. Implements ``Pins``.

    Args:
        hub: Where the owners live.
        is_read_only: Nothing is written.
    """

    def __init__(self, hub: Cluster, *, is_read_only: bool = False) -> None:
        self._hub = hub
        self._is_read_only = is_read_only

    async def load(self, owner: PinOwner, source: str, entry: str) -> Kept | None:
        """See ``Pins.load``."""
        packed = (await self._entries(_key(owner, source))).get(entry)
        return None if packed is None else _unpacked(packed)

    async def save(self, owner: PinOwner, source: str, entry: str, kept: Kept) -> bool:
        """See ``Pins.save``."""
        packed = _packed(kept)
        if self._is_read_only or len(packed) > _MOST_BYTES:
            return False
        key = _key(owner, source)
        entries = {e: p for e, p in (await self._entries(key)).items() if e != entry}
        entries[entry] = packed
        while len(entries) > _MOST_REVISIONS or sum(map(len, entries.values())) > _MOST_BYTES:
            del entries[next(iter(entries))]
        body = canonical_json(_secret(key, owner, entries))
        await self._hub.apply(key, "v1", body, Write(_MANAGER))
        return True

    async def _entries(self, key: ObjectKey) -> dict[str, str]:
        """Return what a Secret keeps, oldest first."""
        live = await self._hub.get(key, version="v1")
        if live is None:
            return {}
        data = as_object(live.body().get("data"))
        order = str(field_at(live.body(), "metadata", "annotations", _ORDER) or "").split()
        return {entry: str(data[entry]) for entry in order if entry in data}


def _key(owner: PinOwner, source: str) -> ObjectKey:
    name = f"trimtab-pin-{digest_of([owner.kind, owner.uid, source])[:20]}"
    return ObjectKey("", "Secret", owner.namespace, name)


def _secret(key: ObjectKey, owner: PinOwner, entries: Mapping[str, str]) -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": key.name,
            "namespace": key.namespace,
            "labels": {PIN_LABEL: "true"},
            "annotations": {_ORDER: " ".join(entries)},
            "ownerReferences": [
                {
                    "apiVersion": owner.api_version,
                    "kind": owner.kind,
                    "name": owner.name,
                    "uid": owner.uid,
                }
            ],
        },
        "type": "trimtab.dev/render-pin",
        "data": dict(entries),
    }


def _packed(kept: Kept) -> str:
    return base64.b64encode(zlib.compress(canonical_json(kept))).decode()


def _unpacked(packed: str) -> Kept:
    return cast("Kept", _OBJECTS.decode(zlib.decompress(base64.b64decode(packed))))
