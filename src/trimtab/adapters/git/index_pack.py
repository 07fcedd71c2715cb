"""A received pack on its way into a mirror, by ``git index-pack``.

Always a pack and never loose objects: index-pack makes it visible by one rename at its end, so a
process killed at any moment leaves either all of a fetch's objects or none. A commit that can be
found is therefore there with all of its trees.
"""

import asyncio
import subprocess
from types import TracebackType
from typing import Final, Self

from trimtab.adapters.git.command import base_environment
from trimtab.adapters.git.remote import PackBroken

_MEMORY_BYTES: Final = 1 << 18
_MESSAGE_BYTES: Final = 2000


class PackReceiver:
    """Takes a pack in pieces; leaving it before ``finish`` forgets the pack.

    Small packs are gathered first and given to the process in one piece: a usual push is one.

    Args:
        path: The bare repository.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._small = bytearray()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await asyncio.shield(self._process.wait())

    async def feed(self, data: bytes) -> None:
        """Take the next piece."""
        if self._process is None:
            self._small += data
            if len(self._small) < _MEMORY_BYTES:
                return
            data = bytes(self._small)
            self._process = await self._start()
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(data)
            await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            await self.finish()

    async def finish(self) -> None:
        """Make the pack part of the mirror.

        Raises:
            PackBroken: It is damaged, or builds on objects that the mirror lacks.
        """
        process = self._process or await self._start()
        rest = bytes(self._small) if self._process is None else None
        self._process = process
        _, text = await process.communicate(rest)
        if process.returncode:
            raise PackBroken(text.decode(errors="replace")[-_MESSAGE_BYTES:].strip())

    async def _start(self) -> asyncio.subprocess.Process:
        # No fsync: the mirror is a cache, and a damaged one is built anew.
        return await asyncio.create_subprocess_exec(
            *("git", "-c", "core.fsync=none", "index-pack", "--stdin", "--fix-thin"),
            cwd=self._path,
            env=base_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
