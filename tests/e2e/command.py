"""Commands as users run them: a process, its exit code, what it says; a stream that is read."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from e2e.installation import Installation
from e2e.serving import TRIMTAB, environment

_LINE_SECONDS = 30


class Commands:
    """Runs ``trimtab`` against an installation.

    Args:
        installation: Whose hub and state folder.
        options: Global options after those of the installation; later ones win.
    """

    def __init__(self, installation: Installation, *options: str) -> None:
        self._installation = installation
        self._options = options

    async def __call__(
        self, *arguments: str, code: int = 0, stdin: str | None = None
    ) -> CompletedProcess[str]:
        """Run a command to its end and see that it ends with ``code``, without a traceback."""
        ran = await self._installation.trimtab(*self._options, *arguments, stdin=stdin)
        assert ran.returncode == code, f"{arguments}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        assert "Traceback" not in ran.stderr
        return ran

    async def read(self, *arguments: str, code: int = 0) -> Any:
        """Return what a command prints with ``-o json``."""
        return json.loads((await self(*arguments, "-o", "json", code=code)).stdout)

    @asynccontextmanager
    async def stream(self, *arguments: str) -> AsyncIterator[Streaming]:
        """Run a command that goes on, and interrupt it in the end."""
        process = await asyncio.create_subprocess_exec(
            *(TRIMTAB, *self._installation.options, *self._options, *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
        )
        try:
            yield Streaming(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()


class Streaming:
    """A command that is still running."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self, *texts: str) -> str:
        """Return the next line that has all texts."""
        assert self._process.stdout is not None
        async with asyncio.timeout(_LINE_SECONDS):
            while line := (await self._process.stdout.readline()).decode():
                if all(text in line for text in texts):
                    return line
        raise AssertionError(f"the stream ended without {texts}")

    async def interrupt(self) -> int:
        """Press Ctrl-C and return the exit code."""
        self._process.send_signal(signal.SIGINT)
        async with asyncio.timeout(_LINE_SECONDS):
            _, err = await self._process.communicate()
        assert b"Traceback" not in err
        assert self._process.returncode is not None
        return self._process.returncode


def kubeconfig_with(folder: Path, source: Path, **user: str) -> Path:
    """Return a copy of a kubeconfig in which the user has only these credentials."""
    import yaml

    body = yaml.safe_load(source.read_text())
    body["users"][0]["user"] = user
    made = folder / "other.kubeconfig"
    made.write_text(yaml.safe_dump(body))
    return made
