"""Fixtures around one shared fleet: a hub (0), a target (1), and one that may be killed (2).

Use them by ``pytest_plugins = ["fleet_fixtures"]``. The fleet starts with the first test that
asks for it and is shared by all xdist workers of a run: it belongs to the worker that came first,
which at its end waits for the others to let go. Clusters are shared between tests, so that a test
works in namespaces of its own; only ``outage_cluster`` may be killed, by one test at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from kube_rest import KubeRest, connect
from trimtab.adapters.localfleet import (
    FleetPlan,
    FleetProcess,
    LocalCluster,
    RunningFleet,
    build_binary,
)

HUB, TARGET, OUTAGE = 0, 1, 2
SHARED_PLAN = FleetPlan(clusters=3, separate=frozenset({OUTAGE}))


@pytest.fixture(scope="session")
def localfleet_binary() -> Path:
    """The built ``localfleet``; a machine that cannot build it fails the test."""
    return build_binary(progress=_say)


@pytest.fixture(scope="session")
def fleet(
    localfleet_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningFleet]:
    """Three clusters, ready: 0 is the hub, 1 a target, 2 a target for ``outage_cluster``."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        with FleetProcess.start(SHARED_PLAN, binary=localfleet_binary, progress=_say) as process:
            yield process.running
        return
    # All workers of one run have their temporary folders under the same parent.
    place = tmp_path_factory.getbasetemp().parent / "fleet"
    place.mkdir(exist_ok=True)
    with _shared_fleet(place, localfleet_binary) as running:
        yield running


@pytest.fixture(scope="session")
def hub(fleet: RunningFleet) -> LocalCluster:
    """The hub cluster."""
    return fleet.cluster(HUB)


@pytest.fixture(scope="session")
def target(fleet: RunningFleet) -> LocalCluster:
    """A target cluster that is always up."""
    return fleet.cluster(TARGET)


@pytest.fixture
def outage_cluster(fleet: RunningFleet) -> Iterator[LocalCluster]:
    """A target cluster for this test alone: ``fleet.kill(outage_cluster.index)`` is allowed.

    It is started again afterwards if the test left it down.
    """
    with (fleet.folder / "outage.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield fleet.cluster(OUTAGE)
        if fleet.status().clusters[OUTAGE].phase == "down":
            fleet.start_cluster(OUTAGE)


@pytest.fixture
def new_namespace(
    fleet: RunningFleet, request: pytest.FixtureRequest
) -> Iterator[Callable[[int], str]]:
    """Make namespaces that are deleted after the test: ``new_namespace(TARGET)`` returns a name."""
    made: list[tuple[KubeRest, str]] = []

    def make(index: int = HUB) -> str:
        rest = connect(fleet.cluster(index))
        name = f"test-{os.getpid()}-{next(_numbers)}"
        metadata = {"name": name, "annotations": {"test": request.node.nodeid}}
        rest.post("/api/v1/namespaces", {"metadata": metadata})
        made.append((rest, name))
        return name

    yield make
    for rest, name in made:
        with contextlib.suppress(OSError):
            rest.delete(f"/api/v1/namespaces/{name}")


_numbers = itertools.count(1)


@contextlib.contextmanager
def _shared_fleet(place: Path, binary: Path) -> Generator[RunningFleet]:
    """Use the fleet of this test run, starting it if nobody has yet."""
    record, users = place / "record.json", place / "users"
    with users.open("w") as used:
        with _locked(place / "lock"):
            fcntl.flock(used, fcntl.LOCK_SH)
            owned = None
            if not record.exists():
                owned = FleetProcess.start(SHARED_PLAN, binary=binary, progress=_say)
                record.touch(mode=0o600)
                record.write_text(owned.running.to_json())
            running = RunningFleet.from_json(record.read_text())
        try:
            yield running
        finally:
            fcntl.flock(used, fcntl.LOCK_UN)
            if owned is not None:
                _end_when_unused(owned, place)


def _end_when_unused(owned: FleetProcess, place: Path) -> None:
    with _locked(place / "lock"), (place / "users").open("w") as used:
        # Whoever asks from now on waits for the lock, finds no record and starts a fleet anew.
        fcntl.flock(used, fcntl.LOCK_EX)
        (place / "record.json").unlink()
        owned.stop()


@contextlib.contextmanager
def _locked(path: Path) -> Generator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(line: str) -> None:
    print(line, flush=True)
