"""From outcomes to the time of the next look, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from trimtab.core.errors import Stalled, Transient
from trimtab.runtime import (
    AgainAt,
    ControllerEngine,
    Done,
    EngineSettings,
    Look,
    Outcome,
    Priority,
    StalledFailure,
    TransientFailure,
)
from trimtab.testing.clock import VirtualClock, run_virtual

MOST_BACKOFF = 180.0


class Bench:
    """An engine whose reconcile plays a script, and the times at which each key was looked at."""

    def __init__(self, play: Callable[[str, int], Awaitable[Outcome]], **settings: float) -> None:
        self.clock = VirtualClock()
        self.at: dict[str, list[float]] = {}
        self.looks: list[Look] = []
        self.play = play
        self.engine = ControllerEngine(
            "test",
            self._reconcile,
            clock=self.clock,
            settings=EngineSettings(**settings),
            group_of=lambda key: key.partition("/")[0],
            on_look=self.looks.append,
        )

    async def _reconcile(self, key: str) -> Outcome:
        times = self.at.setdefault(key, [])
        times.append(self.clock.monotonic())
        return await self.play(key, len(times))

    def run(self, seconds: float, then: Callable[[], Awaitable[None]] | None = None) -> None:
        """Run the engine; ``then`` runs beside it."""

        async def main() -> None:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.engine.run())
                if then is not None:
                    await then()
                await asyncio.sleep(seconds)
                self.engine.stop()

        run_virtual(main(), self.clock)

    def gaps(self, key: str) -> list[float]:
        times = self.at[key]
        return [later - earlier for earlier, later in itertools.pairwise(times)]


def playing(*outcomes: Outcome | BaseException) -> Callable[[str, int], Awaitable[Outcome]]:
    """Return a reconcile that plays these one after the other, the last one for ever."""

    async def play(key: str, look: int) -> Outcome:
        outcome = outcomes[min(look, len(outcomes)) - 1]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return play


def test_done_is_not_looked_at_again_until_it_is_asked_for() -> None:
    bench = Bench(playing(Done()))

    async def ask() -> None:
        bench.engine.enqueue("a")
        await asyncio.sleep(1000)
        bench.engine.enqueue("a", after_seconds=7)

    bench.run(1000, ask)
    assert bench.at == {"a": [0.0, 1007.0]}
    assert [(look.key, look.outcome) for look in bench.looks] == [("a", "Done"), ("a", "Done")]
    assert len(bench.engine) == 0


def test_again_at_is_looked_at_in_time_or_sooner_when_something_changes() -> None:
    bench = Bench(playing(AgainAt(timedelta(seconds=60))))

    async def ask() -> None:
        bench.engine.enqueue("a")
        await asyncio.sleep(130)
        bench.engine.enqueue("a")

    bench.run(69, ask)
    assert bench.at["a"] == [0.0, 60.0, 120.0, 130.0, 190.0]


def test_backoff_grows_to_its_limit_and_starts_anew_after_a_success() -> None:
    failure = TransientFailure("ClusterUnreachable")
    bench = Bench(playing(*[failure] * 14, AgainAt(timedelta(seconds=1)), failure))
    bench.engine.enqueue("a")
    bench.run(1200)
    gaps = bench.gaps("a")
    for number, gap in enumerate(gaps[:14]):
        longest = min(0.25 * 2**number, MOST_BACKOFF)
        assert 0.8 * longest <= gap <= longest + 1e-6
    assert gaps[14] == pytest.approx(1)
    assert gaps[15] < 0.26


@pytest.mark.parametrize(
    "outcome",
    [
        TransientFailure("TooManyRequests", timedelta(seconds=9)),
        Transient("TooManyRequests", "later", retry_after=timedelta(seconds=9)),
    ],
    ids=["returned", "raised"],
)
def test_what_the_other_side_asks_for_is_waited_for(outcome: Outcome | Transient) -> None:
    bench = Bench(playing(outcome, Done()))
    bench.engine.enqueue("a")
    bench.run(100)
    assert bench.at["a"] == [0.0, 9.0]


@pytest.mark.parametrize(
    "outcome",
    [StalledFailure("SpecInvalid"), Stalled("SpecInvalid", "no")],
    ids=["returned", "raised"],
)
def test_a_stalled_key_is_looked_at_rarely(outcome: Outcome | Stalled) -> None:
    bench = Bench(playing(outcome), stalled_seconds=300.0)
    bench.engine.enqueue("a")
    bench.run(650)
    assert bench.at["a"] == [0.0, 300.0, 600.0]


def test_work_done_side_by_side_that_fails_as_expected_is_no_bug() -> None:
    transient = Transient("ClusterUnreachable", "", retry_after=timedelta(seconds=5))
    group = ExceptionGroup("", [Stalled("Denied", ""), ExceptionGroup("", [transient])])
    bench = Bench(playing(group, Done()))
    bench.engine.enqueue("a")
    with capture_logs() as logs:
        bench.run(100)
    assert bench.at["a"] == [0.0, 5.0]
    assert logs == []


@pytest.mark.parametrize(
    "bug",
    [ValueError("oops"), ExceptionGroup("", [Stalled("Denied", ""), KeyError("x")])],
    ids=["plain", "grouped"],
)
def test_a_bug_is_logged_backed_off_and_hurts_nobody_else(bug: Exception) -> None:
    async def play(key: str, look: int) -> Outcome:
        if key == "bad":
            raise bug
        return AgainAt(timedelta(seconds=10))

    bench = Bench(play)
    bench.engine.enqueue("bad")
    bench.engine.enqueue("good")
    with capture_logs() as logs:
        bench.run(95)
    assert len(bench.at["good"]) == 10
    assert 5 <= len(bench.at["bad"]) <= 11
    bugs = [log for log in logs if log["event"] == "reconcile.bug"]
    assert len(bugs) == len(bench.at["bad"])
    assert all(log["key"] == "bad" and log["exc_info"] is bug for log in bugs)


def test_a_cancellation_that_leaks_out_of_a_reconcile_does_not_lose_the_key() -> None:
    bench = Bench(playing(asyncio.CancelledError(), Done()))
    bench.engine.enqueue("a")
    bench.run(10)
    assert len(bench.at["a"]) == 2
    assert bench.looks[-1].outcome == "Done"


def test_no_more_keys_are_worked_on_at_once_than_there_are_workers() -> None:
    running, most = 0, 0

    async def play(key: str, look: int) -> Outcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1
        return Done()

    bench = Bench(play, workers=4, group_limit=4)
    for group in range(10):
        for number in range(3):
            bench.engine.enqueue(f"{group}/{number}")
    bench.run(20)
    assert most == 4
    assert len(bench.at) == 30


def test_slow_groups_do_not_starve_the_others() -> None:
    async def play(key: str, look: int) -> Outcome:
        if key.startswith("slow"):
            await asyncio.sleep(3600)
        return Done()

    bench = Bench(play, workers=8, group_limit=4)
    for group in range(3):
        for number in range(20):
            bench.engine.enqueue(f"slow{group}/{number}")

    async def ask() -> None:
        await asyncio.sleep(10)
        for number in range(20):
            bench.engine.enqueue(f"fast/{number}", priority=Priority.POLL)

    bench.run(10, ask)
    assert all(bench.at[f"fast/{number}"] == [10.0] for number in range(20))


def test_the_engine_is_idle_while_all_workers_are_busy_and_keys_wait() -> None:
    async def play(key: str, look: int) -> Outcome:
        await asyncio.sleep(100)
        return Done()

    bench = Bench(play, workers=1)
    bench.engine.enqueue("a")
    bench.engine.enqueue("b")
    bench.run(300)
    # Virtual time stands still for an engine that asks again and again: it would never end.
    assert bench.at == {"a": [0.0], "b": [100.0]}


def test_a_key_added_while_it_is_worked_on_comes_back_at_once() -> None:
    async def play(key: str, look: int) -> Outcome:
        if look == 1:
            await asyncio.sleep(5)
            return TransientFailure("Slow", timedelta(seconds=500))
        return Done()

    bench = Bench(play)

    async def ask() -> None:
        bench.engine.enqueue("a")
        await asyncio.sleep(2)
        bench.engine.enqueue("a")

    bench.run(100, ask)
    assert bench.at["a"] == [0.0, 5.0]


def test_a_forgotten_key_is_not_looked_at_and_its_failures_are_gone() -> None:
    bench = Bench(playing(TransientFailure("Gone", timedelta(seconds=10))))

    async def ask() -> None:
        bench.engine.enqueue("a")
        await asyncio.sleep(5)
        bench.engine.forget("a")

    bench.run(100, ask)
    assert bench.at["a"] == [0.0]
    assert len(bench.engine) == 0


def test_shutdown_lets_running_ones_end_and_takes_no_more() -> None:
    async def play(key: str, look: int) -> Outcome:
        await asyncio.sleep(6)
        return AgainAt(timedelta(seconds=1))

    bench = Bench(play, workers=2, group_limit=2, shutdown_seconds=8.0)
    for key in ("a/1", "b/1", "c/1"):
        bench.engine.enqueue(key)
    with capture_logs() as logs:
        bench.run(1)
    assert bench.clock.monotonic() == 6
    assert [look.key for look in bench.looks] == ["a/1", "b/1"]
    assert logs == []


def test_shutdown_cuts_those_that_take_too_long() -> None:
    cut: list[str] = []

    async def play(key: str, look: int) -> Outcome:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cut.append(key)
            raise
        return Done()

    bench = Bench(play, shutdown_seconds=8.0)
    bench.engine.enqueue("slow")
    with capture_logs() as logs:
        bench.run(1)
    assert bench.clock.monotonic() == 9
    assert cut == ["slow"]
    assert [(log["event"], log["key"]) for log in logs] == [("shutdown.cut", "slow")]


def test_cancelling_the_engine_cancels_what_runs() -> None:
    cut: list[str] = []

    async def play(key: str, look: int) -> Outcome:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cut.append(key)
            raise
        return Done()

    bench = Bench(play)
    bench.engine.enqueue("a")

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(bench.engine.run())
            await asyncio.sleep(1)
            running.cancel()

    run_virtual(main(), bench.clock)
    assert cut == ["a"]
    assert bench.clock.monotonic() == 1
