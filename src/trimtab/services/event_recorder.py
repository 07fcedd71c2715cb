"""Kubernetes Events about objects of the hub, for ``kubectl describe`` and ``trimtab app events``.

Rules: an Event is a courtesy. Nobody waits for one to be written, one that cannot be written is
dropped, and a flood is cut: what must not be lost is in the status and the ledger.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from trimtab.core import JsonObject
from trimtab.core.errors import TrimtabError
from trimtab.core.manifest import LiveObject, ObjectKey, canonical_json
from trimtab.ports.cluster import Cluster, FieldValidation, Write
from trimtab.runtime import format_time

_COMPONENT: Final = "trimtab"
_MOST_WAITING: Final = 500
_MESSAGE_LENGTH: Final = 1024
_log = structlog.get_logger("events")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an object.

    Args:
        about: The object.
        reason: One CamelCase word.
        message: For a person.
        at: When.
        is_warning: Somebody should look at it.
    """

    about: LiveObject
    reason: str
    message: str
    at: datetime
    is_warning: bool = False


class EventRecorder:
    """Writes Events to the hub, one after the other.

    Args:
        hub: Where the objects are.
    """

    def __init__(self, hub: Cluster) -> None:
        self._hub = hub
        self._waiting: deque[Event] = deque(maxlen=_MOST_WAITING)
        self._arrived = asyncio.Event()
        self._count = 0

    def tell(self, event: Event) -> None:
        """Have an Event written soon; the oldest that wait give way to new ones."""
        self._waiting.append(event)
        self._arrived.set()

    async def run(self) -> None:
        """Write for ever; to be cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._write(self._waiting.popleft())

    async def _write(self, event: Event) -> None:
        self._count += 1
        about = event.about.key
        # Unique among all that write Events of this object, as client-go makes names.
        name = f"{about.name}.{int(event.at.timestamp() * 1_000_000):x}{self._count:x}"
        key = ObjectKey("", "Event", about.namespace, name)
        write = Write(_COMPONENT, validation=FieldValidation.IGNORE)
        try:
            await self._hub.create(key, "v1", canonical_json(_body(key, event)), write)
        except TrimtabError as error:
            _log.warning("event.dropped", about=str(about), reason=event.reason, error=str(error))


def _body(key: ObjectKey, event: Event) -> JsonObject:
    live, at = event.about, format_time(event.at)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": key.name, "namespace": key.namespace},
        "involvedObject": {
            "apiVersion": f"{live.key.group}/{live.version}" if live.key.group else live.version,
            "kind": live.key.kind,
            "name": live.key.name,
            "namespace": live.key.namespace,
            "uid": live.meta.uid,
        },
        "reason": event.reason,
        "message": event.message[:_MESSAGE_LENGTH],
        "type": "Warning" if event.is_warning else "Normal",
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
        "source": {"component": _COMPONENT},
        "reportingComponent": _COMPONENT,
        "reportingInstance": _COMPONENT,
    }
