"""Submodules: a Source in which the files of pinned repositories are in their places.

Rules: a submodule that nothing reads is not fetched; what cannot be had is named, with the path at
which it is wanted; submodules of submodules are followed to a limit.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from trimtab.core.errors import Stalled, Transient
from trimtab.ports.source import (
    CommitInfo,
    Repository,
    RepositoryUnreachable,
    Resolved,
    Source,
    SourceTooLarge,
    TreeEntry,
)
from trimtab.services.gitmodules import GITMODULES, parse_gitmodules, submodule_url
from trimtab.services.giturls import display_url
from trimtab.services.render_requests import clean_path

MOST_SUBMODULES: Final = 64
MOST_LEVELS: Final = 8
MOST_FILES: Final = 100_000
MOST_BYTES: Final = 1 << 30
FETCH_SECONDS: Final = 300.0
_KEEP: Final = 1024

FindSubmodule = Callable[[str, Repository], Repository]


@dataclass(frozen=True, slots=True)
class _Mount:
    """A submodule in its place.

    Args:
        path: In the parent.
        url: Of what is there.
        commit: Which the parent pins.
    """

    path: str
    url: str
    commit: str

    def holds(self, path: str) -> bool:
        """Return whether a path is the submodule or in it."""
        return path == self.path or path.startswith(f"{self.path}/")

    def inside(self, path: str) -> str:
        """Return a path that it holds as the submodule knows it."""
        return path[len(self.path) + 1 :]


@dataclass(slots=True)
class _Allowance:
    """What one call may take out of submodules, at all levels together."""

    submodules: int = MOST_SUBMODULES
    files: int = MOST_FILES
    bytes: int = MOST_BYTES

    def take(self, submodule: Repository, files: Sequence[TreeEntry]) -> None:
        """Count a submodule and its own files.

        Raises:
            SourceTooLarge: It is more than is left.
        """
        self.submodules -= 1
        self.files -= len(files)
        self.bytes -= sum(entry.size_bytes for entry in files)
        if min(self.submodules, self.files, self.bytes) < 0:
            raise SourceTooLarge(
                "SourceTooLarge",
                f"submodules down to {display_url(submodule.url)}: expected at most "
                f"{MOST_SUBMODULES} with {MOST_FILES} files and {MOST_BYTES >> 20} MiB in all, "
                "found more",
            )


class SubmoduleSource:
    """Follows submodules of repositories that say so. Implements the port ``Source``.

    Args:
        source: Git.
        find: Returns a submodule's repository by its URL and its parent.
        level: How many repositories are above.
    """

    def __init__(self, source: Source, find: FindSubmodule, *, level: int = 0) -> None:
        self._source = source
        self._find = find
        self._level = level
        self._mounts: OrderedDict[tuple[str, str], tuple[_Mount, ...]] = OrderedDict()
        # Another of this class, so that its private methods may be called: level by level down.
        self._below: SubmoduleSource | None = None

    async def resolve(
        self,
        repository: Repository,
        revision: str,
        *,
        tag_prefix: str = "",
        fresh: bool = False,
    ) -> Resolved:
        """See ``Source.resolve``."""
        return await self._source.resolve(repository, revision, tag_prefix=tag_prefix, fresh=fresh)

    async def fetch(self, repository: Repository, commit: str) -> None:
        """See ``Source.fetch``; submodules are fetched when they are read."""
        await self._source.fetch(repository, commit)

    async def commit_info(self, repository: Repository, commit: str) -> CommitInfo:
        """See ``Source.commit_info``."""
        return await self._source.commit_info(repository, commit)

    async def pins(
        self, repository: Repository, commit: str, paths: Sequence[str]
    ) -> Mapping[str, str]:
        """See ``Source.pins``."""
        return await self._source.pins(repository, commit, paths)

    async def object_ids(
        self, repository: Repository, commit: str, paths: Sequence[str]
    ) -> Mapping[str, str]:
        """See ``Source.object_ids``; the id of a submodule is the commit that is pinned."""
        own, held = await self._split(repository, commit, paths)
        found = dict(await self._source.object_ids(repository, commit, own))
        for mount, below in held.items():
            found |= {path: mount.commit for path in below if clean_path(path) == mount.path}
            inside = {
                path: mount.inside(clean_path(path))
                for path in below
                if clean_path(path) != mount.path
            }
            if inside:
                source, there = await self._opened(repository, mount)
                ids = await source.object_ids(there, mount.commit, sorted(set(inside.values())))
                found |= {path: ids[name] for path, name in inside.items() if name in ids}
        return found

    async def entries(self, repository: Repository, commit: str, path: str) -> Sequence[TreeEntry]:
        """See ``Source.entries``."""
        return await self._entries(repository, commit, path, _Allowance())

    async def _entries(
        self, repository: Repository, commit: str, path: str, allowance: _Allowance
    ) -> list[TreeEntry]:
        folder = clean_path(path)
        mounts = await self._mounts_of(repository, commit)
        mount = _mount_of(mounts, folder)
        if mount is not None:
            return await self._entries_in(repository, mount, mount.inside(folder), allowance)
        found = list(await self._source.entries(repository, commit, path))
        if self._level:
            allowance.take(repository, found)
        for below in _mounts_below(mounts, folder):
            found += await self._entries_in(repository, below, "", allowance)
        return sorted(found, key=lambda entry: entry.path)

    async def _entries_in(
        self, parent: Repository, mount: _Mount, path: str, allowance: _Allowance
    ) -> list[TreeEntry]:
        source, there = await self._opened(parent, mount)
        found = await source._entries(there, mount.commit, path, allowance)  # noqa: SLF001
        return [replace(entry, path=f"{mount.path}/{entry.path}") for entry in found]

    async def read(
        self, repository: Repository, commit: str, paths: Sequence[str]
    ) -> Mapping[str, bytes]:
        """See ``Source.read``."""
        own, held = await self._split(repository, commit, paths)
        found = dict(await self._source.read(repository, commit, own))
        for mount, below in held.items():
            source, there = await self._opened(repository, mount)
            names = {path: mount.inside(clean_path(path)) for path in below}
            texts = await source.read(there, mount.commit, sorted(set(names.values())))
            found |= {path: texts[name] for path, name in names.items() if name in texts}
        return found

    async def export(self, repository: Repository, commit: str, path: str, into: Path) -> None:
        """See ``Source.export``."""
        if await self._mounts_of(repository, commit):
            # Before anything is written: submodules of submodules may multiply without end.
            await self._entries(repository, commit, path, _Allowance())
        await self._export(repository, commit, path, into)

    async def _export(self, repository: Repository, commit: str, path: str, into: Path) -> None:
        folder = clean_path(path)
        mounts = await self._mounts_of(repository, commit)
        mount = _mount_of(mounts, folder)
        if mount is not None:
            source, there = await self._opened(repository, mount)
            await source._export(there, mount.commit, mount.inside(folder), into)  # noqa: SLF001
            return
        await self._source.export(repository, commit, path, into)
        for below in _mounts_below(mounts, folder):
            source, there = await self._opened(repository, below)
            place = into / (below.path[len(folder) + 1 :] if folder else below.path)
            await asyncio.to_thread(place.mkdir, parents=True, exist_ok=True)
            await source._export(there, below.commit, "", place)  # noqa: SLF001

    async def _split(
        self, repository: Repository, commit: str, paths: Sequence[str]
    ) -> tuple[list[str], dict[_Mount, list[str]]]:
        """Return the repository's own paths, and those in submodules."""
        mounts = await self._mounts_of(repository, commit)
        own: list[str] = []
        held: dict[_Mount, list[str]] = {}
        for path in paths:
            mount = _mount_of(mounts, clean_path(path)) if mounts else None
            if mount is None:
                own.append(path)
            else:
                held.setdefault(mount, []).append(path)
        return own, held

    async def _mounts_of(self, repository: Repository, commit: str) -> tuple[_Mount, ...]:
        if not repository.submodules:
            return ()
        key = (repository.url, commit)
        if key not in self._mounts:
            self._mounts[key] = await self._read_mounts(repository, commit)
            while len(self._mounts) > _KEEP:
                self._mounts.popitem(last=False)
        return self._mounts[key]

    async def _read_mounts(self, repository: Repository, commit: str) -> tuple[_Mount, ...]:
        text = (await self._source.read(repository, commit, [GITMODULES])).get(GITMODULES)
        stated = parse_gitmodules(text.decode(errors="replace")) if text else ()
        if not stated:
            return ()
        pins = await self._source.pins(repository, commit, [one.path for one in stated])
        if len(pins) > MOST_SUBMODULES or (pins and self._level >= MOST_LEVELS):
            raise SourceTooLarge(
                "SourceTooLarge",
                f"repository {display_url(repository.url)}: it has {len(pins)} submodules at level "
                f"{self._level + 1}, expected at most {MOST_SUBMODULES} at {MOST_LEVELS} levels",
            )
        return tuple(
            _Mount(one.path, submodule_url(repository.url, one.url), pins[one.path])
            for one in stated
            if one.path in pins
        )

    async def _opened(
        self, parent: Repository, mount: _Mount
    ) -> tuple["SubmoduleSource", Repository]:
        """Return a source that reads a submodule, which is here from now on."""
        if self._below is None:
            self._below = SubmoduleSource(self._source, self._find, level=self._level + 1)
        with _naming(parent, mount):
            repository = self._find(mount.url, parent)
            try:
                async with asyncio.timeout(FETCH_SECONDS):
                    await self._source.fetch(repository, mount.commit)
            except TimeoutError as error:
                raise RepositoryUnreachable(
                    "RepositoryUnreachable", f"no answer within {FETCH_SECONDS:g} s"
                ) from error
        return self._below, repository


def _mount_of(mounts: Sequence[_Mount], path: str) -> _Mount | None:
    return next((mount for mount in mounts if mount.holds(path)), None)


def _mounts_below(mounts: Sequence[_Mount], folder: str) -> list[_Mount]:
    return [one for one in mounts if not folder or one.path.startswith(f"{folder}/")]


@contextmanager
def _naming(parent: Repository, mount: _Mount) -> Generator[None]:
    """Say which submodule an error is about."""
    try:
        yield
    except (Stalled, Transient) as error:
        message = (
            f"submodule {mount.path!r} of {display_url(parent.url)}, from "
            f"{display_url(mount.url)}: "
            f"{error.message}"
        )
        raise type(error)(error.reason, message) from error
