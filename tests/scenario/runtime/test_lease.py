"""Two processes and one lease, in virtual time: never two that believe, and soon one that does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import Stalled, Transient
from trimtab.runtime import LeaderElection, LeaseRecord, LeaseSettings
from trimtab.testing.clock import VirtualClock, run_virtual
from trimtab.testing.lease import FakeLease, FakeLeaseStore

DOWN = Transient("ClusterUnreachable", "the hub does not answer")
SETTINGS = LeaseSettings()
TAKEOVER = (SETTINGS.duration + 2 * SETTINGS.renew_every).total_seconds()


class Process:
    """One process: its store, its wrong clock, its election."""

    def __init__(
        self, name: str, lease: FakeLease, clock: VirtualClock, skew: timedelta = timedelta()
    ) -> None:
        self.store = FakeLeaseStore(lease)
        self.election = LeaderElection(self.store, name, clock.seen_from(skew))

    @property
    def leads(self) -> bool:
        return self.election.is_leader


class World:
    """Processes ``a`` and ``b`` and who led at which second."""

    def __init__(self, skew: timedelta = timedelta()) -> None:
        self.clock = VirtualClock()
        self.lease = FakeLease()
        self.a = Process("a", self.lease, self.clock)
        self.b = Process("b", self.lease, self.clock, skew)
        self.led: list[tuple[float, str]] = []

    def run(self, story: Callable[[World, asyncio.Task[None]], Awaitable[None]]) -> None:
        """Run both: ``a`` leads before ``b`` starts. The story is told with the task of ``a``."""

        async def main() -> None:
            async with asyncio.TaskGroup() as tasks:
                watcher = tasks.create_task(self._watch())
                first = tasks.create_task(self.a.election.run())
                await self.a.election.wait_elected()
                second = tasks.create_task(self.b.election.run())
                await story(self, first)
                for task in (first, second, watcher):
                    task.cancel()

        run_virtual(main(), self.clock)

    async def _watch(self) -> None:
        while True:
            leaders = [name for name in "ab" if getattr(self, name).leads]
            assert len(leaders) <= 1, f"two leaders at {self.clock.monotonic()}"
            now = (self.clock.monotonic(), "".join(leaders))
            if not self.led or self.led[-1][1] != now[1]:
                self.led.append(now)
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("hours", [-48, 0, 48])
def test_one_leads_and_keeps_leading_whatever_the_other_clock_says(hours: int) -> None:
    async def story(world: World, first: asyncio.Task[None]) -> None:
        await asyncio.sleep(3600)
        assert world.a.leads

    world = World(timedelta(hours=hours))
    world.run(story)
    assert world.lease.holders == ["a", ""]


@pytest.mark.parametrize("hours", [-48, 0, 48])
def test_the_other_takes_over_when_the_leader_is_cut_off(hours: int) -> None:
    async def story(world: World, first: asyncio.Task[None]) -> None:
        await asyncio.sleep(100)
        world.a.store.error = DOWN
        await asyncio.sleep(SETTINGS.duration.total_seconds() - SETTINGS.margin.total_seconds())
        assert not world.a.leads
        await asyncio.sleep(TAKEOVER)
        assert world.b.leads
        world.a.store.error = None
        await asyncio.sleep(100)
        assert world.b.leads

    world = World(timedelta(hours=hours))
    world.run(story)
    assert world.lease.holders[:2] == ["a", "b"]
    assert world.lease.record.transitions == 1


def test_the_leader_leads_on_through_short_failures() -> None:
    async def story(world: World, first: asyncio.Task[None]) -> None:
        for _ in range(20):
            world.a.store.error = DOWN
            await asyncio.sleep(6)
            world.a.store.error = None
            await asyncio.sleep(6)
            assert world.a.leads

    world = World()
    world.run(story)


def test_a_process_that_stops_hands_over_at_once() -> None:
    async def story(world: World, first: asyncio.Task[None]) -> None:
        await asyncio.sleep(20)
        first.cancel()
        await asyncio.sleep(0)
        assert not world.a.leads
        await asyncio.sleep(SETTINGS.renew_every.total_seconds() + 0.1)
        assert world.b.leads

    World().run(story)


def test_a_renewal_that_was_cut_off_on_its_way_back_is_released_too() -> None:
    async def story(world: World, first: asyncio.Task[None]) -> None:
        await asyncio.sleep(SETTINGS.renew_every.total_seconds() - 0.1)
        version = world.lease.record.version
        world.a.store.way_back = 0.5
        while world.lease.record.version == version:
            await asyncio.sleep(0.05)
        first.cancel()
        await asyncio.sleep(1.5)
        assert world.lease.record.holder == ""

    World().run(story)


def test_release_never_waits_long_for_a_hub_that_is_gone() -> None:
    async def story(world: World, first: asyncio.Task[None]) -> None:
        await asyncio.sleep(20)
        world.a.store.way_there = 3600
        stopped = world.clock.monotonic()
        first.cancel()
        await asyncio.wait([first])
        assert world.clock.monotonic() - stopped <= 2.1

    World().run(story)


def test_a_restarted_process_with_the_same_name_takes_its_lease_back_at_once() -> None:
    clock, lease = VirtualClock(), FakeLease()

    async def main() -> None:
        killed = Process("a", lease, clock)
        await killed.election.step()
        restarted = Process("a", lease, clock)
        await restarted.election.step()
        assert restarted.leads
        assert clock.monotonic() == 0
        assert lease.record.transitions == 0

    run_virtual(main(), clock)


def test_a_leader_that_reads_of_another_one_stops_at_once() -> None:
    clock, lease = VirtualClock(), FakeLease()

    async def main() -> None:
        process = Process("a", lease, clock)
        await process.election.step()
        lease.record = LeaseRecord("b", clock.now(), version="77")
        await process.election.step()
        assert not process.leads
        assert lease.record.holder == "b"

    run_virtual(main(), clock)


def test_an_answer_that_comes_too_late_makes_no_leader() -> None:
    clock, lease = VirtualClock(), FakeLease()

    async def main() -> None:
        process = Process("a", lease, clock)
        process.store.way_back = 7
        await process.election.step()
        assert process.leads
        assert clock.monotonic() == 14
        # Its belief counts from when the write was sent, at 7, not from its answer.
        await asyncio.sleep(5.1)
        assert not process.leads

    run_virtual(main(), clock)


def test_a_store_that_never_answers_is_given_up_and_asked_again() -> None:
    clock, lease = VirtualClock(), FakeLease()

    async def main() -> None:
        process = Process("a", lease, clock)
        process.store.way_there = 1e9
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(process.election.run())
            await asyncio.sleep(1)
            process.store.way_there = 0
            async with asyncio.timeout(30):
                await process.election.wait_elected()
            assert process.leads
            running.cancel()

    run_virtual(main(), clock)


def test_an_election_that_never_led_releases_nothing() -> None:
    clock = VirtualClock()
    lease = FakeLease(LeaseRecord("b", datetime(2020, 1, 1, tzinfo=UTC), version="1"))

    async def main() -> None:
        process = Process("a", lease, clock)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(process.election.run())
            await asyncio.sleep(10)
            running.cancel()
        assert lease.record.holder == "b"

    run_virtual(main(), clock)


def test_waiting_for_election_ends_when_elected_and_not_before() -> None:
    clock, lease = VirtualClock(), FakeLease(LeaseRecord("gone", version="1"))

    async def main() -> None:
        process = Process("a", lease, clock)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(process.election.run())
            await process.election.wait_elected()
            assert SETTINGS.duration.total_seconds() < clock.monotonic() <= TAKEOVER
            assert process.leads
            running.cancel()

    run_virtual(main(), clock)


FAULTS = (None, DOWN, Stalled("Forbidden", "no"))
TROUBLE = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from([0.0, 0.0, 0.5, 4.0, 9.0, 20.0]),
    st.sampled_from([0.0, 0.0, 0.5, 4.0, 9.0, 20.0]),
    st.sampled_from(FAULTS),
    st.sampled_from([1.0, 3.0, 8.0, 13.0, 40.0]),
)


@given(st.lists(TROUBLE, max_size=8), st.integers(-100, 100))
def test_never_two_leaders_and_one_again_when_the_trouble_is_over(
    troubles: list[tuple[str, float, float, Transient | Stalled | None, float]], hours: int
) -> None:
    async def story(world: World, first: asyncio.Task[None]) -> None:
        for name, there, back, error, seconds in troubles:
            store = getattr(world, name).store
            store.way_there, store.way_back, store.error = there, back, error
            await asyncio.sleep(seconds)
        for process in (world.a, world.b):
            process.store.way_there = process.store.way_back = 0.0
            process.store.error = None
        await asyncio.sleep(3 * TAKEOVER)
        assert world.a.leads or world.b.leads

    World(timedelta(hours=hours)).run(story)
