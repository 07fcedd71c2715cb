"""Keeps long-running loops alive: a loop that fails is logged and started again after a while."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from trimtab.runtime.backoff import Backoff

_log = structlog.get_logger("supervisor")

Loop = Callable[[], Awaitable[None]]


async def supervise(loops: dict[str, Loop], *, backoff: Backoff | None = None) -> None:
    """Run every loop until cancelled.

    Args:
        loops: By name. A loop that returns is finished; one that raises is started again.
        backoff: Delay between starts of one loop.
    """
    delays = backoff or Backoff()
    async with asyncio.TaskGroup() as tasks:
        for name, loop in loops.items():
            tasks.create_task(_keep(name, loop, delays), name=name)


async def _keep(name: str, loop: Loop, backoff: Backoff) -> None:
    failures = 0
    now = asyncio.get_running_loop().time
    while True:
        started = now()
        try:
            await loop()
        except Exception:
            # One that ran for longer than the longest delay was well: its troubles start anew.
            failures = 1 if now() - started > backoff.most.total_seconds() else failures + 1
            delay = backoff.delay(failures).total_seconds()
            _log.exception("loop.failed", loop=name, failures=failures, retry_seconds=delay)
            await asyncio.sleep(delay)
        else:
            return
