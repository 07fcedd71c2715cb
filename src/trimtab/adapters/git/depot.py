"""Mirrors and what fills them: fetches that many share, limits, and the repair of damage."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import structlog

from trimtab.adapters.git.flight import SharedCall
from trimtab.adapters.git.limits import MIB, GitLimits
from trimtab.adapters.git.mirror import Mirror
from trimtab.adapters.git.remote import (
    PackBroken,
    Remote,
    Wanted,
    too_large,
    unknown_commit,
    unreachable,
)
from trimtab.adapters.git.trees import Budget, MirrorBroken, OverBudget, Tree
from trimtab.ports.source import Repository
from trimtab.runtime.clock import Clock
from trimtab.services.giturls import canonical_url, display_url

_REBUILD_PAUSE_S: Final = 60.0
# What the event loop may be held up with: about a millisecond.
_QUICK_FILES: Final = 256
_QUICK_BYTES: Final = MIB // 2

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class Depot:
    """All mirrors below one folder.

    Args:
        cache_dir: The folder; may be deleted at any time.
        limits: What one repository may cost.
        clock: Time.
    """

    def __init__(self, cache_dir: Path, limits: GitLimits, clock: Clock) -> None:
        self._cache_dir = cache_dir
        self._limits = limits
        self._clock = clock
        self._full = Budget(limits.files, limits.export_bytes, limits.file_bytes)
        quick_bytes = min(_QUICK_BYTES, limits.file_bytes)
        self._quick = Budget(min(_QUICK_FILES, limits.files), quick_bytes, quick_bytes)
        self._mirrors: dict[str, Mirror] = {}
        self._rebuilt_at: dict[str, float] = {}
        self._fetches: dict[tuple[Repository, tuple[str, ...]], SharedCall[None]] = {}

    def mirror(self, repository: Repository) -> Mirror:
        """Return the mirror of a repository."""
        key = canonical_url(repository.url)
        if key not in self._mirrors:
            self._mirrors[key] = Mirror(self._cache_dir, repository.url)
        return self._mirrors[key]

    def close(self) -> None:
        """Let go of all mirrors' files."""
        for mirror in self._mirrors.values():
            mirror.close()

    async def fetch(self, repository: Repository, commits: Sequence[str], remote: Remote) -> None:
        """Have commits in the mirror; callers who want the same share one fetch.

        Raises:
            RepositoryUnreachable, RepositoryDenied, RevisionUnknown, SourceTooLarge,
            ProtocolMissing
        """
        mirror = self.mirror(repository)
        missing = tuple(c for c in dict.fromkeys(commits) if not mirror.has(c))
        if not missing:
            return
        key = (repository, missing)
        flight = self._fetches.setdefault(key, SharedCall())
        try:
            await flight.ask(
                lambda: self._fetch_repairing(repository, missing, remote), newer=False
            )
        finally:
            self._fetches.pop(key, None)

    async def read(
        self, repository: Repository, commit: str, remote: Remote, job: Callable[[Tree, Budget], T]
    ) -> T:
        """Read a commit's files; a damaged mirror is built anew and read again.

        Raises:
            SourceTooLarge: More than the limits allow.
            RepositoryUnreachable: The mirror is damaged and cannot be built anew.
        """
        try:
            return await self._read_once(repository, commit, job)
        except MirrorBroken as error:
            await self.repair(repository, commit, remote, error)
        try:
            return await self._read_once(repository, commit, job)
        except MirrorBroken as error:
            raise unreachable(repository, f"the mirror is damaged again: {error}") from error

    async def repair(
        self, repository: Repository, commit: str, remote: Remote, found: Exception
    ) -> None:
        """Bring a commit back: by a fetch if it is just missing, else into a new mirror.

        Raises:
            RepositoryUnreachable: It was built anew a moment ago.
        """
        if self.mirror(repository).has(commit):
            await self._rebuild(repository, found)
        await self.fetch(repository, [commit], remote)

    async def _read_once(
        self, repository: Repository, commit: str, job: Callable[[Tree, Budget], T]
    ) -> T:
        mirror = self.mirror(repository)
        try:
            return mirror.read(commit, lambda tree: job(tree, self._quick))
        except OverBudget:
            pass
        try:
            return await mirror.read_in_thread(commit, lambda tree: job(tree, self._full))
        except OverBudget as error:
            raise too_large(repository, str(error)) from error

    async def _fetch_repairing(
        self, repository: Repository, commits: Sequence[str], remote: Remote
    ) -> None:
        try:
            await self._fetch_once(repository, commits, remote)
        except (PackBroken, MirrorBroken) as error:
            await self._rebuild(repository, error)
        else:
            return
        try:
            await self._fetch_once(repository, commits, remote)
        except (PackBroken, MirrorBroken) as error:
            raise unreachable(repository, f"it sent a pack that is damaged: {error}") from error

    async def _fetch_once(
        self, repository: Repository, commits: Sequence[str], remote: Remote
    ) -> None:
        mirror = self.mirror(repository)
        limit = self._limits.repository_bytes
        async with mirror.lock():
            # Another process, or another question, may have been here while we waited.
            missing = tuple(commit for commit in commits if not mirror.has(commit))
            if not missing:
                return
            left = max(0, limit - mirror.size_bytes())
            await remote.fetch(repository, Wanted(missing, left), mirror)
            over = mirror.size_bytes() > limit
            lost = [commit for commit in missing if not mirror.has(commit)]
            if lost:
                raise unknown_commit(repository, lost)
            if not over:
                mirror.keep(missing)
                await mirror.tidy()
        if over:
            await mirror.rebuild()
            raise too_large(repository, f"it takes more than the limit of {limit // MIB} MiB")

    async def _rebuild(self, repository: Repository, found: Exception) -> None:
        key = canonical_url(repository.url)
        now = self._clock.monotonic()
        if now - self._rebuilt_at.get(key, float("-inf")) < _REBUILD_PAUSE_S:
            text = f"the mirror is damaged again right after it was built anew: {found}"
            raise unreachable(repository, text) from found
        self._rebuilt_at[key] = now
        _log.warning(
            "git mirror rebuilt", repository=display_url(repository.url), reason=str(found)
        )
        await self.mirror(repository).rebuild()
