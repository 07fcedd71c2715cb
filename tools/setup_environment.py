"""Prepares ``.venv``: the locked packages and an editable Trimtab, once per content of the lock.

Run by ``tools/setup.sh`` with any Python from 3.11 to 3.13, before anything is installed, so it
uses nothing but the standard library. A second run only compares a stamp. Two runs at once are
safe: the second waits for the first under a lock on the checkout's folder.
"""

# ruff: noqa: T201 - it talks to the person who runs it

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "trimtab-setup"
LOCK_FILE = ROOT / "requirements" / "dev.txt"
INPUTS = (LOCK_FILE, ROOT / "pyproject.toml", ROOT / "hatch_build.py", Path(__file__))


class SetupError(Exception):
    """Set-up cannot go on; the message says what is missing and how to get it."""


def main() -> int:
    """Prepare the environment and return the exit code."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        _require_git()
        _lock(folder)
        if _is_current():
            return 0
        if not _works(VENV / "bin" / "python"):
            _create()
        _install()
        STAMP.write_text(_wanted_stamp(), encoding="utf-8")
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        os.close(folder)
    return 0


def _lock(folder: int) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _say("waiting for another set-up of this checkout")
        fcntl.flock(folder, fcntl.LOCK_EX)


def _is_current() -> bool:
    try:
        return (
            STAMP.read_text(encoding="utf-8") == _wanted_stamp() and (VENV / "bin/python").exists()
        )
    except OSError:
        return False


def _wanted_stamp() -> str:
    # The place counts: scripts of a virtual environment do not survive a move of the checkout.
    digest = hashlib.sha256(str(ROOT).encode())
    for path in INPUTS:
        if path.exists():
            digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest() + "\n"


def _require_git() -> None:
    if shutil.which("git") is None:
        raise SetupError("Trimtab needs git: install it with your system's package manager.")


def _works(python: Path) -> bool:
    check = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))"
    try:
        done = subprocess.run([python, "-c", check], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def _create() -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    _say(f"creating .venv with Python {version}")
    shutil.rmtree(VENV, ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "venv", VENV], capture_output=True, text=True, check=False
    )
    if done.returncode != 0 or not _works(VENV / "bin" / "python"):
        major, minor = sys.version_info[:2]
        raise SetupError(
            f"{sys.executable} cannot create a virtual environment: install its venv and ensurepip "
            f"modules (on Debian and Ubuntu: the package python{major}.{minor}-venv).\n"
            f"{done.stdout}{done.stderr}".rstrip()
        )


def _install() -> None:
    _say("installing the locked packages; the first time takes a minute")
    _pip("install", "--require-hashes", "-r", str(LOCK_FILE))
    _pip("install", "--no-deps", "--no-build-isolation", "-e", str(ROOT))


def _pip(*arguments: str) -> None:
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    command = [str(VENV / "bin" / "python"), "-m", "pip", *arguments, *quiet]
    # An editable install carries no Go binary, so that set-up works before Go is there.
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        raise SetupError(f"`{' '.join(command)}` failed: its output above says why.")


def _say(line: str) -> None:
    print(f"set-up: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
