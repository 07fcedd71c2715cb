"""Keeps a long-running loop alive: one that fails is logged and started again after a while."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from trimtab.runtime.backoff import Backoff

_log = structlog.get_logger("supervisor")

Loop = Callable[[], Awaitable[None]]


async def supervise(name: str, loop: Loop, *, backoff: Backoff | None = None) -> None:
    """Run a loop until it returns or this call is cancelled.

    Args:
        name: For the log.
        loop: Started again when it raises: a bug in one loop must not end the others.
        backoff: Delay between starts.
    """
    delays = backoff or Backoff()
    failures = 0
    now = asyncio.get_running_loop().time
    while True:
        started = now()
        try:
            await loop()
        except Exception:
            # One that ran for longer than the longest delay was well: its troubles start anew.
            failures = 1 if now() - started > delays.most.total_seconds() else failures + 1
            delay = delays.delay(failures).total_seconds()
            _log.exception("loop.failed", loop=name, failures=failures, retry_seconds=delay)
            await asyncio.sleep(delay)
        else:
            return
