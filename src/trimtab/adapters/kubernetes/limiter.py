"""How many requests one API server gets at a time: as many as it answers without complaint.

Theory: additive increase, multiplicative decrease, as TCP does it. Every answer while all places
are taken earns a fraction of one more place; a 429 halves them and closes the gate for as long as
the server asked. So that a burst of 429s counts once, the limit falls at most once a second.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta

_START, _LEAST, _MOST = 32, 2, 128
_ONE_DECREASE_PER = 1.0


class Limiter:
    """A queue in front of one API server, first come first served.

    Args:
        start: Places at first.
        least: Never fewer.
        most: Never more.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        start: int = _START,
        least: int = _LEAST,
        most: int = _MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = float(start)
        self._least, self._most = least, most
        self._clock = clock
        self._active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed_until = 0.0
        self._decreased_at = -_ONE_DECREASE_PER

    @property
    def limit(self) -> int:
        """Places now."""
        return int(self._limit)

    async def enter(self) -> None:
        """Take a place, after those who came before; give it back with :meth:`leave`."""
        if self._active < self.limit and not self._waiting:
            self._active += 1
        else:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self.leave()  # the place came together with the cancellation
                else:
                    self._waiting.remove(turn)
                raise
        while (pause := self._closed_until - self._clock()) > 0:
            try:
                await asyncio.sleep(pause)
            except asyncio.CancelledError:
                self.leave()
                raise

    def leave(self) -> None:
        """Give a place back."""
        self._active -= 1
        while self._waiting and self._active < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._active += 1
                turn.set_result(None)

    def answered(self) -> None:
        """Count an answer that was no complaint."""
        if self._active >= self.limit:
            self._limit = min(self._most, self._limit + 1 / self._limit)

    def complained(self, retry_after: timedelta) -> None:
        """Count a 429: fewer places, and none before the server's time has passed."""
        now = self._clock()
        if now - self._decreased_at >= _ONE_DECREASE_PER:
            self._decreased_at = now
            self._limit = max(self._least, self._limit / 2)
        self._closed_until = max(self._closed_until, now + retry_after.total_seconds())
