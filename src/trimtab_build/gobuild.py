"""Builds one Go module into a binary in the user's cache, keyed by the hash of its sources.

Every clone and every process shares the cache. A build happens under a lock file and is renamed
into place, so that a reader sees a whole binary or none, and nothing is built twice at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from trimtab_build.toolchain import environment, find_go

Progress = Callable[[str], None]

_PROGRESS_SECONDS = 5.0
_ERROR_LINES = 30
_LEASH = Path(__file__).with_name("leash.py")


class BuildError(RuntimeError):
    """The Go compiler refused the module; the message carries the end of its output."""


def build(
    module_dir: Path,
    name: str,
    *,
    ldflags: str,
    progress: Progress,
    cache_dir: Path | None = None,
) -> Path:
    """Return the binary of a Go module, building it if the cache does not hold it yet.

    Args:
        module_dir: Folder with ``go.mod`` and the ``main`` package.
        name: File name of the binary, and the first part of its folder in the cache.
        ldflags: Value of ``go build -ldflags``; part of the key.
        progress: Called with one line of text, now and then, while a build is waited for.
        cache_dir: Root of the cache; by default ``cache_root()``.

    Returns:
        ``<cache_dir>/<name>-<hash>/<name>``, executable, the same path for the same sources.

    Raises:
        GoMissingError: A build is needed and there is no Go toolchain.
        BuildError: The module does not compile.
    """
    folder = (cache_dir or cache_root()) / f"{name}-{source_hash(module_dir, ldflags=ldflags)}"
    binary = folder / name
    if binary.exists():
        return binary
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "lock", name=name, progress=progress):
        if not binary.exists():
            _compile(module_dir, binary, ldflags=ldflags, progress=progress)
    return binary


def cache_root() -> Path:
    """Return ``$TRIMTAB_CACHE``, else ``trimtab`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    if chosen := os.environ.get("TRIMTAB_CACHE"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "trimtab"


def source_hash(module_dir: Path, *, ldflags: str) -> str:
    """Return 16 hex digits over every file that can influence the binary, and the flags."""
    digest = hashlib.sha256(f"{sys.platform} {platform.machine()} {ldflags}".encode())
    for path in sorted(_sources(module_dir)):
        digest.update(f"\0{path.relative_to(module_dir).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _sources(module_dir: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(module_dir):
        folders[:] = [each for each in folders if not each.startswith(".") and each != "testdata"]
        for file in files:
            if not file.startswith(".") and not file.endswith(("_test.go", ".md")):
                yield Path(folder) / file


@contextlib.contextmanager
def _locked(path: Path, *, name: str, progress: Progress) -> Generator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"{name}: another process is building it, waiting")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _compile(module_dir: Path, binary: Path, *, ldflags: str, progress: Progress) -> None:
    go = find_go()
    progress(f"{binary.name}: building with {go}; the first build takes minutes")
    with tempfile.TemporaryDirectory(dir=binary.parent, prefix="build-") as scratch:
        product = Path(scratch) / binary.name
        command = [str(go), "build", "-v", "-mod=readonly", "-buildvcs=false", "-trimpath"]
        command += ["-ldflags", ldflags, "-o", str(product), "."]
        _run(command, cwd=module_dir, env=environment(go), name=binary.name, progress=progress)
        product.replace(binary)


def _run(
    command: list[str], *, cwd: Path, env: dict[str, str], name: str, progress: Progress
) -> None:
    started = reported = time.monotonic()
    tail: deque[str] = deque(maxlen=_ERROR_LINES)
    packages = 0
    with subprocess.Popen(
        [sys.executable, "-I", str(_LEASH), *command],
        cwd=cwd,
        env=env,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            # `go build -v` names each package on a line of its own; whatever has blanks is trouble.
            if " " in line:
                tail.append(line.rstrip())
            else:
                packages += 1
            if time.monotonic() - reported >= _PROGRESS_SECONDS:
                reported = time.monotonic()
                progress(f"{name}: {packages} packages after {reported - started:.0f} s")
        code = process.wait()
    if code != 0:
        output = "\n".join(tail)
        raise BuildError(f"`{shlex.join(command)}` in {cwd} failed with {code}:\n{output}")
    progress(f"{name}: built in {time.monotonic() - started:.0f} s")
