"""``trimtab demo`` as a user runs it: every step does what it says, and nothing is left running."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.fleet

STEPS = [
    "fleet",
    "install",
    "first-sync",
    "push",
    "self-heal",
    "bad-commit",
    "revert",
    "namespace-wiped",
    "cluster-lost",
    "guard",
    "ledger",
]
CLUSTERS = 3
PROGRAM = Path(sys.executable).with_name("trimtab")
GONE_SECONDS = 30.0


def test_every_step_does_what_it_says() -> None:
    done = subprocess.run(
        [PROGRAM, "demo", "--clusters", str(CLUSTERS), "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    result = json.loads(done.stdout)
    failed = [f"{step['name']}: {step['detail']}" for step in result["steps"] if not step["ok"]]
    assert failed == []
    assert done.returncode == 0
    assert [step["name"] for step in result["steps"]] == STEPS
    assert result["ok"] is True
    assert result["clusters"] == CLUSTERS
    assert result["applications"] == CLUSTERS + 2
    for measure in ("push_to_cluster_s", "push_healthy_s"):
        spread = result[measure]
        assert 0 < spread["first"] <= spread["median"] <= spread["last"]
    assert result["push_to_cluster_s"]["first"] <= result["push_healthy_s"]["first"]
    assert 0 < result["heal_s"]["median"] <= result["heal_s"]["max"]
    # The table is for people: it closes what goes to stderr and has a row for every step.
    rows = done.stderr.rstrip().splitlines()[-len(STEPS) :]
    assert [row.split()[0] for row in rows] == STEPS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_it_is_ended_in_the_middle(number: signal.Signals) -> None:
    mark = f"TRIMTAB_TEST_MARK={uuid.uuid4().hex}"
    name, _, value = mark.partition("=")
    process = subprocess.Popen(
        [PROGRAM, "demo", "--clusters", str(CLUSTERS)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, name: value},
    )
    assert process.stderr is not None
    with process, process.stderr:
        begun = any("install:" in line for line in process.stderr)
        assert begun, "the demo ended before the install step"
        assert len(list(_marked(mark))) > 1
        process.send_signal(number)
        process.stderr.read()
    if number is signal.SIGINT:
        assert process.returncode == 130
    assert _wait_until_gone(mark) == []


def _wait_until_gone(mark: str) -> list[str]:
    """Wait for every marked process to end; return the command lines of those that do not."""
    deadline = time.monotonic() + GONE_SECONDS
    while (pid := next(_marked(mark), None)) is not None and time.monotonic() < deadline:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                select.select([descriptor], [], [], deadline - time.monotonic())
            finally:
                os.close(descriptor)
    return [Path(f"/proc/{pid}/cmdline").read_text() for pid in _marked(mark)]


def _marked(mark: str) -> Iterator[int]:
    """Return the processes that inherited the mark, this one's descendants or not."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                if mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    yield int(folder.name)
