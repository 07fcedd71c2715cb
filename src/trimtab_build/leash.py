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
    ended: list[int] = []
    running: list[subprocess.Popen[bytes]] = []

    def end(number: int, _frame: object) -> None:
        # Never raises: an exception while the command is being started would lose it.
        ended.append(number)
        for process in running:
            _kill_group(process)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    running.append(process)
    threading.Thread(target=_kill_when_stdin_closes, args=(process,), daemon=True).start()
    if ended:
        _kill_group(process)
    code = process.wait()
    return 128 + ended[0] if ended else code


def _kill_when_stdin_closes(process: subprocess.Popen[bytes]) -> None:
    while os.read(0, 4096):
        pass
    _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
