"""Brings the ledger's schema to the version that this code reads; one process at a time.

Alembic runs only when there is something to do, and never in this process.
"""

import fcntl
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect

from trimtab.adapters.database.connection import writing_engine
from trimtab.adapters.database.schema import SCHEMA_VERSION
from trimtab.ports.ledger import LedgerUnavailable


def migrate(engine: Engine, path: Path) -> None:
    """Create or upgrade the tables.

    Raises:
        LedgerUnavailable: The file was written by a newer Trimtab, or holds something else.
    """
    if _has_version(engine, path):
        return
    with _locked(path):
        # Somebody else may have migrated while we waited.
        if not _has_version(engine, path):
            _upgrade(path)


def schema_version(connection: Connection) -> str | None:
    """Return the schema version of a database, or None when it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def check_version(connection: Connection, path: Path) -> None:
    """Refuse to read another schema version.

    Raises:
        LedgerUnavailable: The versions differ.
    """
    found = schema_version(connection)
    if found != SCHEMA_VERSION:
        shown = f"version {found}" if found else "no ledger in it"
        raise LedgerUnavailable(
            "LedgerVersion",
            f"ledger {path}: expected schema version {SCHEMA_VERSION}, found {shown};"
            " use the Trimtab version that wrote it, or let `trimtab serve` upgrade it",
        )


def _has_version(engine: Engine, path: Path) -> bool:
    with engine.connect() as connection:
        found = schema_version(connection)
        if found is None:
            tables = inspect(connection).get_table_names()
            if tables:
                raise LedgerUnavailable(
                    "LedgerVersion",
                    f"ledger {path}: expected a ledger or an empty file, found a database with"
                    f" table {tables[0]}; name another file",
                )
            return False
        if found > SCHEMA_VERSION:
            check_version(connection, path)
        return found == SCHEMA_VERSION


def _upgrade(path: Path) -> None:
    """Upgrade in a process of its own: Alembic, once imported, would stay in memory for good."""
    command = [sys.executable, "-P", "-m", __name__, str(path.absolute())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise LedgerUnavailable(
            "LedgerVersion", f"ledger {path}: its schema cannot be upgraded: {said[-1]}"
        )


def _run_alembic(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            sys.exit(str(error))


@contextmanager
def _locked(path: Path) -> Generator[None]:
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    _run_alembic(writing_engine(Path(sys.argv[1])))
