"""Starts and ends a fleet's supervisor process.

Its stdin is a pipe that only this process holds: when the pipe closes, by ``stop`` or because this
process is gone for whatever reason, the supervisor kills everything it started and ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from trimtab.adapters.localfleet.plan import FleetPlan, PreparedRun, prepare_run
from trimtab.adapters.localfleet.running import FleetError, RunningFleet

Progress = Callable[[str], None]

_START_SECONDS = 300.0
_STOP_SECONDS = 30.0


class FleetProcess:
    """The supervisor of one fleet, as its parent sees it. Blocking; ``Fleet`` is the async face."""

    def __init__(self, process: subprocess.Popen[bytes], run: PreparedRun) -> None:
        """Take over a supervisor that has been started; use ``launch`` or ``start``."""
        self._process = process
        self._run = run
        self._running: RunningFleet | None = None

    @classmethod
    def start(
        cls, plan: FleetPlan, *, binary: Path, progress: Progress, detach: bool = False
    ) -> FleetProcess:
        """Start a fleet and return when it is ready.

        Raises:
            FleetError: It does not become ready; nothing is left running.
        """
        fleet = cls.launch(plan, binary=binary, detach=detach)
        try:
            fleet.wait_ready(progress)
        except BaseException:
            fleet.stop()
            raise
        return fleet

    @classmethod
    def launch(cls, plan: FleetPlan, *, binary: Path, detach: bool = False) -> FleetProcess:
        """Start the supervisor and return at once.

        Args:
            plan: What to start.
            binary: The ``localfleet`` executable.
            detach: Let the fleet live on after this process, once it is ready.
        """
        run = prepare_run(plan)
        command = [str(binary), "up", str(run.config), *(["--detach"] if detach else [])]
        with (run.folder / "logs" / "supervisor.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # Ctrl-C goes to a whole terminal's group; the fleet ends when we say so.
                start_new_session=True,
            )
        return cls(process, run)

    @property
    def running(self) -> RunningFleet:
        """The fleet's clusters; only after ``wait_ready``."""
        if self._running is None:
            raise FleetError("the fleet is not ready yet")
        return self._running

    @property
    def pid(self) -> int:
        """Process id of the supervisor."""
        return self._process.pid

    def wait_ready(self, progress: Progress, *, timeout: float = _START_SECONDS) -> None:
        """Return when every cluster is ready.

        Args:
            progress: Called with one line of text at each step.
            timeout: Seconds after which the start counts as failed.

        Raises:
            FleetError: The supervisor gave up, or the time is over.
        """
        for line in self._lines(time.monotonic() + timeout):
            event = json.loads(line)
            match event["event"]:
                case "progress":
                    progress(event["text"])
                case "ready":
                    self._running = RunningFleet(
                        folder=self._run.folder,
                        control=event["control"],
                        control_token=self._run.control_token,
                        servers=tuple(event["servers"]),
                    )
                    return
                case _:
                    raise FleetError(f"the fleet did not start: {event.get('text')}")
        raise FleetError(f"the fleet's supervisor ended with {self._process.wait()} before ready")

    def _lines(self, deadline: float) -> Iterator[bytes]:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        pending = b""
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not select.select([descriptor], [], [], remaining)[0]:
                raise FleetError(f"the fleet is not ready in time; its logs: {self._run.folder}")
            chunk = os.read(descriptor, 65536)
            if not chunk:
                return
            *complete, pending = (pending + chunk).split(b"\n")
            yield from complete

    def stop(self) -> None:
        """End every process of the fleet and return when they are gone. Safe to call twice."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.terminate()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # Its children die with it by their parent-death signal.
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def release(self) -> None:
        """Let go of a fleet that was started detached and is ready."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        # The supervisor is not ours to wait for any more; silences Popen's warning about that.
        self._process.returncode = 0

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the fleet."""
        self.stop()
