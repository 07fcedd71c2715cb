"""What a lease promises, in memory and as a Lease object of a real API server.

Two processes share one lease, in real time. Whoever believes in it asks ``is_leader`` before every
write, so what counts is that one stops believing before another one may begin.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from contract.cluster_cases import until
from fleet_fixtures import HUB
from trimtab.adapters.kubernetes import KubernetesCluster, load_kubeconfig
from trimtab.adapters.localfleet import LocalCluster, RunningFleet
from trimtab.core.errors import Transient
from trimtab.core.manifest import ObjectKey
from trimtab.runtime import (
    LeaderElection,
    LeaseLost,
    LeaseRecord,
    LeaseSettings,
    LeaseStore,
    SystemClock,
)
from trimtab.services.lease import KubernetesLease
from trimtab.testing.lease import FakeLease, FakeLeaseStore

QUICK = LeaseSettings(timedelta(seconds=2), timedelta(seconds=0.3), timedelta(seconds=0.6))
TAKEOVER = (QUICK.duration + 2 * QUICK.renew_every).total_seconds() + 1.5
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


class Line:
    """A process's way to the lease, which a test may cut."""

    def __init__(self, store: LeaseStore) -> None:
        self._store = store
        self.is_cut = False

    async def read(self) -> LeaseRecord:
        self._check()
        return await self._store.read()

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        self._check()
        return await self._store.write(record)

    def _check(self) -> None:
        if self.is_cut:
            raise Transient("ClusterUnreachable", "the line is cut")


class WrongClock(SystemClock):
    """A clock of a machine whose wall time is wrong."""

    def __init__(self, skew: timedelta) -> None:
        self._skew = skew

    def now(self) -> datetime:
        return super().now() + self._skew


@dataclass
class Process:
    """One contender."""

    line: Line
    election: LeaderElection
    task: asyncio.Task[None] | None = None

    @property
    def leads(self) -> bool:
        return self.election.is_leader

    def stop(self) -> None:
        assert self.task is not None
        self.task.cancel()


@dataclass
class Contest:
    """Processes that want one lease, and who led when; two at once are a failure."""

    open_store: Callable[[], LeaseStore]
    tasks: asyncio.TaskGroup
    processes: dict[str, Process] = field(default_factory=dict[str, Process])
    led: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def enter(self, name: str, skew: timedelta = timedelta()) -> Process:
        """Let a process want the lease from now on."""
        line = Line(self.open_store())
        process = Process(line, LeaderElection(line, name, WrongClock(skew), QUICK))
        process.task = self.tasks.create_task(process.election.run())
        self.processes[name] = process
        return process

    async def look(self) -> None:
        """Record every change of leadership."""
        while True:
            leaders = "+".join(name for name, each in self.processes.items() if each.leads)
            assert "+" not in leaders, f"two leaders: {self.led}"
            if not self.led or self.led[-1][1] != leaders:
                self.led.append((time.monotonic(), leaders))
            await asyncio.sleep(0.002)


@pytest.fixture(params=["memory", pytest.param("server", marks=pytest.mark.fleet)])
async def open_store(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[], LeaseStore]]:
    """Return what opens one more way to the same lease, which does not exist yet."""
    if request.param == "memory":
        lease = FakeLease()
        yield lambda: FakeLeaseStore(lease)
    else:
        hub: LocalCluster = request.getfixturevalue("hub")
        namespace: str = request.getfixturevalue("new_namespace")(HUB)
        async with KubernetesCluster(load_kubeconfig(hub.kubeconfig_path)) as cluster:
            yield lambda: KubernetesLease(cluster, namespace, "it")


@asynccontextmanager
async def contest(open_store: Callable[[], LeaseStore]) -> AsyncIterator[Contest]:
    async with asyncio.TaskGroup() as tasks:
        made = Contest(open_store, tasks)
        looking = tasks.create_task(made.look())
        yield made
        for process in made.processes.values():
            process.stop()
        looking.cancel()


async def test_a_lease_is_read_as_it_was_written(open_store: Callable[[], LeaseStore]) -> None:
    store = open_store()
    assert await store.read() == LeaseRecord()
    claim = LeaseRecord("a", NOW, timedelta(seconds=7), transitions=3)
    written = await store.write(claim)
    assert written.version
    assert replace(written, version="") == claim
    assert await open_store().read() == written


