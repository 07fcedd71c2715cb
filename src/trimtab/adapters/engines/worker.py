"""One worker process: frames out, frames in, a deadline for each request.

A request is a promise in ``_pending`` until its answer comes, its deadline passes or the process
ends. The process is never waited for: the event loop's protocol callbacks settle the promises.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec
import orjson

from trimtab.core import JsonValue
from trimtab.ports.renderer import EngineError

_HEADER = struct.Struct(">I")
_STDIN, _STDOUT, _STDERR = 0, 1, 2
_STDERR_BYTES = 8192
# Engines that can stop by themselves do so at the deadline and answer; only then comes the kill.
GRACE_SECONDS = 0.25
_CLOSE_SECONDS = 2.0
_CRASH_MARKS = ("fatal error:", "runtime:", "panic:", "trimtab-engines:")


class WorkerLostError(Exception):
    """The process ended before it answered.

    Args:
        cause: What its last words were.
        is_suspect: Whether this request may be what ended it.
    """

    def __init__(self, cause: str, *, is_suspect: bool) -> None:
        super().__init__(cause)
        self.cause = cause
        self.is_suspect = is_suspect


class _Failure(msgspec.Struct):
    code: str
    message: str


@dataclass(slots=True)
class _Pending:
    method: str
    answer: asyncio.Future[JsonValue]
    deadline: asyncio.TimerHandle


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker is started.

    Args:
        binary: Path of ``trimtab-engines``.
        memory_bytes: Limit of its data segment.
        gc_percent: Heap growth between garbage collections, in percent.
    """

    binary: Path
    memory_bytes: int
    gc_percent: int


class Worker(asyncio.SubprocessProtocol):
    """A running ``trimtab-engines``; make one with ``start_worker``."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pending: dict[int, _Pending] = {}
        self._next_id = 0
        self._inbox = bytearray()
        self._stderr = b""
        self._overdue = False
        self._transport: asyncio.SubprocessTransport | None = None
        self._stdin: asyncio.WriteTransport | None = None
        self._ended = self._loop.create_future()

    @property
    def is_alive(self) -> bool:
        """Whether requests can be sent."""
        return not self._ended.done() and not self._overdue

    @property
    def load(self) -> int:
        """Number of requests in flight."""
        return len(self._pending)

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._transport is not None
        return self._transport.get_pid()

    def send(self, method: str, params: bytes, *, seconds: float) -> asyncio.Future[JsonValue]:
        """Send a request and return the promise of its result.

        The promise fails with EngineError, or WorkerLostError when the process ends first. Giving
        up on it does not stop the request: its deadline still guards the worker.
        """
        assert self._stdin is not None
        self._next_id += 1
        number = self._next_id
        answer: asyncio.Future[JsonValue] = self._loop.create_future()
        deadline = self._loop.call_later(seconds + GRACE_SECONDS, self._expire, number, seconds)
        self._pending[number] = _Pending(method, answer, deadline)
        head = b'{"id":%d,"method":"%s","deadline_ms":%d,"params":' % (
            number,
            method.encode(),
            max(1, int(seconds * 1000)),
        )
        size = _HEADER.pack(len(head) + len(params) + 1)
        self._stdin.write(b"".join((size, head, params, b"}")))
        return answer

    def kill(self) -> None:
        """End the process now."""
        if self._transport is not None:
            with contextlib.suppress(ProcessLookupError):
                self._transport.kill()

    async def close(self) -> None:
        """End the process by closing its stdin; kill it if that does not help."""
        if self._stdin is not None:
            self._stdin.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await asyncio.shield(self._ended)
        except TimeoutError:
            self.kill()
            await asyncio.shield(self._ended)
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the pipes."""
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self._stdin = cast("asyncio.WriteTransport", self._transport.get_pipe_transport(_STDIN))

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Take in answers, or last words."""
        if fd == _STDERR:
            self._stderr = (self._stderr + data)[:_STDERR_BYTES]
            return
        inbox = self._inbox
        inbox += data
        start = 0
        while len(inbox) - start >= _HEADER.size:
            (size,) = _HEADER.unpack_from(inbox, start)
            end = start + _HEADER.size + size
            if len(inbox) < end:
                break
            self._settle(bytes(memoryview(inbox)[start + _HEADER.size : end]))
            start = end
        if start:
            del inbox[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        """Settle whatever is left: the process and its pipes are gone."""
        cause = _last_words(self._stderr)
        pending, self._pending = list(self._pending.values()), {}
        for each in pending:
            each.deadline.cancel()
            if not each.answer.done():
                lost = WorkerLostError(cause, is_suspect=not self._overdue)
                each.answer.set_exception(lost)
                each.answer.exception()  # the caller may have gone: that is no lost error
        if not self._ended.done():
            self._ended.set_result(None)

    def _settle(self, frame: bytes) -> None:
        message = orjson.loads(frame)
        pending = self._pending.pop(message["id"], None)
        if pending is None:
            return
        pending.deadline.cancel()
        if pending.answer.done():
            return
        if (error := message.get("error")) is not None:
            failure = msgspec.convert(error, _Failure)
            pending.answer.set_exception(EngineError(failure.code, failure.message))
        else:
            pending.answer.set_result(message["result"])

    def _expire(self, number: int, seconds: float) -> None:
        pending = self._pending.pop(number, None)
        if pending is None:
            return
        # What runs cannot be stopped in any other way; the other requests go to another worker.
        self._overdue = True
        self.kill()
        if not pending.answer.done():
            summary = f"{pending.method} did not finish in {seconds:g} s"
            pending.answer.set_exception(EngineError("timeout", summary))


async def start_worker(options: WorkerOptions) -> Worker:
    """Start a process.

    Raises:
        OSError: The binary cannot be executed.
    """
    loop = asyncio.get_running_loop()
    _, worker = await loop.subprocess_exec(
        Worker,
        str(options.binary),
        f"-memory-bytes={options.memory_bytes}",
        f"-gc-percent={options.gc_percent}",
        # A session of its own: Ctrl-C in a terminal is for the parent, whose end ends the worker.
        start_new_session=True,
        env=dict(os.environ),
    )
    return worker


def _last_words(stderr: bytes) -> str:
    for line in stderr.decode(errors="replace").splitlines():
        if line.startswith(_CRASH_MARKS):
            return line.strip()
    return "the worker ended without a word"
