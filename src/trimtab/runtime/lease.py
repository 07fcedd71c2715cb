"""Leadership by a lease: one process writes, others wait; a monotonic deadline decides.

A lease cannot fence a target cluster. So a holder that could not renew stops believing in its own
lease before anybody else may take it, and every write asks :meth:`LeaderElection.is_leader` first.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from trimtab.core.errors import TrimtabError
from trimtab.runtime.clock import Clock

_log = structlog.get_logger("lease")
_RELEASE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """A lease as it is stored.

    Args:
        holder: Who holds it; empty when it was released.
        renewed_at: When it was renewed last, by the holder's clock.
        duration: How long it is good for without renewal.
        version: For compare-and-swap; empty when it does not exist yet.
        transitions: How often the holder changed.
    """

    holder: str = ""
    renewed_at: datetime | None = None
    duration: timedelta = timedelta(seconds=15)
    version: str = ""
    transitions: int = 0


class LeaseLost(TrimtabError):
    """Somebody else changed the lease first."""


class LeaseStore(Protocol):
    """Where a lease is kept."""

    async def read(self) -> LeaseRecord:
        """Return the lease; one without a version when it does not exist."""
        ...

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """Store a lease whose ``version`` is still the stored one, and return it with the new one.

        Raises:
            LeaseLost: It was changed meanwhile.
        """
        ...


@dataclass(frozen=True, slots=True)
class LeaseSettings:
    """How long things take.

    Args:
        duration: Others wait this long after the last renewal that they saw.
        renew_every: How often the holder renews.
        margin: The holder stops believing this long before the lease ends.
    """

    duration: timedelta = timedelta(seconds=15)
    renew_every: timedelta = timedelta(seconds=4)
    margin: timedelta = timedelta(seconds=3)


class LeaderElection:
    """Takes and keeps one lease.

    Args:
        store: Where the lease is.
        identity: Of this process; unique.
        clock: Time.
        settings: Durations.
    """

    def __init__(
        self,
        store: LeaseStore,
        identity: str,
        clock: Clock,
        settings: LeaseSettings | None = None,
    ) -> None:
        self._store = store
        self._identity = identity
        self._clock = clock
        self._settings = settings or LeaseSettings()
        self._deadline = float("-inf")
        self._seen: tuple[str, float] = ("", 0.0)
        self._elected = asyncio.Event()

    @property
    def is_leader(self) -> bool:
        """Whether this process may write now."""
        return self._clock.monotonic() < self._deadline

    async def wait_elected(self) -> None:
        """Return once this process holds the lease."""
        await self._elected.wait()

    async def run(self) -> None:
        """Take the lease and keep it until cancelled; then release it."""
        try:
            while True:
                await self.step()
                await asyncio.sleep(self._settings.renew_every.total_seconds())
        finally:
            await self._release()

    async def step(self) -> None:
        """Renew the lease, or take it if it is free."""
        try:
            async with asyncio.timeout(self._settings.duration.total_seconds()):
                record = await self._store.read()
                if record.holder == self._identity or self._is_free(record):
                    await self._take(record)
                else:
                    self._stand_down()
        except (TrimtabError, TimeoutError) as error:
            _log.warning("lease.failed", error=str(error) or "timeout", leader=self.is_leader)
        if not self.is_leader:
            self._elected.clear()

    async def _take(self, record: LeaseRecord) -> None:
        # Counted from before the request: the write may have been stored at once.
        asked = self._clock.monotonic()
        await self._store.write(self._claim(record))
        good_for = self._settings.duration - self._settings.margin
        self._deadline = asked + good_for.total_seconds()
        if self.is_leader and not self._elected.is_set():
            _log.info("lease.taken", holder=self._identity)
            self._elected.set()

    def _stand_down(self) -> None:
        """Stop believing at once: the lease says that it is somebody else's."""
        if self.is_leader:
            _log.warning("lease.lost", holder=self._identity)
        self._deadline = float("-inf")

    def _claim(self, record: LeaseRecord) -> LeaseRecord:
        changed = record.holder != self._identity
        return LeaseRecord(
            holder=self._identity,
            renewed_at=self._clock.now(),
            duration=self._settings.duration,
            version=record.version,
            transitions=record.transitions + (1 if changed and record.version else 0),
        )

    def _is_free(self, record: LeaseRecord) -> bool:
        """Return whether nobody holds the lease, judged by our own clock only.

        The holder's clock may be wrong: what counts is how long we have seen it unchanged.
        """
        if not record.holder:
            return True
        now = self._clock.monotonic()
        if self._seen[0] != record.version:
            self._seen = (record.version, now)
            return False
        return now - self._seen[1] > record.duration.total_seconds()

    async def _release(self) -> None:
        if self._deadline == float("-inf"):
            return
        self._deadline = float("-inf")
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                # Read anew: a renewal that was cancelled may have been stored all the same.
                record = await self._store.read()
                if record.holder == self._identity:
                    await self._store.write(replace(record, holder="", renewed_at=None))
        except (TrimtabError, TimeoutError) as error:
            _log.warning("lease.not_released", error=str(error) or "timeout")
