"""The ledger in one SQLite file (WAL): durable appends by group commit, reads beside them."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Self, TypeVar

from sqlalchemy import Connection, Engine

from trimtab.adapters.database.connection import reading_engine, translated, writing_engine
from trimtab.adapters.database.migrate import check_version, migrate
from trimtab.adapters.database.rows import audit, newest
from trimtab.adapters.database.writer import GroupWriter
from trimtab.core.manifest import canonical_json
from trimtab.ports.ledger import Entry, LedgerUnavailable, Recorded, Verification

_T = TypeVar("_T")

_IMMUTABLE_TRIES: Final = 3


class SqliteLedger:
    """The ledger of a process that writes it. Use ``open_ledger``, and close it.

    Implements ``ports.ledger.Ledger``.
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        self._path = path
        self._writer = GroupWriter(engine, path)
        self._reader = reading_engine(path)

    async def append(self, entries: Sequence[Entry]) -> None:
        """Record entries durably; concurrent calls share one transaction.

        Raises:
            LedgerUnavailable: Nothing of this call was recorded.
            TypeError: A detail is not JSON.
        """
        if not entries:
            return
        for entry in entries:
            canonical_json(entry.detail)  # a bad one must fail its own call, not the whole batch
        await self._writer.append(entries)

    async def read(
        self, *, delivery: str = "", limit: int = 100, before: int | None = None
    ) -> Sequence[Recorded]:
        """Return entries, newest first.

        Args:
            delivery: Only of this delivery; empty means all.
            limit: At most so many, > 0.
            before: Only entries with a smaller sequence number.

        Raises:
            LedgerUnavailable: The file cannot be read.
        """
        return await asyncio.to_thread(
            _with_connection,
            self._reader,
            self._path,
            lambda connection: newest(connection, delivery, limit, before),
        )

    async def verify(self) -> Verification:
        """Recompute every hash and checkpoint, in one snapshot.

        Raises:
            LedgerUnavailable: The file cannot be read.
        """
        return await asyncio.to_thread(_with_connection, self._reader, self._path, audit)

    async def close(self) -> None:
        """Write what is queued and a checkpoint over all chains, then let go of the file."""
        await self._writer.close()
        self._reader.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _FileState(NamedTuple):
    has_wal: bool
    modified_ns: int
    size_bytes: int


class ReadOnlyLedger:
    """A ledger file that is looked at and never touched, whether its writer is alive or not."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(
        self, *, delivery: str = "", limit: int = 100, before: int | None = None
    ) -> Sequence[Recorded]:
        """Return entries, newest first. Raises LedgerUnavailable."""
        return await asyncio.to_thread(
            self._look, lambda connection: newest(connection, delivery, limit, before)
        )

    async def verify(self) -> Verification:
        """Recompute every hash and checkpoint, in one snapshot. Raises LedgerUnavailable."""
        return await asyncio.to_thread(self._look, audit)

    def _look(self, look: Callable[[Connection], _T]) -> _T:
        if not self._path.is_file():
            raise LedgerUnavailable(
                "LedgerMissing",
                f"ledger {self._path}: expected a file, found none; name it with --ledger,"
                " or start `trimtab serve`, which creates it",
            )
        for _ in range(_IMMUTABLE_TRIES):
            before = self._state()
            if before.has_wal:
                break
            try:
                found = self._look_at(self._path, look, immutable=True)
            except LedgerUnavailable:
                if self._state() == before:
                    raise
            else:
                # A writer that came meanwhile may have changed pages under the immutable view.
                if self._state() == before:
                    return found
        wal, index = self._beside("-wal"), self._beside("-shm")
        if index.exists() or not wal.exists():
            return self._look_at(self._path, look, immutable=False)
        with self._copied(wal) as copy:
            return self._look_at(copy, look, immutable=False)

    def _state(self) -> "_FileState":
        wal = self._beside("-wal")
        found = self._path.stat()
        has_wal = wal.exists() and wal.stat().st_size > 0
        return _FileState(has_wal, found.st_mtime_ns, found.st_size)

    def _look_at(self, path: Path, look: Callable[[Connection], _T], *, immutable: bool) -> _T:
        engine = reading_engine(path, immutable=immutable)
        try:
            return _with_connection(engine, self._path, look)
        finally:
            engine.dispose()

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(self._path.name + suffix)

    @contextmanager
    def _copied(self, wal: Path) -> Generator[Path]:
        # Without its -shm file SQLite would create one: the look must happen elsewhere.
        with translated(self._path, "copy"), tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "ledger.db"
            shutil.copyfile(self._path, copy)
            shutil.copyfile(wal, copy.with_name("ledger.db-wal"))
            yield copy


def open_ledger(path: Path) -> SqliteLedger:
    """Open a ledger for writing; create and migrate it as needed. Blocks: call it at start-up.

    Raises:
        LedgerUnavailable: It is corrupt, of another version, or cannot be written.
    """
    with translated(path, "open"):
        path.parent.mkdir(parents=True, exist_ok=True)
        engine = writing_engine(path)
        with engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute("PRAGMA journal_mode = WAL")
        migrate(engine, path)
    return SqliteLedger(path, engine)


def open_read_only(path: Path) -> ReadOnlyLedger:
    """Return a view of a ledger file that neither creates nor changes it."""
    return ReadOnlyLedger(path)


def _with_connection(engine: Engine, path: Path, look: Callable[[Connection], _T]) -> _T:
    with translated(path, "read"), engine.begin() as connection:
        check_version(connection, path)
        return look(connection)
