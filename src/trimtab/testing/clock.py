"""Time that a test owns: a clock that moves when told to, and an event loop that runs on it.

On :class:`VirtualLoop` nothing ever waits: when no task can go on, the clock jumps to the next
timer. Everything that asyncio waits with (``sleep``, ``timeout``, ``wait``) follows, so that an
hour takes milliseconds and two runs take the same steps.
"""

import asyncio
import math
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

_START = datetime(2026, 1, 1, tzinfo=UTC)
_REAL_SECONDS = 10.0


class VirtualClock:
    """Implements ``runtime.Clock``.

    Args:
        now: The wall time at the start.
    """

    def __init__(self, now: datetime = _START) -> None:
        self._wall = now
        self._seconds = 0.0

    def now(self) -> datetime:
        """Return the wall time, UTC."""
        return self._wall + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        """Return the seconds since the start."""
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Move on; a positive step always moves."""
        if seconds > 0:
            self._seconds = max(self._seconds + seconds, math.nextafter(self._seconds, math.inf))

    def seen_from(self, skew: timedelta) -> "SkewedClock":
        """Return this clock as another machine reads it, whose wall clock is wrong."""
        return SkewedClock(self, skew)


class SkewedClock:
    """A clock of a machine whose wall time is wrong; its seconds are as long as everybody's."""

    def __init__(self, clock: VirtualClock, skew: timedelta) -> None:
        self._clock = clock
        self._skew = skew

    def now(self) -> datetime:
        """Return the wrong wall time."""
        return self._clock.now() + self._skew

    def monotonic(self) -> float:
        """Return the seconds since the start."""
        return self._clock.monotonic()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a virtual clock.

    Work in threads takes real time, and the clock stands still for it only while nobody has a
    timer: keep threads and timers apart.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._virtual = clock
        super().__init__(_JumpingSelector(clock))

    def time(self) -> float:
        """Return the clock's seconds."""
        return self._virtual.monotonic()

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for the threads without a deadline: theirs would be real time, the clock's is not.

        Args:
            timeout: What Python 3.12 and newer pass; not used.
        """
        await super().shutdown_default_executor()


def run_virtual(main: Coroutine[Any, Any, T], clock: VirtualClock) -> T:
    """Run a coroutine to its end on a loop of its own, in virtual time.

    Raises:
        TimeoutError: It waits for something that can never come.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(main)


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; when nothing is, jump instead of waiting."""
        if timeout is None:
            ready = super().select(_REAL_SECONDS)
            if not ready:
                raise TimeoutError("every task waits, and no timer is set: nothing can happen")
            return ready
        ready = super().select(0)
        if not ready:
            self._clock.advance(timeout)
        return ready
