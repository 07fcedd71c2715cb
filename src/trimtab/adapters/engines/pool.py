"""A few workers, shared by everybody, that survive what is done to them.

A worker that crashes takes its requests with it. They are tried again, one at a time in a worker of
their own: whichever crashes that one, too, is the culprit and is refused from then on; the others
were bystanders and get their answers.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from trimtab.adapters.engines.worker import Worker, WorkerLostError, WorkerOptions, start_worker
from trimtab.core import JsonValue
from trimtab.ports.renderer import EngineError

DEFAULT_MEMORY_BYTES = 1 << 30
_REFUSAL = timedelta(minutes=10)
_MAX_REFUSED = 1000
# A request's clock starts when it is sent: its time must not pass behind others in a worker.
_IN_FLIGHT_PER_WORKER = 16


class EnginePool:
    """A pool of ``trimtab-engines``, started when first used.

    Args:
        binary: The executable, or a function that finds (and perhaps builds) it, run in a thread.
        workers: Processes that share the load, > 0.
        memory_bytes: Limit of each worker's data.
        gc_percent: Heap growth between garbage collections; more is faster and larger.
    """

    def __init__(
        self,
        binary: Path | Callable[[], Path],
        *,
        workers: int = 2,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
        gc_percent: int = 400,
    ) -> None:
        self._binary = binary
        self._memory_bytes = memory_bytes
        self._gc_percent = gc_percent
        self._slots = [_Slot(self._start) for _ in range(workers)]
        self._trial = _Slot(self._start)
        self._trials = asyncio.Lock()
        self._places = asyncio.Semaphore(workers * _IN_FLIGHT_PER_WORKER)
        self._refused: dict[bytes, tuple[float, str]] = {}
        self._is_closed = False

    async def __aenter__(self) -> Self:
        """Return the pool; nothing is started yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End all workers."""
        await self.close()

    async def close(self) -> None:
        """End all workers; requests in flight fail."""
        self._is_closed = True
        await asyncio.gather(*(slot.close() for slot in (*self._slots, self._trial)))

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """Process ids of the running workers."""
        slots = (*self._slots, self._trial)
        return tuple(slot.worker.pid for slot in slots if slot.worker and slot.worker.is_alive)

    async def call(
        self, method: str, params: Mapping[str, JsonValue], *, timeout: timedelta
    ) -> JsonValue:
        """Return the result of one request.

        Args:
            method: As in docs/reference/engines.md.
            params: Its parameters.
            timeout: Wall-clock limit from when a worker gets it; a worker that passes it is killed.

        Raises:
            EngineError: The engine refused its input, ran out of time or memory, or crashed on it.
        """
        encoded = orjson.dumps(params)
        self._check_refused(method, encoded)
        seconds = timeout.total_seconds()
        async with self._places:
            return await self._call(method, encoded, seconds=seconds)

    async def _call(self, method: str, params: bytes, *, seconds: float) -> JsonValue:
        for _ in range(len(self._slots) + 2):
            worker = await self._least_loaded()
            try:
                return await worker.send(method, params, seconds=seconds)
            except WorkerLostError as lost:
                if self._is_closed:
                    raise EngineError("crashed", "the engines are shutting down") from lost
                if lost.is_suspect:
                    return await self._try_alone(method, params, seconds=seconds)
        raise EngineError("crashed", f"{method}: other requests kept ending the workers; try again")

    async def _try_alone(self, method: str, params: bytes, *, seconds: float) -> JsonValue:
        async with self._trials:
            worker = await self._trial.get()
            try:
                return await worker.send(method, params, seconds=seconds)
            except WorkerLostError as lost:
                summary = f"{method} ended two workers: {lost.cause}"
                self._refuse(method, params, summary)
                raise EngineError("crashed", summary) from lost

    async def _least_loaded(self) -> Worker:
        # A started worker with nothing to do beats starting another one.
        slot = min(self._slots, key=lambda each: (each.load, each.worker is None))
        return await slot.get()

    async def _start(self) -> Worker:
        if self._is_closed:
            raise EngineError("crashed", "the engines are shutting down")
        if not isinstance(self._binary, Path):
            self._binary = await asyncio.to_thread(self._binary)
        return await start_worker(
            WorkerOptions(
                self._binary, memory_bytes=self._memory_bytes, gc_percent=self._gc_percent
            )
        )

    def _refuse(self, method: str, params: bytes, summary: str) -> None:
        if len(self._refused) >= _MAX_REFUSED:
            self._refused.pop(next(iter(self._refused)))
        until = asyncio.get_running_loop().time() + _REFUSAL.total_seconds()
        self._refused[_digest(method, params)] = (until, summary)

    def _check_refused(self, method: str, params: bytes) -> None:
        if not self._refused:
            return
        digest = _digest(method, params)
        until, summary = self._refused.get(digest, (0.0, ""))
        if not summary:
            return
        if asyncio.get_running_loop().time() < until:
            raise EngineError("crashed", summary)
        del self._refused[digest]


class _Slot:
    """A place for one worker, which is replaced when it has ended."""

    def __init__(self, start: Callable[[], Awaitable[Worker]]) -> None:
        self._start = start
        self._starting = asyncio.Lock()
        self.worker: Worker | None = None
        self._waiting = 0

    @property
    def load(self) -> int:
        in_flight = self.worker.load if self.worker and self.worker.is_alive else 0
        return in_flight + self._waiting

    async def get(self) -> Worker:
        if self.worker is not None and self.worker.is_alive:
            return self.worker
        self._waiting += 1
        try:
            async with self._starting:
                if self.worker is None or not self.worker.is_alive:
                    await self.close()
                    self.worker = await self._start()
                return self.worker
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        if self.worker is not None:
            await self.worker.close()


def _digest(method: str, params: bytes) -> bytes:
    return hashlib.blake2b(params, key=method.encode(), digest_size=16).digest()
