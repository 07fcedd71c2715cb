"""Runs a command that dies with its parent, SIGKILL of the parent included.

Run as a script (``python leash.py COMMAND ...``) with stdin as a pipe whose other end only the
parent holds: when the pipe closes, the command's whole process group is killed. A parent-death
signal was rejected: it fires when the *thread* that started the process ends, and does not reach
grandchildren.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def main(command: list[str]) -> int:
    """Run ``command`` in a process group of its own and return its exit code.

    An interrupt or a termination of this process kills the group as well.
    """
    signal.signal(signal.SIGTERM, _exit_on_signal)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    threading.Thread(target=_kill_when_stdin_closes, args=(process,), daemon=True).start()
    try:
        return process.wait()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        _kill_group(process)


def _exit_on_signal(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def _kill_when_stdin_closes(process: subprocess.Popen[bytes]) -> None:
    while os.read(0, 4096):
        pass
    _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