async def test_only_one_of_two_writes_of_one_version_is_stored(
    open_store: Callable[[], LeaseStore],
) -> None:
    one, other = open_store(), open_store()
    claim = LeaseRecord("a", NOW)
    first = await one.write(claim)
    with pytest.raises(LeaseLost):
        await other.write(replace(claim, holder="b"))
    second = await other.write(replace(first, holder="b"))
    with pytest.raises(LeaseLost):
        await one.write(replace(first, holder="a"))
    assert await one.read() == second


async def test_a_released_lease_has_no_holder(open_store: Callable[[], LeaseStore]) -> None:
    store = open_store()
    held = await store.write(LeaseRecord("a", NOW))
    await store.write(replace(held, holder="", renewed_at=None))
    assert (await store.read()).holder == ""


async def test_of_two_contenders_one_leads_and_hands_over_when_it_stops(
    open_store: Callable[[], LeaseStore],
) -> None:
    async with contest(open_store) as made:
        made.enter("a")
        made.enter("b")
        await until(lambda: made.led and made.led[-1][1])
        first, second = sorted("ab", key=lambda name: not made.processes[name].leads)
        # Renewals go on for longer than the lease lasts.
        version = (await made.open_store().read()).version
        await _lasts(lambda: made.processes[first].leads, QUICK.duration.total_seconds() * 1.5)
        assert (await made.open_store().read()).version != version
        stopped = time.monotonic()
        made.processes[first].stop()
        await until(lambda: made.led[-1][1] == second)
        # Released, not run out.
        assert time.monotonic() - stopped < QUICK.duration.total_seconds()
        assert [name for _, name in made.led if name] == [first, second]


@pytest.mark.parametrize("hours", [-48, 48], ids=lambda hours: f"clock-off-by-{hours}h")
async def test_a_leader_that_is_cut_off_stops_before_another_begins(
    open_store: Callable[[], LeaseStore], hours: int
) -> None:
    async with contest(open_store) as made:
        first = made.enter("a")
        await until(lambda: first.leads)
        second = made.enter("b", timedelta(hours=hours))
        await _lasts(lambda: first.leads and not second.leads, 1.0)
        first.line.is_cut = True
        cut = time.monotonic()
        await until(lambda: made.led[-1][1] == "b", seconds=TAKEOVER)
        stopped, began = made.led[-2], made.led[-1]
        assert (stopped[1], began[1]) == ("", "b")
        assert began[0] - stopped[0] > QUICK.margin.total_seconds() / 2
        assert began[0] - cut > QUICK.duration.total_seconds() - QUICK.renew_every.total_seconds()
        first.line.is_cut = False
        await _lasts(lambda: second.leads and not first.leads, 1.0)
        assert (await made.open_store().read()).transitions == 1


async def test_a_leader_that_is_cut_off_for_a_moment_leads_on(
    open_store: Callable[[], LeaseStore],
) -> None:
    async with contest(open_store) as made:
        first = made.enter("a")
        await until(lambda: first.leads)
        made.enter("b")
        for _ in range(3):
            first.line.is_cut = True
            await _lasts(lambda: first.leads, 0.7)
            first.line.is_cut = False
            await _lasts(lambda: first.leads, 0.7)


@pytest.mark.fleet
async def test_a_lost_server_ends_the_belief_and_its_return_brings_it_back(
    fleet: RunningFleet, outage_cluster: LocalCluster
) -> None:
    settings = load_kubeconfig(outage_cluster.kubeconfig_path)
    name = f"lease-{time.monotonic_ns()}"
    async with (
        KubernetesCluster(settings) as one,
        KubernetesCluster(settings) as two,
    ):
        ways = iter((one, two))
        async with contest(lambda: KubernetesLease(next(ways), "default", name)) as made:
            first = made.enter("a")
            await until(lambda: first.leads)
            second = made.enter("b")
            await asyncio.to_thread(fleet.kill, outage_cluster.index)
            await until(lambda: not first.leads, seconds=QUICK.duration.total_seconds() + 1)
            assert not second.leads
            await asyncio.to_thread(fleet.start_cluster, outage_cluster.index)
            await until(lambda: first.leads or second.leads, seconds=60)
        found = await two.get(ObjectKey("coordination.k8s.io", "Lease", "default", name))
        assert found is not None
        await two.delete(found.key, uid=found.meta.uid)


async def _lasts(condition: Callable[[], bool], seconds: float) -> None:
    """See that something stays true for a while."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                assert condition()
                await asyncio.sleep(0.01)
