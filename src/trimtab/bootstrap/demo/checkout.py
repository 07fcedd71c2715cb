"""The user's clone of the demo repository: commits, pushes and reverts by the git command."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trimtab.bootstrap.demo.processes import run_command
from trimtab.bootstrap.demo.step import StepFailed

AUTHOR = "Dana Reyes"
_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": AUTHOR,
    "GIT_AUTHOR_EMAIL": "dana@example.com",
    "GIT_COMMITTER_NAME": AUTHOR,
    "GIT_COMMITTER_EMAIL": "dana@example.com",
}


@dataclass(frozen=True, slots=True)
class Checkout:
    """A working folder on branch ``main``.

    Args:
        folder: The working folder.
        url: What it is pushed to.
    """

    folder: Path
    url: str

    async def begin(self) -> None:
        """Make the folder a repository."""
        await self._git("init", "--quiet", "--initial-branch=main")
        await self._git("remote", "add", "origin", self.url)

    async def commit(self, message: str) -> str:
        """Commit everything and return the commit's SHA."""
        await self._git("add", "--all")
        await self._git("commit", "--quiet", "--message", message)
        return await self.head()

    async def revert(self, commits: Sequence[str]) -> str:
        """Revert commits, the newest first, and return the SHA of the last revert."""
        await self._git("revert", "--no-edit", *commits)
        return await self.head()

    async def push(self) -> str:
        """Push, and return what the server's hook had to say."""
        return await self._git("push", "--quiet", "origin", "main")

    async def head(self) -> str:
        """Return the SHA of the newest commit."""
        return (await self._git("rev-parse", "HEAD")).strip()

    async def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.folder), *arguments]
        answer = await run_command(command, env=_ENVIRONMENT)
        if answer.code:
            raise StepFailed(f"`git {' '.join(arguments)}` failed: {answer.err.strip()}")
        return answer.out or answer.err
