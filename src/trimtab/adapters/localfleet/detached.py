"""Fleets that live on after the command that started them, found again by name.

Each has a private folder ``$XDG_STATE_HOME/trimtab/fleet/<name>`` with a record of how to reach its
supervisor. Whether it is alive is asked of the supervisor itself: a process id could be reused.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import shutil
import signal
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.adapters.localfleet.plan import FleetPlan
from trimtab.adapters.localfleet.process import FleetProcess
from trimtab.adapters.localfleet.running import FleetError, RunningFleet

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DOWN_SECONDS = 30.0


class FleetUpError(FleetError):
    """A detached fleet of that name is up already."""


@dataclass(frozen=True, slots=True)
class DetachedFleets:
    """The detached fleets of a user, under one folder."""

    root: Path

    @classmethod
    def of_user(cls) -> DetachedFleets:
        """Return those under ``$XDG_STATE_HOME``, by default ``~/.local/state``."""
        base = os.environ.get("XDG_STATE_HOME")
        state = Path(base) if base else Path.home() / ".local" / "state"
        return cls(state.absolute() / "trimtab" / "fleet")

    def up(
        self, name: str, plan: FleetPlan, *, binary: Path, progress: Callable[[str], None]
    ) -> RunningFleet:
        """Start a fleet that stays up, and return when it is ready.

        Raises:
            FleetUpError: One of this name is up.
            FleetError: It does not become ready.
            ValueError: The name is not a DNS label.
        """
        with self._locked(name) as folder:
            if self._alive(folder) is not None:
                raise FleetUpError(f"fleet {name!r} is up already")
            run_folder = folder / "run"
            shutil.rmtree(run_folder, ignore_errors=True)
            process = FleetProcess.start(
                replace(plan, folder=run_folder, ephemeral=False),
                binary=binary,
                progress=progress,
                detach=True,
            )
            record = folder / "record.json"
            record.touch(mode=0o600)
            record.write_text(process.running.to_json())
            process.release()
            return process.running

    def find(self, name: str) -> RunningFleet | None:
        """Return the fleet of this name if its supervisor answers, else None."""
        return self._alive(self._folder(name))

    def down(self, name: str) -> bool:
        """End a fleet and remove its folder.

        Returns:
            Whether one was up.

        Raises:
            FleetError: Its processes could not be ended.
        """
        if not self._folder(name).exists():
            return False
        with self._locked(name) as folder:
            fleet = self._alive(folder)
            if fleet is not None:
                _end(fleet)
            shutil.rmtree(folder)
            return fleet is not None

    def _folder(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a fleet's name: use a-z, 0-9 and '-', at most 63")
        return self.root / name

    @contextlib.contextmanager
    def _locked(self, name: str) -> Generator[Path]:
        folder = self._folder(name)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        with (self.root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            folder.mkdir(exist_ok=True)
            yield folder

    @staticmethod
    def _alive(folder: Path) -> RunningFleet | None:
        try:
            fleet = RunningFleet.from_json((folder / "record.json").read_text())
            fleet.status()
        except (FileNotFoundError, FleetError):
            return None
        return fleet


def _end(fleet: RunningFleet) -> None:
    """Stop a supervisor that is not our child and wait until the kernel says that it is gone."""
    descriptor = os.pidfd_open(fleet.status().pid)
    try:
        fleet.request_stop()
        if select.select([descriptor], [], [], _DOWN_SECONDS)[0]:
            return
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        if not select.select([descriptor], [], [], _DOWN_SECONDS)[0]:
            raise FleetError(f"the supervisor of {fleet.folder} does not end")
    finally:
        os.close(descriptor)
