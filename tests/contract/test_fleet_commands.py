"""``trimtab fleet``: a fleet that stays up after the command, is found by name, and goes away."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from trimtab.bootstrap.fleet import DetachedFleets

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(300)]

_MAIN = "import sys; from trimtab.cli import main; sys.exit(main())"


@dataclass(frozen=True)
class Shell:
    """Runs ``trimtab`` with a home of its own."""

    state: Path

    def __call__(self, *args: str) -> subprocess.CompletedProcess[str]:
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "XDG_STATE_HOME": str(self.state),
        }
        command = [sys.executable, "-c", _MAIN, "fleet", *args]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    def fleets(self) -> DetachedFleets:
        return DetachedFleets(self.state / "trimtab" / "fleet")


@pytest.fixture
def shell(tmp_path: Path, localfleet_binary: Path) -> Iterator[Shell]:
    assert localfleet_binary.exists()
    shell = Shell(tmp_path)
    yield shell
    shell.fleets().down("default")


def test_a_fleet_lives_from_up_to_down(shell: Shell) -> None:
    up = shell("up", "-n", "2")
    assert up.returncode == 0, up.stderr
    assert up.stdout.strip() == shell("kubeconfig").stdout.strip()
    assert Path(shell("kubeconfig", "1").stdout.strip()).is_file()

    again = shell("up", "-n", "2")
    assert (again.returncode, "is up already" in again.stderr) == (7, True)

    assert _phases(shell) == (0, ["ready", "ready"])
    assert shell("kill", "1").returncode == 0
    assert _phases(shell) == (1, ["ready", "down"])
    assert shell("start", "1").returncode == 0
    assert _phases(shell) == (0, ["ready", "ready"])

    shared, missing = shell("kill", "0"), shell("kill", "5")
    assert (shared.returncode, "shares its API server" in shared.stderr) == (7, True)
    assert (missing.returncode, "no cluster" in missing.stderr) == (5, True)

    running = shell.fleets().find("default")
    assert running is not None
    status = running.status()
    watched = [os.pidfd_open(pid) for pid in (status.pid, *status.processes.values())]
    assert shell("down").returncode == 0
    ended, _, _ = select.select(watched, [], [], 0)
    assert len(ended) == len(watched)
    for descriptor in watched:
        os.close(descriptor)
    assert shell("status").returncode == 5
    assert list(shell.state.rglob("*.crt")) == []


def _phases(shell: Shell) -> tuple[int, list[str]]:
    shown = shell("status", "-o", "json")
    return shown.returncode, [each["phase"] for each in json.loads(shown.stdout)["items"]]


@pytest.mark.parametrize("how", ["killed", "interrupted", "interrupted on its terminal"])
def test_an_interrupted_up_leaves_nothing(shell: Shell, how: str) -> None:
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "XDG_STATE_HOME": str(shell.state),
    }
    command = [sys.executable, "-c", _MAIN, "fleet", "up", "-n", "2"]
    with subprocess.Popen(
        command, env=env, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        assert process.stderr is not None
        assert "starting etcd" in process.stderr.readline()
        supervisor = os.pidfd_open(_only_child(process.pid))
        match how:
            case "killed":
                process.kill()
            case "interrupted":
                process.send_signal(signal.SIGINT)
            case _:
                # A terminal tells everybody of the foreground group.
                os.killpg(process.pid, signal.SIGINT)
        assert select.select([supervisor], [], [], 15)[0]
        os.close(supervisor)
        process.stderr.read()
    assert process.returncode == (-signal.SIGKILL if how == "killed" else 130)
    assert shell("status").returncode == 5


def _only_child(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert len(children) == 1
    return int(children[0])


@pytest.mark.parametrize("command", ["status", "kubeconfig", "kill 1", "start 1"])
def test_without_a_fleet_the_answer_is_not_found(shell: Shell, command: str) -> None:
    answer = shell(*command.split())
    assert (answer.returncode, "a fleet named 'default', found none" in answer.stderr) == (5, True)


def test_down_without_a_fleet_is_fine(shell: Shell) -> None:
    assert shell("down").returncode == 0


def test_a_name_that_leaves_the_state_folder_is_refused(shell: Shell) -> None:
    assert shell("up", "--name", "../elsewhere").returncode == 2
