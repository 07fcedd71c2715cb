"""Exports of repository trees for engines that need a disk: shared, then removed."""

import asyncio
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from trimtab.core.errors import Stalled
from trimtab.core.render import HelmRequest
from trimtab.ports.source import PathUnknown, Repository, Source


class Located(Protocol):
    """A repository at a commit."""

    @property
    def repository(self) -> Repository:
        """The repository."""
        ...

    @property
    def commit(self) -> str:
        """The commit."""
        ...


_Key = tuple[str, str, str]


@dataclass(slots=True)
class _Tree:
    root: Path
    users: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None


class Trees:
    """Exports by repository and commit.

    Args:
        source: Git.
        folder: Private directory for the exports.
        keep: Exports that stay on disk when nobody uses them.
    """

    def __init__(self, source: Source, folder: Path, *, keep: int = 4) -> None:
        self._source = source
        self._folder = folder
        self._keep = keep
        self._trees: OrderedDict[_Key, _Tree] = OrderedDict()

    @asynccontextmanager
    async def export(self, repository: Repository, commit: str) -> AsyncGenerator[Path]:
        """Lend the tree of a commit; it must not be changed.

        Raises:
            PathUnknown: A link leaves the repository.
            SourceTooLarge: The tree is too large.
        """
        # By project as well: it decides which submodules are in the tree.
        key = (repository.url, repository.project, commit)
        tree = self._trees.get(key)
        if tree is None:
            tree = await self._begin(key, repository, commit)
        tree.users += 1
        try:
            await tree.ready.wait()
            if tree.error is not None:
                raise tree.error
            yield tree.root
        finally:
            tree.users -= 1
            await self._trim()

    async def _begin(self, key: _Key, repository: Repository, commit: str) -> _Tree:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        tree = _Tree(Path(tempfile.mkdtemp(prefix=f"{commit[:12]}-", dir=self._folder)))
        self._trees[key] = tree
        try:
            await self._source.export(repository, commit, "", tree.root)
        except BaseException as error:
            self._trees.pop(key, None)
            tree.error = error if isinstance(error, Exception) else _Interrupted()
            tree.ready.set()
            await asyncio.to_thread(shutil.rmtree, tree.root, ignore_errors=True)
            raise
        tree.ready.set()
        return tree

    async def _trim(self) -> None:
        idle = [key for key, tree in self._trees.items() if tree.users == 0]
        for key in idle[: max(0, len(idle) - self._keep)]:
            tree = self._trees.pop(key)
            await asyncio.to_thread(shutil.rmtree, tree.root, ignore_errors=True)

    async def place_values(
        self, root: Path, request: HelmRequest, refs: Mapping[str, Located]
    ) -> HelmRequest:
        """Return the request with ``$ref/file`` value files placed below the root.

        Raises:
            PathUnknown: No source has that ref, or the file does not exist.
        """
        files = [await self._placed(root, name, refs) for name in request.value_files]
        return replace(request, value_files=tuple(files))

    async def _placed(self, root: Path, name: str, refs: Mapping[str, Located]) -> str:
        if not name.startswith("$"):
            return name
        ref, _, path = name[1:].partition("/")
        at = refs.get(ref)
        if at is None:
            raise PathUnknown("PathUnknown", f"value file {name!r}: no source has ref {ref!r}")
        if ".." in path.split("/"):
            raise PathUnknown("PathUnknown", f"value file {name!r} leaves the repository")
        await self._source.fetch(at.repository, at.commit)
        found = await self._source.read(at.repository, at.commit, [path])
        if path not in found:
            raise PathUnknown("PathUnknown", f"value file {name!r} does not exist at {at.commit}")
        target = Path(".trimtab-refs") / at.commit / path
        await asyncio.to_thread(_write, root / target, found[path])
        return str(target)


class _Interrupted(Stalled):
    def __init__(self) -> None:
        super().__init__("Interrupted", "the export was interrupted")


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
