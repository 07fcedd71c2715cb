"""SQLite engines for the ledger, and what their errors mean to a person.

Transactions are begun by hand: pysqlite's implicit ones start too late, which would let two
processes read the same chain head.
"""

import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from trimtab.ports.ledger import LedgerUnavailable

_BUSY_MS: Final = 5000

_MEANINGS: Final = {
    "SQLITE_NOTADB": ("LedgerCorrupt", "it is not an SQLite database; restore it from a backup"),
    "SQLITE_CORRUPT": ("LedgerCorrupt", "its pages are damaged; restore it from a backup"),
    "SQLITE_FULL": ("LedgerDiskFull", "the disk is full; free some space"),
    "SQLITE_IOERR": ("LedgerUnavailable", "reading or writing failed; look at the disk"),
    "SQLITE_READONLY": ("LedgerReadOnly", "it cannot be written; look at its owner and mode"),
    "SQLITE_CANTOPEN": (
        "LedgerUnavailable",
        "it cannot be opened; look at the folder and its mode",
    ),
    "SQLITE_PERM": ("LedgerUnavailable", "access is denied; look at its owner and mode"),
    "SQLITE_BUSY": ("LedgerBusy", "another process has held it for too long"),
}


def writing_engine(path: Path) -> Engine:
    """Return an engine whose transactions take the write lock when they begin."""
    return _engine(lambda: sqlite3.connect(path, check_same_thread=False), "BEGIN IMMEDIATE")


def reading_engine(path: Path, *, immutable: bool = False) -> Engine:
    """Return an engine that can only read.

    Args:
        path: The database file, which must exist.
        immutable: No process writes the file, so neither locks nor WAL files are looked at.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
    return _engine(lambda: sqlite3.connect(uri, uri=True, check_same_thread=False), "BEGIN")


def _engine(connect: Callable[[], sqlite3.Connection], begin: str) -> Engine:
    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _prepare(dbapi: sqlite3.Connection, _record: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        dbapi.isolation_level = None
        dbapi.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        # NORMAL would lose the last commits in a power cut: append promises that they are on disk.
        dbapi.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.exec_driver_sql(begin)

    return engine


@contextmanager
def translated(path: Path, doing: str) -> Generator[None]:
    """Turn the library's errors into LedgerUnavailable.

    Args:
        path: The file, for the message.
        doing: What was tried: ``write``, ``read``, ``open``.

    Raises:
        LedgerUnavailable: Something below failed.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        reason, meaning = _meaning(error)
        raise LedgerUnavailable(
            reason, f"ledger {path}: expected to {doing} it, found: {meaning}"
        ) from error


def _meaning(error: Exception) -> tuple[str, str]:
    cause = getattr(error, "orig", None) or error
    name = str(getattr(cause, "sqlite_errorname", ""))
    # Extended codes are named SQLITE_IOERR_WRITE and the like.
    for known, meaning in _MEANINGS.items():
        if name.startswith(known):
            return meaning
    return "LedgerUnavailable", str(cause)
