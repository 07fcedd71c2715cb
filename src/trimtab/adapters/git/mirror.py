"""One bare mirror on disk, which several processes may share.

Rules: whoever changes it holds its lock file; objects arrive as whole packs, so a commit that is
there is there with all its history; nothing is pruned, since a rollback may want an old commit; a
damaged mirror is moved aside and built anew.
"""

import asyncio
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

import pygit2

from trimtab.adapters.git.command import run_git
from trimtab.adapters.git.trees import MirrorBroken, Tree
from trimtab.services.giturls import canonical_url, parse_git_url

_MOST_HAVES: Final = 256
_PACKS_BEFORE_REPACK: Final = 40
_REPACK_TIMEOUT: Final = timedelta(minutes=10)
_LOCK_RETRY_S: Final = 0.02
_KEEP: Final = "refs/keep/"

T = TypeVar("T")


class Mirror:
    """The mirror of one repository.

    Args:
        cache_dir: Where all mirrors live; made private.
        url: The repository; its canonical form names the folder.
    """

    def __init__(self, cache_dir: Path, url: str) -> None:
        canonical = canonical_url(url)
        readable = parse_git_url(url).path.rpartition("/")[2][:40] or "repository"
        digest = hashlib.sha256(canonical.encode()).hexdigest()[:20]
        safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in readable)
        self._folder = cache_dir / f"{safe}-{digest}"
        self._bare = self._folder / "mirror.git"
        self._store: pygit2.Repository | None = None
        self._recent: list[str] = []

    @property
    def path(self) -> str:
        """The bare repository's folder."""
        return str(self._bare)

    @asynccontextmanager
    async def lock(self) -> AsyncGenerator[None]:
        """Hold the mirror's lock file, against other processes too; it must exist afterwards."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Another process holds it: the kernel has no way to tell an event loop.
            while not _try_lock(descriptor):  # noqa: ASYNC110
                await asyncio.sleep(_LOCK_RETRY_S)
            self._ensure()
            yield
        finally:
            os.close(descriptor)

    def has(self, commit: str) -> bool:
        """Return whether the commit is here, with all its history."""
        try:
            store = self._open()
            return commit in store and store[commit].type_str == "commit"
        except (MirrorBroken, pygit2.GitError, KeyError, ValueError):
            return False

    def find(self, short: str) -> list[str]:
        """Return the commit that a shortened id names; none or several when it is not one."""
        with suppress(MirrorBroken, KeyError, ValueError, pygit2.GitError):
            found = self._open()[short]
            return [str(found.id)] if found.type_str == "commit" else []
        return []

    def descends(self, new: str, old: str) -> bool:
        """Return whether ``old`` is in the history of ``new``; both must be here."""
        return new == old or self._open().descendant_of(new, old)

    def haves(self) -> Sequence[str]:
        """Return commits that are here with all their history, newest first.

        Raises:
            MirrorBroken: A commit that was kept is gone: what else is cannot be known.
        """
        kept = [ref.removeprefix(_KEEP) for ref in self._keeps()]
        recent = self._recent[::-1]
        haves = list(dict.fromkeys([*recent, *kept]))[:_MOST_HAVES]
        lost = [commit for commit in haves if not self.has(commit)]
        if lost:
            raise MirrorBroken(f"commits were here and are not any more: {', '.join(lost)}")
        return haves

    def keep(self, commits: Sequence[str]) -> None:
        """Remember commits that have arrived, and forget those that they build on."""
        store = self._open()
        kept = {ref.removeprefix(_KEEP) for ref in self._keeps()}
        for commit in commits:
            for older in kept - set(commits):
                if self.has(older) and self.descends(commit, older):
                    store.references.delete(_KEEP + older)
                    kept.discard(older)
            if commit not in kept:
                store.references.create(_KEEP + commit, commit, force=True)
            kept.add(commit)
        self._recent = [*self._recent, *commits][-_MOST_HAVES:]

    def read(self, commit: str, job: Callable[[Tree], T]) -> T:
        """Do a small read, at once.

        Raises:
            MirrorBroken: The mirror is damaged, or the commit is not here.
        """
        return job(Tree(self._open(), commit))

    async def read_in_thread(self, commit: str, job: Callable[[Tree], T]) -> T:
        """Do a large read in a thread, with an object store of its own.

        Raises:
            MirrorBroken: The mirror is damaged, or the commit is not here.
        """
        return await asyncio.to_thread(lambda: job(Tree(_open_store(self._bare), commit)))

    def commit(self, commit: str) -> pygit2.Commit:
        """Return a commit object.

        Raises:
            MirrorBroken: It is not here, or damaged.
        """
        try:
            return self._open()[commit].peel(pygit2.Commit)
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise MirrorBroken(f"commit {commit}: {error}") from error

    def close(self) -> None:
        """Let go of open files; the next use opens them again."""
        if self._store is not None:
            self._store.free()
            self._store = None

    async def rebuild(self) -> None:
        """Start over with an empty mirror."""
        async with self.lock():
            self.close()
            self._recent = []
            aside = Path(tempfile.mkdtemp(prefix="broken-", dir=self._folder))
            self._bare.rename(aside / "mirror.git")
            self._ensure()
        await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)

    async def tidy(self) -> None:
        """Put many small packs into one; unreachable objects stay. Call it under the lock."""
        packs = list((self._bare / "objects" / "pack").glob("*.pack"))
        if len(packs) < _PACKS_BEFORE_REPACK:
            return
        arguments = ["-c", "core.fsync=none", "-c", "pack.threads=1"]
        arguments += ["repack", "-a", "-d", "-k", "-l", "-q"]
        await run_git(arguments, cwd=self.path, environment={}, timeout=_REPACK_TIMEOUT)

    def size_bytes(self) -> int:
        """Return how much disk the packs take; there are few, since they are tidied."""
        return sum(f.stat().st_size for f in (self._bare / "objects" / "pack").iterdir())

    def _open(self) -> pygit2.Repository:
        if self._store is None:
            self._store = _open_store(self._bare)
        return self._store

    def _keeps(self) -> list[str]:
        try:
            return [ref for ref in self._open().references if ref.startswith(_KEEP)]
        except (MirrorBroken, pygit2.GitError):
            return []

    def _ensure(self) -> None:
        """Have a bare repository; it appears whole or not at all."""
        if (self._bare / "HEAD").exists():
            return
        shutil.rmtree(self._bare, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(prefix="new-", dir=self._folder))
        pygit2.init_repository(str(draft / "mirror.git"), bare=True)
        (draft / "mirror.git").rename(self._bare)
        draft.rmdir()
        self.close()


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open_store(path: Path) -> pygit2.Repository:
    try:
        return pygit2.Repository(str(path), pygit2.enums.RepositoryOpenFlag.BARE)
    except pygit2.GitError as error:
        raise MirrorBroken(f"{path.name}: {error}") from error


def limit_library_memory() -> None:
    """Keep libgit2's caches small and its configuration empty; once per process."""
    for level in pygit2.enums.ConfigLevel:
        with suppress(ValueError, pygit2.GitError):
            pygit2.settings.search_path[level] = ""
    pygit2.settings.cache_max_size(16 << 20)
    # By default only trees below 4 KB are cached: a folder of 500 was decoded at every look.
    pygit2.settings.cache_object_limit(pygit2.enums.ObjectType.TREE, 1 << 20)
    pygit2.settings.mwindow_size = 16 << 20
    pygit2.settings.mwindow_mapped_limit = 128 << 20
