"""Entries while the ledger cannot be written."""

from __future__ import annotations

import asyncio

import pytest

from trimtab.ports.ledger import Entry, LedgerUnavailable
from trimtab.services import ledger_backlog
from trimtab.services.ledger_backlog import LedgerBacklog
from trimtab.testing.ledger import FakeLedger

_FULL = LedgerUnavailable("LedgerUnavailable", "the disk is full")


def entry(number: int) -> Entry:
    """Return one of many entries."""
    at = f"2026-03-01T00:00:00.{number:03}Z"
    return Entry("argocd/shop", at, "sync", "dana", "abc", "why", "Succeeded", "", {})


async def test_entries_wait_for_the_ledger_and_keep_their_order() -> None:
    ledger = FakeLedger(fails_with=_FULL)
    backlog = LedgerBacklog(ledger)
    for number in range(3):
        await backlog.append([entry(number)])
    assert backlog.waiting == 3
    assert not await backlog.flush()
    ledger.fails_with = None
    # Before what waits is recorded, nothing newer overtakes it.
    await backlog.append([entry(3)])
    assert await backlog.flush()
    assert ledger.entries == [entry(number) for number in range(4)]
    await backlog.append([entry(4)])
    assert ledger.entries[-1] == entry(4)
    assert (await ledger.verify()).problems == ()


async def test_a_ledger_that_comes_back_gets_what_waits_by_itself() -> None:
    ledger = FakeLedger(fails_with=_FULL)
    turns = 0

    async def sleep(_: float) -> None:
        nonlocal turns
        turns += 1
        if turns == 2:
            ledger.fails_with = None
        if turns == 3:
            raise asyncio.CancelledError

    backlog = LedgerBacklog(ledger, sleep)
    await backlog.append([entry(0)])
    with pytest.raises(asyncio.CancelledError):
        await backlog.run()
    assert ledger.entries == [entry(0)]
    assert backlog.waiting == 0


async def test_too_many_that_wait_stop_what_could_not_be_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger_backlog, "MOST_WAITING", 2)
    backlog = LedgerBacklog(FakeLedger(fails_with=_FULL))
    await backlog.append([entry(0), entry(1)])
    with pytest.raises(LedgerUnavailable, match="2 entries wait"):
        await backlog.append([entry(2)])
    assert backlog.waiting == 2
