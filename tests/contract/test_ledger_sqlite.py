"""The ledger file: tampering, crashes, other hands on the file, and what its errors say."""

import asyncio
import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import trimtab
from trimtab.adapters.database import open_ledger, open_read_only
from trimtab.adapters.database.migrate import migrate
from trimtab.adapters.database.schema import SCHEMA_VERSION
from trimtab.ports.ledger import Entry, LedgerUnavailable

_CHILD_DEADLINE_S = 30


def entry(delivery: str, number: int) -> Entry:
    return Entry(
        delivery=delivery,
        at="2026-03-01T10:00:00.000Z",
        kind="sync",
        actor="automated",
        revision=f"{number:040x}",
        reason="self-heal: kubectl-edit",
        outcome="Succeeded",
        manifests_digest="cd" * 32,
        detail={"number": number},
    )


async def filled(path: Path, count: int = 30) -> Path:
    async with open_ledger(path) as ledger:
        await ledger.append([entry(f"a/{n % 3}", n) for n in range(count)])
    return path


def tamper(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for (name,) in triggers.fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


TAMPERINGS = {
    "a changed actor": (["UPDATE entries SET actor = 'mallory' WHERE sequence = 7"], "entry 7 "),
    "a changed detail": (["UPDATE entries SET detail = '{}' WHERE sequence = 7"], "entry 7 "),
    "a detail that is not JSON": (
        ["UPDATE entries SET detail = '{' WHERE sequence = 7"],
        "entry 7 ",
    ),
    "the tail cut off": (["DELETE FROM entries WHERE sequence > 28"], "the rest were removed"),
    "a whole chain removed": (["DELETE FROM entries WHERE delivery = 'a/1'"], "a/1: checkpoint 1"),
    "one removed in the middle": (["DELETE FROM entries WHERE sequence = 15"], "entry 15: missing"),
    "two swapped": (
        [
            "UPDATE entries SET sequence = 99 WHERE sequence = 4",
            "UPDATE entries SET sequence = 4 WHERE sequence = 5",
            "UPDATE entries SET sequence = 5 WHERE sequence = 99",
        ],
        "its content does not match its hash",
    ),
    "a checkpoint changed": (["UPDATE checkpoints SET heads = '{}'"], "checkpoint 1: its content"),
    "unreadable heads": (["UPDATE checkpoints SET heads = '7'"], "checkpoint 1: its heads"),
}


@pytest.mark.parametrize(("statements", "problem"), TAMPERINGS.values(), ids=TAMPERINGS.keys())
async def test_tampering_is_noticed(statements: list[str], problem: str, tmp_path: Path) -> None:
    path = await filled(tmp_path / "ledger.db")
    tamper(path, *statements)
    found = await open_read_only(path).verify()
    assert problem in " | ".join(found.problems)


@pytest.mark.parametrize(("table", "key"), [("entries", "sequence"), ("checkpoints", "number")])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {0} SET hash = ''", "DELETE FROM {0}", "INSERT OR REPLACE INTO {0} SELECT * FROM {0}"],
)
async def test_the_database_itself_refuses_changes(
    statement: str, table: str, key: str, tmp_path: Path
) -> None:
    path = await filled(tmp_path / "ledger.db")
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement.format(table))
    connection.close()


async def test_checkpoints_come_every_hundred_entries_and_on_close(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with open_ledger(path) as ledger:
        for start in range(0, 250, 50):
            await ledger.append([entry("a/one", n) for n in range(start, start + 50)])
    connection = sqlite3.connect(path)
    through = connection.execute("SELECT through FROM checkpoints ORDER BY number").fetchall()
    connection.close()
    assert through == [(100,), (200,), (250,)]


async def test_a_reopened_ledger_continues_its_chains(tmp_path: Path) -> None:
    path = await filled(tmp_path / "ledger.db")
    await filled(path)
    found = await open_read_only(path).verify()
    assert (found.entries, found.chains, found.problems) == (60, 3, ())


async def test_two_writers_share_one_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with open_ledger(path) as one, open_ledger(path) as two:
        async with asyncio.TaskGroup() as group:
            for number in range(40):
                ledger = one if number % 2 else two
                group.create_task(ledger.append([entry("a/shared", number)]))
        found = await one.verify()
    assert (found.entries, found.chains, found.problems) == (40, 1, ())


async def test_one_bad_entry_fails_alone(tmp_path: Path) -> None:
    async with open_ledger(tmp_path / "ledger.db") as ledger:
        bad = Entry("a/b", "", "", "", "", "", "", "", {"x": object()})  # type: ignore[dict-item]
        results = await asyncio.gather(
            ledger.append([entry("a/one", 1)]), ledger.append([bad]), return_exceptions=True
        )
        assert results[0] is None
        assert isinstance(results[1], TypeError)
        assert len(await ledger.read()) == 1


def _contents(folder: Path) -> dict[str, str]:
    # The -shm file is SQLite's lock table: readers of a living ledger must write it.
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if not path.name.endswith("-shm")
    }


async def test_a_read_only_look_changes_nothing(tmp_path: Path) -> None:
    path = await filled(tmp_path / "ledger.db")
    before = (_contents(tmp_path), path.stat().st_mtime_ns, sorted(tmp_path.iterdir()))
    assert (await open_read_only(path).verify()).problems == ()
    assert (await open_read_only(path).read(limit=1))[0].sequence == 30
    assert (_contents(tmp_path), path.stat().st_mtime_ns, sorted(tmp_path.iterdir())) == before


