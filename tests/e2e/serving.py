"""``trimtab serve`` as a process of its own that ends with the test run, whatever ends that."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from trimtab_build import leash

TRIMTAB = str(Path(sys.executable).with_name("trimtab"))
_READY_SECONDS = 90
_STOP_SECONDS = 20
_LOG_LINES = 25


def environment() -> dict[str, str]:
    """Everything is on loopback, whatever proxies the user has."""
    return {**os.environ, "NO_PROXY": "*", "no_proxy": "*", "NO_COLOR": "1"}


class Serve:
    """One ``trimtab serve`` that can be stopped, killed and started again.

    Args:
        options: Global options of ``trimtab``.
        log: Its stderr; later runs append.
    """

    def __init__(self, options: Sequence[str], log: Path, *, extra: Sequence[str] = ()) -> None:
        self._command = [
            TRIMTAB,
            *options,
            "serve",
            *("--listen", "127.0.0.1:0", "--poll-seconds", "1"),
            *extra,
        ]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> None:
        """Start it and wait until it has read the hub."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, leash.__file__, *self._command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(),
            )
        self.url = str(json.loads(self._first_line())["url"])

    @property
    def pid(self) -> int:
        """Of ``trimtab serve`` itself; the leash that holds it is its parent."""
        assert self._process is not None
        parent = self._process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return int(children[0])

    def kill(self) -> None:
        """End it by SIGKILL, at once."""
        os.kill(self.pid, signal.SIGKILL)
        self._gone()

    def stop(self) -> None:
        """End it as a service manager does."""
        if self._process is not None and self._process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
            self._gone()

    def wait(self) -> int:
        """Wait until it has ended by itself, and return its exit code."""
        return self._gone()

    def restart(self) -> None:
        """Stop and start it."""
        self.stop()
        self.start()

    def last_log(self) -> str:
        """Return the end of the log, for the message of a test that failed."""
        lines = self._log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        return "\n".join(line[:600] for line in lines)

    def _gone(self) -> int:
        process, self._process = self._process, None
        assert process is not None
        try:
            process.wait(_STOP_SECONDS)
        finally:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.stdout.close()
            code = process.wait(_STOP_SECONDS)
        return code

    def _first_line(self) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        deadline = time.monotonic() + _READY_SECONDS
        line = b""
        while not line.endswith(b"\n"):
            left = max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([self._process.stdout], [], [], left)
            data = os.read(self._process.stdout.fileno(), 4096) if ready else b""
            assert data, f"trimtab serve was not ready: {self.last_log()}"
            line += data
        return line
