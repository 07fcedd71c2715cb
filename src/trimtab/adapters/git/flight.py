"""One request for many callers who ask the same at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedCall(Generic[T]):
    """Runs a call once for all who ask before it has left.

    A caller who needs an answer that is newer than its question may only share a call that has not
    been sent yet; one who takes any recent answer may join one that is under way. The work runs in
    the first caller; when that one is cancelled, another takes over.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting: asyncio.Future[T] | None = None
        self._running: asyncio.Future[T] | None = None

    async def ask(self, call: Callable[[], Awaitable[T]], *, newer: bool) -> T:
        """Return the call's answer, shared with whoever asks meanwhile.

        Args:
            call: The work.
            newer: The work must start after now.
        """
        while True:
            shared = self._waiting if newer or self._running is None else self._running
            if shared is None:
                return await self._lead(call)
            try:
                return await asyncio.shield(shared)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not shared.cancelled() or (task is not None and task.cancelling()):
                    raise

    async def _lead(self, call: Callable[[], Awaitable[T]]) -> T:
        mine: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting = mine
        try:
            async with self._turn:
                # Once around the loop, so that all who ask in this moment come along.
                await asyncio.sleep(0)
                self._waiting, self._running = None, mine
                result = await call()
        except asyncio.CancelledError:
            mine.cancel()
            raise
        except BaseException as error:
            mine.set_exception(error)
            mine.exception()  # Read once: nobody else may be waiting for it.
            raise
        else:
            mine.set_result(result)
            return result
        finally:
            self._waiting = None if self._waiting is mine else self._waiting
            self._running = None if self._running is mine else self._running
