"""What every ledger promises: entries in order, whole chains, and tampering that is noticed."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from trimtab.adapters.database import SqliteLedger, open_ledger
from trimtab.ports.ledger import Entry
from trimtab.testing.ledger import FakeLedger

AnyLedger = SqliteLedger | FakeLedger


def entry(delivery: str = "argocd/web", *, number: int = 1, kind: str = "sync") -> Entry:
    return Entry(
        delivery=delivery,
        at="2026-03-01T10:00:00.000Z",
        kind=kind,
        actor="jo@example.com",
        revision=f"{number:040x}",
        reason="Raise the limit",
        outcome="Succeeded",
        manifests_digest="ab" * 32,
        detail={"changed": number, "objects": ["Deployment prod/web"]},
    )


@pytest.fixture(params=["sqlite", "fake"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AnyLedger]:
    opened = open_ledger(tmp_path / "ledger.db") if request.param == "sqlite" else FakeLedger()
    yield opened
    await opened.close()


async def test_an_empty_ledger_is_whole(ledger: AnyLedger) -> None:
    found = await ledger.verify()
    assert (found.entries, found.chains, found.problems) == (0, 0, ())


async def test_entries_come_back_newest_first_as_they_went_in(ledger: AnyLedger) -> None:
    wanted = [entry(number=n) for n in range(1, 4)]
    await ledger.append(wanted)
    found = await ledger.read()
    assert [recorded.entry for recorded in found] == wanted[::-1]
    assert [recorded.sequence for recorded in found] == [3, 2, 1]


async def test_each_entry_continues_its_own_delivery(ledger: AnyLedger) -> None:
    await ledger.append([entry("a/one"), entry("a/two"), entry("a/one", number=2)])
    third, second, first = await ledger.read()
    assert third.previous_hash == first.hash
    assert second.previous_hash == first.previous_hash == "0" * 64


async def test_reading_pages_and_filters(ledger: AnyLedger) -> None:
    await ledger.append([entry("a/one" if n % 2 else "a/two", number=n) for n in range(1, 11)])
    page = await ledger.read(delivery="a/one", limit=2)
    assert [recorded.sequence for recorded in page] == [9, 7]
    rest = await ledger.read(delivery="a/one", before=page[-1].sequence)
    assert [recorded.sequence for recorded in rest] == [5, 3, 1]


async def test_concurrent_appends_are_all_recorded_and_whole(ledger: AnyLedger) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(250):
            group.create_task(ledger.append([entry(f"a/{number % 7}", number=number)]))
    found = await ledger.verify()
    assert (found.entries, found.chains, found.problems) == (250, 7, ())


async def test_appending_nothing_is_fine(ledger: AnyLedger) -> None:
    await ledger.append([])
    assert await ledger.read() == []


async def test_equal_entries_have_different_hashes(ledger: AnyLedger) -> None:
    await ledger.append([entry(), entry()])
    newer, older = await ledger.read()
    assert newer.hash != older.hash


class TestTheFakeNoticesTampering:
    """The audit is shared; SQLite's own ways to be tampered with are in test_ledger_sqlite."""

    async def whole(self) -> FakeLedger:
        ledger = FakeLedger()
        await ledger.append([entry(f"a/{n % 3}", number=n) for n in range(12)])
        await ledger.close()
        assert (await ledger.verify()).problems == ()
        return ledger

    async def test_a_changed_entry(self) -> None:
        ledger = await self.whole()
        changed = dataclasses.replace(ledger.recorded[4].entry, actor="mallory")
        ledger.recorded[4] = dataclasses.replace(ledger.recorded[4], entry=changed)
        assert (await ledger.verify()).problems == (
            "entry 5 of a/1: its content does not match its hash",
        )

    async def test_a_missing_tail(self) -> None:
        ledger = await self.whole()
        del ledger.recorded[-1]
        assert (await ledger.verify()).problems == (
            "a/2: checkpoint 1 covers 4 entries, the ledger holds 3; the rest were removed",
        )

    async def test_a_missing_checkpoint(self) -> None:
        ledger = await self.whole()
        await ledger.append([entry()])
        await ledger.close()
        del ledger.checkpoints[0]
        assert (await ledger.verify()).problems == (
            "checkpoint 2: expected checkpoint 1; one or more are missing",
        )
