"""The demo's other processes. None of them outlives it, not even when it is killed.

Each gets a pipe as its stdin that only the demo holds open, and ends when that pipe closes: the
Git server by itself, ``trimtab serve`` because it runs below ``trimtab_build.leash``.
"""

import asyncio
import contextlib
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

import msgspec

from trimtab.bootstrap.demo.step import StepFailed
from trimtab.core import JsonObject
from trimtab_build import leash

_STOP_SECONDS = 10.0
_COMMAND_SECONDS = 120.0


class Child:
    """A process that ends with the demo.

    Args:
        name: For messages.
        process: Started with pipes as stdin and stdout.
        log: Where its stderr goes.
    """

    def __init__(self, name: str, process: Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    async def start(
        cls, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
    ) -> Self:
        """Start a program that ends when its stdin closes."""
        with log.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=stderr,
                env=_environment(env or {}),
                # Ctrl-C goes to a terminal's whole group; these end when the demo says so.
                start_new_session=True,
            )
        return cls(name, process, log)

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.returncode

    async def first_line(self, *, within: float) -> JsonObject:
        """Return the JSON object that the program prints when it is ready.

        Raises:
            StepFailed: It ended, or printed nothing in time.
        """
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(within):
                line = await self._process.stdout.readline()
        except TimeoutError as error:
            raise StepFailed(f"{self.name} was not ready in {within:.0f} s{self._why()}") from error
        if not line:
            code = await self._process.wait()
            raise StepFailed(f"{self.name} ended with {code} before it was ready{self._why()}")
        return cast("JsonObject", msgspec.json.decode(line))

    async def stop(self) -> None:
        """End it, and return when it is gone."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def _why(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-5:]
        return f"; the last of its log: {' | '.join(lines)}" if lines else ""


def leashed(command: Sequence[str]) -> list[str]:
    """Return the command that runs ``command`` and kills its group when stdin closes."""
    return [sys.executable, leash.__file__, *command]


def trimtab_program() -> str:
    """Return the path of the ``trimtab`` that belongs to this interpreter."""
    found = shutil.which("trimtab", path=str(Path(sys.executable).parent))
    if found is None:
        raise StepFailed(f"there is no `trimtab` beside {sys.executable}: install the package")
    return found


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str


async def run_command(
    command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Answer:
    """Run a command to its end.

    Raises:
        StepFailed: It did not end in time.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd=cwd,
        env=_environment(env or {}),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_COMMAND_SECONDS):
            out, err = await process.communicate()
    except TimeoutError as error:
        raise StepFailed(
            f"`{' '.join(command)}` did not end in {_COMMAND_SECONDS:.0f} s"
        ) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Answer(
        process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace")
    )


def _environment(added: Mapping[str, str]) -> dict[str, str]:
    # Everything is on loopback, whatever proxies the user has; tables are captured, not shown.
    fixed = {"NO_PROXY": "*", "no_proxy": "*", "NO_COLOR": "1"}
    return {**os.environ, **fixed, **added}
