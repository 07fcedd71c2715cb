"""One thread that writes the ledger: everything that waits is committed in one transaction.

Entries must reach the disk before ``append`` returns, and a disk flush costs milliseconds; so while
one transaction is flushed the next batch gathers. A batch fails or succeeds as a whole.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, func, insert, select

from trimtab.adapters.database.connection import translated
from trimtab.adapters.database.rows import chain_heads, checkpoint_row, entry_row, heads_after
from trimtab.adapters.database.schema import checkpoints, entries
from trimtab.ports.ledger import Entry, LedgerUnavailable, Recorded
from trimtab.services.chain import CHECKPOINT_EVERY, GENESIS, NO_HEAD, Head, link, seal

_BATCH_ENTRIES: Final = 5000
# A transaction costs as much as ten entries: a commit over many deliveries should fill few of them.
_GATHER_SECONDS: Final = 0.01


@dataclass(slots=True)
class _Request:
    entries: Sequence[Entry]
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[None]"


@dataclass(slots=True)
class _Batch:
    requests: list[_Request] = field(default_factory=list[_Request])
    is_last: bool = False

    @property
    def entries(self) -> list[Entry]:
        return [entry for request in self.requests for entry in request.entries]


class GroupWriter:
    """Owns the writing connection and its thread.

    Args:
        engine: Of ``writing_engine``, migrated.
        path: For messages.
    """

    def __init__(self, engine: Engine, path: Path) -> None:
        self._engine = engine
        self._path = path
        self._queue: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    async def append(self, wanted: Sequence[Entry]) -> None:
        """Queue entries and wait until they are on disk.

        Raises:
            LedgerUnavailable: The transaction failed, or the writer is closed.
        """
        if self._closed:
            raise LedgerUnavailable("LedgerClosed", f"ledger {self._path}: it is closed already")
        loop = asyncio.get_running_loop()
        request = _Request(wanted, loop, loop.create_future())
        self._queue.put(request)
        await request.done

    async def close(self) -> None:
        """Write what is queued and a last checkpoint, then stop the thread. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        batch = _Batch()
        # One connection for good: SQLite folds the WAL away whenever the last one closes.
        with self._engine.connect() as connection:
            while not batch.is_last:
                batch = self._gather()
                _answer(batch.requests, self._commit(connection, batch))
        self._engine.dispose()

    def _commit(self, connection: Connection, batch: _Batch) -> LedgerUnavailable | None:
        try:
            with translated(self._path, "write"), connection.begin():
                _write(connection, batch)
        except LedgerUnavailable as failure:
            return failure
        return None

    def _gather(self) -> _Batch:
        """Wait for an entry, then a moment for others that belong to the same commit."""
        batch, size = _Batch(), 0
        try:
            item = self._queue.get()
            until = time.monotonic() + _GATHER_SECONDS
            while item is not None:
                batch.requests.append(item)
                size += len(item.entries)
                if size >= _BATCH_ENTRIES:
                    return batch
                item = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            batch.is_last = True
        except queue.Empty:
            pass
        return batch


def _write(connection: Connection, batch: _Batch) -> None:
    last = connection.scalar(select(func.max(entries.c.sequence))) or 0
    rows = _linked_rows(connection, batch.entries, last)
    if rows:
        connection.execute(insert(entries), rows)
    _write_checkpoint(
        connection, last + len(rows), at_least=1 if batch.is_last else CHECKPOINT_EVERY
    )


def _linked_rows(
    connection: Connection, wanted: Sequence[Entry], last: int
) -> list[dict[str, object]]:
    heads = chain_heads(connection, sorted({entry.delivery for entry in wanted}))
    rows: list[dict[str, object]] = []
    for sequence, entry in enumerate(wanted, start=last + 1):
        head = heads.get(entry.delivery, NO_HEAD)
        recorded: Recorded = link(entry, sequence=sequence, previous_hash=head.hash)
        heads[entry.delivery] = Head(head.position + 1, recorded.hash)
        rows.append(entry_row(recorded, head.position + 1))
    return rows


def _write_checkpoint(connection: Connection, last: int, *, at_least: int) -> None:
    newest = select(checkpoints).order_by(checkpoints.c.number.desc()).limit(1)
    before = connection.execute(newest).first()
    number, through, previous = (
        (before.number, before.through, before.hash) if before else (0, 0, GENESIS)
    )
    if last - through < at_least:
        return
    heads = heads_after(connection, through)
    sealed = seal(number=number + 1, through=last, heads=heads, previous_hash=previous)
    connection.execute(insert(checkpoints), [checkpoint_row(sealed)])


def _answer(requests: Sequence[_Request], error: LedgerUnavailable | None) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for request in requests:
        by_loop.setdefault(request.loop, []).append(request.done)
    for loop, waiting in by_loop.items():
        # A loop that is gone has nobody left to tell; the entries are written all the same.
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, waiting, error)


def _resolve(waiting: "Sequence[asyncio.Future[None]]", error: LedgerUnavailable | None) -> None:
    for done in waiting:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(LedgerUnavailable(error.reason, error.message))
