"""Set-up from nothing to an environment, for root and for another user, without any registry."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "small"
version = "1"
"""
# A wheel that holds one module; what hatchling makes of the real project, in one file.
BACKEND = """
import zipfile
from pathlib import Path


def build_editable(folder, settings=None, metadata=None):
    name = "small-1-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder) / name, "w") as wheel:
        wheel.writestr("small.py", "WHERE = 'here'")
        said = "Metadata-Version: 2.1\\nName: small\\nVersion: 1"
        wheel.writestr("small-1.dist-info/METADATA", said)
        wheel.writestr("small-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any")
        wheel.writestr("small-1.dist-info/RECORD", "")
    return name
"""


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A checkout with set-up's own files and a project that needs nothing."""
    # Not below pytest's folders: only their owner may enter those.
    with tempfile.TemporaryDirectory(prefix="trimtab-setup-") as folder:
        made = Path(folder) / "checkout"
        shutil.copytree(
            ROOT / "tools", made / "tools", ignore=shutil.ignore_patterns("__pycache__")
        )
        (made / "requirements").mkdir()
        (made / "requirements" / "dev.txt").write_text("")
        (made / "pyproject.toml").write_text(PROJECT)
        (made / "backend.py").write_text(BACKEND)
        Path(folder).chmod(0o755)
        yield made


def set_up(checkout: Path, user: int | None) -> subprocess.CompletedProcess[str]:
    """Run the set-up, as another user where that is asked for."""
    env = {
        "PATH": os.environ["PATH"],
        "PYTHON": _python(user),
        "HOME": str(checkout),
        "PIP_NO_INDEX": "1",
    }
    return subprocess.run(
        [checkout / "tools" / "setup.sh"],
        env=env,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        capture_output=True,
        text=True,
        check=False,
    )


def _python(user: int | None) -> str:
    """Return an interpreter that the user may run: not all may enter the home of root."""
    if user is None:
        return sys.executable
    names = [f"python3.{minor}" for minor in (13, 12, 11)]
    for candidate in [sys.executable, *filter(None, map(shutil.which, names)), "/usr/bin/python3"]:
        command = [candidate, "-c", "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"]
        try:
            done = subprocess.run(
                command, user=user, group=user, extra_groups=[], capture_output=True, check=False
            )
        except PermissionError:
            continue
        if done.returncode == 0:
            return candidate
    return sys.executable


@pytest.mark.parametrize("who", ["this user", "another user"])
def test_set_up_makes_an_environment_by_venv_and_pip(checkout: Path, who: str) -> None:
    # Only root can become somebody else; for anybody else the other user is this one.
    user = NOBODY if who == "another user" and os.geteuid() == 0 else None
    if user is not None:
        for path in (checkout, *checkout.rglob("*")):
            os.chown(path, user, user)
    first = set_up(checkout, user)
    assert first.returncode == 0, first.stderr
    assert first.stdout == ""
    assert "creating .venv" in first.stderr
    python = checkout / ".venv" / "bin" / "python"
    asked = subprocess.run(
        [python, "-c", "import small; print(small.WHERE)"],
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.stdout == "here\n", asked.stderr
    second = set_up(checkout, user)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
