"""Twenty control planes on one machine: all become ready, and nobody outside can reach them."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from kube_rest import connect
from trimtab.adapters.localfleet import FleetPlan, FleetProcess, RunningFleet

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(300)]
CLUSTERS = 20
_LISTEN = "0A"


@pytest.fixture(scope="module")
def twenty(localfleet_binary: Path) -> Iterator[RunningFleet]:
    """A hub-sized fleet: nineteen share processes, one may be killed alone."""
    plan = FleetPlan(clusters=CLUSTERS, separate=frozenset({CLUSTERS - 1}))
    with FleetProcess.start(plan, binary=localfleet_binary, progress=print) as process:
        yield process.running


def test_twenty_control_planes_start_and_become_ready(twenty: RunningFleet) -> None:
    assert [each.phase for each in twenty.status().clusters] == ["ready"] * CLUSTERS
    uids: set[str] = set()
    for index in range(CLUSTERS):
        rest = connect(twenty.cluster(index))
        assert rest.get("/version")["gitVersion"].startswith("v1.")
        uids.add(rest.get("/api/v1/namespaces/kube-system")["metadata"]["uid"])
    assert len(uids) == CLUSTERS


def test_everything_binds_to_loopback(twenty: RunningFleet) -> None:
    status = twenty.status()
    pids = [status.pid, *status.processes.values()]
    listening = {port for pid in pids for port in _listening(pid)}
    assert len(listening) >= CLUSTERS
    assert [address for address in listening if not address[0].is_loopback] == []


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _listening(pid: int) -> Iterator[tuple[Address, int]]:
    """Yield address and port of each listening socket of a process."""
    inodes = set(_socket_inodes(pid))
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN and fields[9] in inodes:
                host, port = fields[1].split(":")
                yield _address(host), int(port, 16)


def _socket_inodes(pid: int) -> Iterable[str]:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            target = str(link.readlink())
            if target.startswith("socket:["):
                yield target[len("socket:[") : -1]


def _address(text: str) -> Address:
    """Read an address as the kernel prints it: words of four bytes in the machine's order."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    packed = b"".join(word.to_bytes(4, "little") for word in words)
    found = ipaddress.ip_address(packed)
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found
