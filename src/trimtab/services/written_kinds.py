"""Which kinds were ever written to a cluster, recorded in the hub before their first object.

An object that was applied just before a crash is found by its mark, if its kind is watched: so the
kinds are what must not be lost. One ConfigMap a cluster, written once for each new kind there.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Iterable

from trimtab.core import JsonObject
from trimtab.core.manifest import (
    GroupKind,
    LiveObject,
    ObjectKey,
    as_object,
    canonical_json,
)
from trimtab.ports.cluster import Cluster, Write

_WRITE = Write("trimtab")
_NO_KINDS: frozenset[GroupKind] = frozenset()


class WrittenKinds:
    """Kinds by cluster, as the hub has them.

    Args:
        hub: It watches ConfigMaps.
        namespace: Of the installation.
    """

    def __init__(self, hub: Cluster, namespace: str) -> None:
        self._hub = hub
        self._namespace = namespace
        self._read: dict[str, tuple[str, frozenset[GroupKind]]] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def of(self, server: str) -> frozenset[GroupKind]:
        """Return the kinds that were written to a cluster."""
        live = self._hub.live(self._key(server))
        if live is None:
            return _NO_KINDS
        known = self._read.get(server)
        if known is None or known[0] != live.meta.resource_version:
            known = self._read[server] = (live.meta.resource_version, _kinds_of(live))
        return known[1]

    async def add(self, server: str, kinds: Iterable[GroupKind]) -> None:
        """Record kinds of objects that are about to be written; no request if all are.

        Raises:
            ApiError, ClusterUnreachable: The hub does not take it: nothing may be written.
        """
        wanted = frozenset(kinds)
        if wanted <= self.of(server):
            return
        async with self._locks[server]:
            recorded = self.of(server)
            if wanted <= recorded:
                return
            key = self._key(server)
            body = canonical_json(_body(key, server, wanted | recorded))
            written = await self._hub.apply(key, "v1", body, _WRITE)
            self._hub.remember(written.live)

    def _key(self, server: str) -> ObjectKey:
        name = hashlib.sha256(server.encode()).hexdigest()[:12]
        return ObjectKey("", "ConfigMap", self._namespace, f"trimtab-kinds-{name}")


def _body(key: ObjectKey, server: str, kinds: Iterable[GroupKind]) -> JsonObject:
    lines = "\n".join(sorted(f"{kind.group}/{kind.kind}" for kind in kinds))
    labels: JsonObject = {"app.kubernetes.io/part-of": "trimtab"}
    return {
        "apiVersion": "v1",
        "kind": key.kind,
        "metadata": {"name": key.name, "namespace": key.namespace, "labels": labels},
        "data": {"server": server, "kinds": lines},
    }


def _kinds_of(live: LiveObject) -> frozenset[GroupKind]:
    lines = str(as_object(live.body().get("data")).get("kinds") or "").splitlines()
    pairs = (line.rpartition("/") for line in lines)
    return frozenset(GroupKind(group, kind) for group, _, kind in pairs if kind)
