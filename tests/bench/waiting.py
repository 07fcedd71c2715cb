"""Waiting until watches show something, with the moment at which each object showed it."""

import time
from collections.abc import Callable, Collection, Iterable
from types import TracebackType
from typing import Self

import msgspec

from trimtab.bootstrap.demo.watching import Watching
from trimtab.core.manifest import LiveObject, ObjectKey
from trimtab.ports.cluster import Change, WatchEvent

Place = tuple[str, ObjectKey]
"""A cluster by name, and an object in it."""


class Awaited:
    """Objects that are waited for; use it as a context around what brings them about.

    Args:
        watching: The bench's watches.
        places: Where to look.
        shows: Whether an object is as it should become.

    Attributes:
        at: When each was first seen so, on the monotonic clock.
    """

    def __init__(
        self, watching: Watching, places: Iterable[Place], shows: Callable[[LiveObject], bool]
    ) -> None:
        self.at: dict[Place, float] = {}
        self._watching = watching
        self._missing = set(places)
        self._shows = shows
        self._stop: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        now = time.monotonic()
        self._stop = self._watching.subscribe(self._on_event)
        for name, key in tuple(self._missing):
            live = self._watching.cluster(name).live(key)
            if live is not None and self._shows(live):
                self._found((name, key), now)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    async def all(self, *, within: float = 300.0) -> float:
        """Wait for all, and return when the last was seen.

        Raises:
            StepFailed: Not in time.
        """
        await self._watching.until(
            lambda: not self._missing,
            within=within,
            missing=lambda: f"{len(self._missing)} objects, {_some(self._missing)}",
        )
        return max(self.at.values())

    def _on_event(self, name: str, event: WatchEvent) -> None:
        place = (name, event.live.key)
        if place not in self._missing or event.change is Change.DELETED:
            return
        if self._shows(event.live):
            self._found(place, time.monotonic())

    def _found(self, place: Place, now: float) -> None:
        self._missing.discard(place)
        self.at[place] = now


def _some(places: Collection[Place]) -> str:
    return ", ".join(f"{key} on {name}" for name, key in sorted(places)[:3])


class _Sync(msgspec.Struct, frozen=True):
    status: str = ""
    revision: str = ""


class _Status(msgspec.Struct, frozen=True):
    sync: _Sync = _Sync()


class _Application(msgspec.Struct, frozen=True):
    status: _Status = _Status()


_DECODER = msgspec.json.Decoder(_Application)


def is_synced(revision: str = "") -> Callable[[LiveObject], bool]:
    """Return whether an Application's status says Synced, at a commit where one is given."""

    def shows(live: LiveObject) -> bool:
        sync = _DECODER.decode(live.raw).status.sync
        return sync.status == "Synced" and (not revision or sync.revision == revision)

    return shows


def contains(text: str) -> Callable[[LiveObject], bool]:
    """Return whether an object's bytes contain a text."""
    wanted = text.encode()
    return lambda live: wanted in live.raw
