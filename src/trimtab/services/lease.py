"""A lease as a Kubernetes Lease in the hub."""

import math
from datetime import UTC, datetime, timedelta

from trimtab.core import JsonObject
from trimtab.core.manifest import ObjectKey, as_object, canonical_json, field_at, text_at
from trimtab.ports.cluster import AlreadyExists, Cluster, Conflict, NotFound, Write
from trimtab.runtime import LeaseLost, LeaseRecord, parse_time

_VERSION = "v1"
_MANAGER = "trimtab-lease"


class KubernetesLease:
    """Implements ``LeaseStore`` over a Lease object.

    Args:
        hub: Where it is.
        namespace: Its namespace.
        name: Its name.
    """

    def __init__(self, hub: Cluster, namespace: str, name: str) -> None:
        self._hub = hub
        self._key = ObjectKey("coordination.k8s.io", "Lease", namespace, name)

    async def read(self) -> LeaseRecord:
        """Return the lease; one without a version when it does not exist."""
        live = await self._hub.get(self._key, version=_VERSION)
        if live is None:
            return LeaseRecord()
        body = live.body()
        seconds = as_object(body.get("spec")).get("leaseDurationSeconds")
        transitions = as_object(body.get("spec")).get("leaseTransitions")
        return LeaseRecord(
            holder=text_at(body, "spec", "holderIdentity"),
            renewed_at=parse_time(str(field_at(body, "spec", "renewTime") or "")),
            duration=timedelta(seconds=seconds if isinstance(seconds, int) else 15),
            version=live.meta.resource_version,
            transitions=transitions if isinstance(transitions, int) else 0,
        )

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """Store a lease whose version is still the stored one.

        Raises:
            LeaseLost: It was changed meanwhile.
        """
        body = canonical_json(self._body(record))
        write = Write(_MANAGER)
        try:
            if record.version:
                written = await self._hub.replace(self._key, _VERSION, body, write)
            else:
                written = await self._hub.create(self._key, _VERSION, body, write)
        except (AlreadyExists, Conflict) as error:
            raise LeaseLost("LeaseLost", f"{self._key} was taken by somebody else") from error
        except NotFound as error:
            raise LeaseLost("LeaseLost", f"{self._key} cannot be kept: {error.message}") from error
        version = written.live.meta.resource_version
        return LeaseRecord(
            record.holder, record.renewed_at, record.duration, version, record.transitions
        )

    def _body(self, record: LeaseRecord) -> JsonObject:
        at = record.renewed_at or datetime.now(UTC)
        time = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        metadata = {"name": self._key.name, "namespace": self._key.namespace}
        if record.version:
            metadata["resourceVersion"] = record.version
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": record.holder,
                "leaseDurationSeconds": math.ceil(record.duration.total_seconds())
                if record.holder
                else 1,
                "renewTime": time,
                "leaseTransitions": record.transitions,
            },
        }
