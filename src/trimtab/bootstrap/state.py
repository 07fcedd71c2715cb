"""The state folder: used by one process at a time, which the hub knows by a name kept in it.

The name outlives the process, so one that was killed takes its own lease back at once; the lock
makes sure that no two processes ever go by the same name.
"""

import fcntl
import secrets
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from trimtab.core.errors import Stalled


class StateUnusable(Stalled):
    """The state folder cannot be made or written."""


class StateInUse(Stalled):
    """Another process works with the state folder."""


def prepare(folder: Path) -> None:
    """Make the folder, for this user alone.

    Raises:
        StateUnusable: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "lock").touch()
    except OSError as error:
        message = f"state folder {folder}: {error.strerror}; name another with --state-dir"
        raise StateUnusable("StateUnusable", message) from error


@contextmanager
def sole_use_of(folder: Path) -> Generator[None]:
    """Hold the folder for this process.

    Raises:
        StateInUse: Another process holds it.
    """
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StateInUse(
                "StateInUse",
                f"{folder} is used by another trimtab serve: stop it, or name another --state-dir",
            ) from error
        yield


def own_identity(folder: Path) -> str:
    """Return the name by which the hub's Lease knows the process that uses this folder."""
    file = folder / "identity"
    if not file.exists():
        file.write_text(f"{socket.gethostname()}_{secrets.token_hex(8)}\n")
    return file.read_text().strip()
