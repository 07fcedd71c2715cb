"""A ledger that cannot be written for a while stops no delivery: its entries wait, in order.

What happened is recorded as soon as the ledger is back. Memory is bounded: when too many wait,
nothing more is done that could not be recorded.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from trimtab.ports.ledger import Entry, Ledger, LedgerUnavailable

MOST_WAITING: Final = 20_000
_TRY_AGAIN_SECONDS: Final = 5.0
_BATCH: Final = 500
_log = structlog.get_logger("ledger")


class LedgerBacklog:
    """Appends to a ledger, now or later.

    Args:
        ledger: Where to.
        sleep: Waits between two attempts; a test's own clock goes here.
    """

    def __init__(
        self, ledger: Ledger, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._ledger = ledger
        self._sleep = sleep
        self._waiting: deque[Entry] = deque()
        self._lock = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """How many entries wait."""
        return len(self._waiting)

    async def append(self, entries: Sequence[Entry]) -> None:
        """Record entries, or keep them until that is possible.

        Raises:
            LedgerUnavailable: Too many wait already.
        """
        if not self._waiting:
            try:
                await self._ledger.append(entries)
            except LedgerUnavailable as error:
                _log.error("ledger.unavailable", error=error.message, waiting=len(entries))
                self._waiting.extend(entries)
            return
        if len(self._waiting) + len(entries) > MOST_WAITING:
            raise LedgerUnavailable(
                "LedgerUnavailable",
                f"{len(self._waiting)} entries wait for the ledger: nothing is done until it takes"
                " them",
            )
        self._waiting.extend(entries)

    async def run(self) -> None:
        """Try again for ever; to be cancelled."""
        while True:
            await self._sleep(_TRY_AGAIN_SECONDS)
            await self.flush()

    async def flush(self) -> bool:
        """Record what waits, and return whether nothing is left."""
        async with self._lock:
            while self._waiting:
                batch = [self._waiting[i] for i in range(min(_BATCH, len(self._waiting)))]
                try:
                    await self._ledger.append(batch)
                except LedgerUnavailable as error:
                    _log.error(
                        "ledger.unavailable", error=error.message, waiting=len(self._waiting)
                    )
                    return False
                for _ in batch:
                    self._waiting.popleft()
                if not self._waiting:
                    _log.info("ledger.caught_up")
            return True
