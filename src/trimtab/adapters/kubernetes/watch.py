"""One LIST and WATCH that never ends: a kind, or one namespace's or selector's share of it.

Theory: LIST gives a snapshot and its resourceVersion; WATCH continues from there, and bookmarks
move the version on while nothing happens, so that a broken watch resumes without a new LIST. When
the server has forgotten the version (410), a new LIST is compared with what is held.
An error never takes an object out of the view: the kind is "not synced" until contact is back.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from trimtab.adapters.kubernetes.client import ApiClient
from trimtab.adapters.kubernetes.errors import status_error
from trimtab.adapters.kubernetes.listing import (
    FULL,
    METADATA,
    ItemParser,
    list_pages,
)
from trimtab.adapters.kubernetes.paths import collection_path, with_query
from trimtab.adapters.kubernetes.transport import Stream, TransportError
from trimtab.adapters.kubernetes.view import Scope, View
from trimtab.core.manifest import LiveObject
from trimtab.ports.cluster import (
    ApiError,
    ClusterUnreachable,
    CredentialsRefused,
    NotFound,
    ResourceType,
)

_IDLE_SECONDS = 90.0  # bookmarks come about every minute
_BATCH = 64
_LONG_ENOUGH = 5.0


class WatchState(StrEnum):
    """What a watch is doing."""

    LISTING = "Listing"
    SYNCED = "Synced"
    BROKEN = "Broken"
    GONE = "Gone"


@dataclass(frozen=True, slots=True)
class Share:
    """What one watch covers.

    Args:
        resource: The kind.
        namespace: One namespace, or empty for all.
        label_selector: Only objects with these labels.
        partial: Ask for metadata only.
        is_split: Another watch covers the rest of the kind, in the other form.
    """

    resource: ResourceType
    namespace: str = ""
    label_selector: str = ""
    partial: bool = False
    is_split: bool = False

    @property
    def scope(self) -> Scope:
        """The part of the view that it fills."""
        partial = self.partial if self.is_split else None
        return Scope(self.resource.group_kind, self.namespace, partial)


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _RestartError(Exception):
    """The watch cannot go on from its version; ``reason`` None means that this is normal."""

    def __init__(self, reason: ApiError | None = None) -> None:
        super().__init__(str(reason))
        self.reason = reason


_EVENT = msgspec.json.Decoder(_Event)


class Watch:
    """The endless LIST and WATCH of one share.

    Args:
        client: The API server.
        share: What to watch.
        view: Where objects go.
        on_state: Told of every change of state, with the error that caused it.
    """

    def __init__(
        self,
        client: ApiClient,
        share: Share,
        view: View,
        on_state: Callable[["Watch"], None],
    ) -> None:
        self.share = share
        self.state = WatchState.LISTING
        self.error = ""
        self._client = client
        self._view = view
        self._on_state = on_state
        self._parser = ItemParser(share.resource, partial=share.partial)
        self._path = collection_path(share.resource, namespace=share.namespace)
        self._version = ""
        self._must_list = True
        self._failures = 0

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                if self._must_list:
                    await self._list()
                await self._watch()
            except _RestartError as restart:
                self._must_list = True
                if restart.reason is not None:
                    await self._broken(str(restart.reason), first=0.5, longest=30.0)
                else:
                    await self._expired()
            except ClusterUnreachable as error:
                await self._broken(str(error), first=0.1, longest=2.0)
                await self._wait_for_contact()
            except (ApiError, CredentialsRefused, msgspec.DecodeError) as error:
                self._must_list = self._must_list or not isinstance(error, CredentialsRefused)
                state = WatchState.GONE if isinstance(error, NotFound) else WatchState.BROKEN
                await self._broken(str(error), first=1.0, longest=60.0, state=state)

    async def _list(self) -> None:
        share, items, version = self.share, dict[str, LiveObject](), ""
        pages = list_pages(
            self._client, self._path, self._parser, label_selector=share.label_selector
        )
        async for page in pages:
            if page.is_first:
                items.clear()
            for live in page.items:
                items[f"{live.key.namespace}/{live.key.name}"] = live
            version = page.resource_version
            await asyncio.sleep(0)
        rewound = _is_before(version, self._version)
        self._view.replace(share.scope, items.values(), version, rewound=rewound)
        self._version, self._must_list = version, False
        self._turn(WatchState.SYNCED)

    async def _watch(self) -> None:
        target = with_query(
            self._path,
            watch=1,
            allowWatchBookmarks="true",
            resourceVersion=self._version,
            labelSelector=self.share.label_selector,
            timeoutSeconds=random.randint(300, 600),  # noqa: S311 -- spread, not secrecy
        )
        started = time.monotonic()
        headers = METADATA if self.share.partial else FULL
        async with self._client.stream(target, headers=headers) as stream:
            if stream.status != 200:
                await self._refuse(stream)
            self._turn(WatchState.SYNCED)
            await self._follow(stream)
        if time.monotonic() - started < _LONG_ENOUGH:
            self._failures += 1
            await asyncio.sleep(self._pause(first=0.02, longest=1.0))

    async def _follow(self, stream: Stream) -> None:
        rest = b""
        while True:
            try:
                async with asyncio.timeout(_IDLE_SECONDS):
                    chunk = await stream.read()
            except (TimeoutError, TransportError):
                return  # cut, or not even a bookmark: connecting will tell whether it is alive
            if chunk is None:
                return
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            for number, line in enumerate(lines):
                if line:
                    self._take(line)
                if number % _BATCH == _BATCH - 1:
                    await asyncio.sleep(0)  # others get their turn in a flood of events
            if lines:
                self._failures = 0

    def _take(self, line: bytes) -> None:
        event = _EVENT.decode(line)
        if event.type == "ERROR":
            error = status_error(bytes(event.object), 0, f"watch {self._path}")
            raise _RestartError(None if error.code == 410 else error)
        live = self._parser.parse(bytes(event.object))
        if event.type == "DELETED":
            self._view.drop(live, self.share.scope)
        elif event.type != "BOOKMARK":
            self._view.put(live)
        self._version = live.meta.resource_version

    async def _refuse(self, stream: Stream) -> None:
        body = b""
        with contextlib.suppress(TransportError):
            while (chunk := await stream.read()) is not None:
                body += chunk
        error = status_error(body, stream.status, f"watch {self._path}")
        raise _RestartError if error.code == 410 else error

    async def _broken(
        self,
        error: str,
        *,
        first: float,
        longest: float,
        state: WatchState = WatchState.BROKEN,
    ) -> None:
        self._failures += 1
        self._turn(state, error)
        await asyncio.sleep(self._pause(first=first, longest=longest))

    async def _expired(self) -> None:
        """Wait a moment: versions expire for all watches of a cluster at once."""
        self._failures += 1
        if self._failures > 1:
            self._turn(WatchState.BROKEN, "versions expire as soon as they are listed")
        await asyncio.sleep(self._pause(first=0.2, longest=30.0))

    def _pause(self, *, first: float, longest: float) -> float:
        pause = min(longest, first * 2 ** min(self._failures - 1, 10))
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 -- spread, not secrecy

    async def _wait_for_contact(self) -> None:
        if self._client.circuit.is_open:
            await self._client.circuit.wait_closed()
            # All watches of the cluster wake at once: spread them a little.
            await asyncio.sleep(random.uniform(0.0, 0.2))  # noqa: S311 -- spread, not secrecy
            self._failures = 0

    def _turn(self, state: WatchState, error: str = "") -> None:
        if state is WatchState.SYNCED:
            self.error = ""
        elif error:
            self.error = error
        if state is not self.state:
            self.state = state
            self._on_state(self)


def _is_before(version: str, other: str) -> bool:
    return version.isdecimal() and other.isdecimal() and int(version) < int(other)
