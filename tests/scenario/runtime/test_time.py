"""Clocks, delays between retries, and loops that are kept alive."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from trimtab.runtime import Backoff, SystemClock, format_millis, format_time, parse_time, supervise
from trimtab.testing.clock import VirtualClock, run_virtual

EXACT = Backoff(first=timedelta(seconds=1), most=timedelta(seconds=60), jitter=0)


def test_times_are_written_as_kubernetes_writes_them() -> None:
    at = datetime(2026, 3, 1, 1, 30, 15, 987_654, timezone(timedelta(hours=2)))
    assert format_time(at) == "2026-02-28T23:30:15Z"
    assert format_millis(at) == "2026-02-28T23:30:15.987Z"


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_time(text) is None


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1900, 1, 1)))  # noqa: DTZ001
def test_a_written_time_is_read_back(at: datetime) -> None:
    assert parse_time(format_time(at)) == at.replace(microsecond=0)


def test_the_system_clock_goes_on() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    assert clock.monotonic() >= before
    assert clock.now().tzinfo is UTC


@given(st.integers(-5, 10_000))
def test_delays_grow_and_stay_below_the_longest(failures: int) -> None:
    delay = EXACT.delay(failures)
    assert delay <= EXACT.delay(failures + 1)
    assert EXACT.first <= delay <= EXACT.most


@given(st.integers(1, 100))
def test_jitter_only_shortens(failures: int) -> None:
    longest = EXACT.delay(failures)
    jittered = Backoff(first=EXACT.first, most=EXACT.most, jitter=0.2).delay(failures)
    assert longest * 0.8 <= jittered <= longest


def test_a_loop_that_fails_is_started_again_later_and_later() -> None:
    clock = VirtualClock()
    starts: list[float] = []

    async def failing() -> None:
        starts.append(clock.monotonic())
        if len(starts) == 4:
            await asyncio.sleep(100)
        if len(starts) < 6:
            raise ValueError("oops")

    with capture_logs() as logs:
        run_virtual(supervise("failing", failing, backoff=EXACT), clock)
    # After a long good run, at 7, the delays begin anew.
    assert starts == [0, 1, 3, 7, 108, 110]
    assert [(log["event"], log["loop"]) for log in logs] == [("loop.failed", "failing")] * 5


def test_a_failing_loop_does_not_end_the_one_beside_it() -> None:
    clock = VirtualClock()
    others: list[float] = []

    async def failing() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.sleep(1))
            raise ValueError("oops")

    async def fine() -> None:
        for _ in range(4):
            others.append(clock.monotonic())
            await asyncio.sleep(1)

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            failed = tasks.create_task(supervise("failing", failing, backoff=EXACT))
            await tasks.create_task(supervise("fine", fine, backoff=EXACT))
            failed.cancel()

    with capture_logs() as logs:
        run_virtual(main(), clock)
    assert others == [0, 1, 2, 3]
    assert {log["loop"] for log in logs} == {"failing"}


def test_a_virtual_hour_takes_no_time_and_waiting_for_nothing_is_an_error() -> None:
    clock = VirtualClock()

    async def main() -> float:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.sleep(10))
            tasks.create_task(asyncio.sleep(3600))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(60):
                    await asyncio.Event().wait()
            assert clock.monotonic() == 60
        return clock.monotonic()

    assert run_virtual(main(), clock) == 3600
    assert clock.now() == datetime(2026, 1, 1, 1, tzinfo=UTC)


def test_threads_are_waited_for() -> None:
    async def main() -> str:
        return await asyncio.to_thread("done".upper)

    assert run_virtual(main(), VirtualClock()) == "DONE"