async def test_a_read_only_look_sees_what_a_living_writer_has_committed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with open_ledger(path) as ledger:
        await ledger.append([entry("a/one", 1)])
        before = _contents(tmp_path)
        found = await open_read_only(path).verify()
        assert (found.entries, found.problems) == (1, ())
        assert _contents(tmp_path) == before
        await ledger.append([entry("a/one", 2)])
        assert (await open_read_only(path).verify()).entries == 2


_WRITER = """
import asyncio, sys
from pathlib import Path
from trimtab.adapters.database import open_ledger
from trimtab.ports.ledger import Entry

async def one(ledger, who, n):
    detail = {"n": n}
    await ledger.append([Entry(f"a/{who}", "", "sync", "x", "", "", "Succeeded", "", detail)])

async def main():
    ledger = open_ledger(Path(sys.argv[1]))
    number = 0
    while True:
        async with asyncio.TaskGroup() as group:
            for who in range(20):
                group.create_task(one(ledger, who, number))
        number += 1
        print(number * 20, flush=True)

asyncio.run(main())
"""


def _kill_while_appending(path: Path, *, after: int) -> int:
    child = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(trimtab.__file__).parents[1])},
    )
    assert child.stdout is not None
    acknowledged = 0
    try:
        for line in child.stdout:
            acknowledged = int(line)
            if acknowledged >= after:
                break
    finally:
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
        child.stdout.close()
        child.wait(_CHILD_DEADLINE_S)
    return max([acknowledged, *map(int, rest)])


@pytest.mark.parametrize("index_lost", [False, True], ids=["as it was", "without its -shm file"])
async def test_a_killed_writer_leaves_a_whole_ledger(tmp_path: Path, index_lost: bool) -> None:
    path = tmp_path / "ledger.db"
    acknowledged = _kill_while_appending(path, after=400)
    if index_lost:
        (tmp_path / "ledger.db-shm").unlink()
    before = _contents(tmp_path)
    found = await open_read_only(path).verify()
    assert found.problems == ()
    assert found.entries >= acknowledged >= 400
    assert _contents(tmp_path) == before
    async with open_ledger(path) as ledger:
        await ledger.append([entry("a/0", 1)])
        assert (await ledger.verify()).problems == ()


def garbage(path: Path) -> None:
    path.write_bytes(b"this is not a database, whatever its name says" * 100)


def damaged(path: Path) -> None:
    asyncio.run(filled(path, 3000))
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 60] = b"\xff" * (4096 * 57)
    path.write_bytes(content)


def newer(path: Path) -> None:
    asyncio.run(filled(path))
    tamper(path, "UPDATE alembic_version SET version_num = '9999'")


def foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()


SPOILED: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "a file that is no database": (garbage, "LedgerCorrupt", "restore it from a backup"),
    "damaged pages": (damaged, "LedgerCorrupt", "restore it from a backup"),
    "a newer schema": (newer, "LedgerVersion", "found version 9999"),
    "another program's database": (foreign, "LedgerVersion", "expected"),
}


@pytest.mark.parametrize(("spoil", "reason", "said"), SPOILED.values(), ids=SPOILED.keys())
@pytest.mark.parametrize("mode", ["write", "read"])
def test_a_spoiled_file_is_named_with_what_to_do(
    spoil: Callable[[Path], None], reason: str, said: str, mode: str, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.db"
    spoil(path)

    async def look() -> None:
        if mode == "read":
            await open_read_only(path).verify()
        else:
            async with open_ledger(path) as ledger:
                await ledger.verify()

    with pytest.raises(LedgerUnavailable) as caught:
        asyncio.run(look())
    assert caught.value.reason == reason
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


async def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="expected a file, found none"):
        await open_read_only(tmp_path / "ledger.db").verify()
    assert list(tmp_path.iterdir()) == []


async def test_a_full_disk_is_said_and_the_ledger_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await filled(tmp_path / "ledger.db")
    connect = sqlite3.connect

    def connect_to_a_small_disk(*args: object, **kwargs: object) -> sqlite3.Connection:
        connection = connect(*args, **kwargs)  # type: ignore[call-overload]
        connection.execute("PRAGMA max_page_count = 20")
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect_to_a_small_disk)
    async with open_ledger(path) as ledger:
        with pytest.raises(LedgerUnavailable) as caught:
            await ledger.append([entry("a/big", n) for n in range(2000)])
        assert caught.value.reason == "LedgerDiskFull"
        found = await ledger.verify()
        assert (found.entries, found.problems) == (30, ())
        await ledger.append([entry("a/small", 1)])


async def test_appending_after_close_is_refused(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.db")
    await ledger.close()
    with pytest.raises(LedgerUnavailable, match="closed"):
        await ledger.append([entry("a/b", 1)])


def test_the_code_reads_the_newest_migration() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    folder = Path(sys.modules[migrate.__module__].__file__ or "").with_name("migrations")
    config.set_main_option("script_location", str(folder))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA_VERSION


async def test_a_ledger_is_in_wal_mode_at_the_newest_migration(tmp_path: Path) -> None:
    path = await filled(tmp_path / "ledger.db")
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
        (SCHEMA_VERSION,)
    ]
    connection.close()


def test_the_migrations_make_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    from sqlalchemy import inspect

    from trimtab.adapters.database.connection import writing_engine
    from trimtab.adapters.database.schema import metadata

    engine = writing_engine(tmp_path / "ledger.db")
    migrate(engine, tmp_path / "ledger.db")
    with engine.connect() as connection:
        found = inspect(connection)
        for table in metadata.sorted_tables:
            columns = {
                (c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table.name)
            }
            assert columns == {(c.name, str(c.type), bool(c.nullable)) for c in table.columns}
    engine.dispose()
