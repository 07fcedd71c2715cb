"""Repositories that Git's contract tests push to: real ones on a server's disk, or in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import pygit2
from pygit2.enums import FileMode

from trimtab.adapters.git import GitLimits, GitSource
from trimtab.adapters.git.poller import OnChange
from trimtab.ports.source import Repository, Source
from trimtab.testing.git import FakeSource, GitServer, Link, Pin

Files = Mapping[str, "str | bytes | Link | Pin | None"]
AUTHOR = pygit2.Signature("Jo", "jo@example.com", 1772359200, 60)


class Remote(Protocol):
    """The server's side of one repository."""

    url: str

    def commit(
        self, files: Files, *, branch: str = "main", message: str = "Change", force: bool = False
    ) -> str: ...

    def tag(self, name: str, commit: str) -> None: ...

    def delete_branch(self, name: str) -> None: ...


class RealRemote:
    """A bare repository on disk; commits are made in place, which is what a push leaves behind."""

    def __init__(self, server: GitServer, name: str) -> None:
        self.url = server.create(name)
        self.path = server.repository_path(name)
        self._store = pygit2.Repository(str(self.path))

    def commit(
        self, files: Files, *, branch: str = "main", message: str = "Change", force: bool = False
    ) -> str:
        ref = f"refs/heads/{branch}"
        known = ref in self._store.references and not force
        parents = [self._store.references[ref].target] if known else []
        tree = self._store[parents[0]].tree if known else None
        root = self._tree(files, tree)
        made = self._store.create_commit(None, AUTHOR, AUTHOR, message, root, parents)
        self._store.references.create(ref, made, force=True)
        return str(made)

    def tag(self, name: str, commit: str) -> None:
        self._store.create_tag(
            name, commit, pygit2.enums.ObjectType.COMMIT, AUTHOR, f"Release {name}"
        )

    def lightweight_tag(self, name: str, commit: str) -> None:
        self._store.references.create(f"refs/tags/{name}", commit)

    def delete_branch(self, name: str) -> None:
        self._store.references.delete(f"refs/heads/{name}")

    def _tree(self, files: Files, base: pygit2.Tree | None) -> pygit2.Oid:
        builder = self._store.TreeBuilder(base) if base is not None else self._store.TreeBuilder()
        folders: dict[str, dict[str, str | bytes | Link | Pin | None]] = {}
        for path, content in files.items():
            name, separator, rest = path.partition("/")
            if separator:
                folders.setdefault(name, {})[rest] = content
            elif content is None:
                builder.remove(name)
            elif isinstance(content, Link):
                blob = self._store.create_blob(content.target.encode())
                builder.insert(name, blob, FileMode.LINK)
            elif isinstance(content, Pin):
                builder.insert(name, content.commit, FileMode.COMMIT)
            else:
                data = content.encode() if isinstance(content, str) else content
                builder.insert(name, self._store.create_blob(data), FileMode.BLOB)
        for name, below in folders.items():
            old = base[name] if base is not None and name in base else None
            builder.insert(name, self._tree(below, old), FileMode.TREE)  # type: ignore[arg-type]
        return builder.write()


class FakeRemote:
    """A repository of a FakeSource."""

    url = "https://git.example.com/team/app.git"

    def __init__(self, source: FakeSource) -> None:
        self._source = source

    def commit(
        self, files: Files, *, branch: str = "main", message: str = "Change", force: bool = False
    ) -> str:
        return self._source.commit(self.url, files, branch=branch, message=message, force=force)

    def tag(self, name: str, commit: str) -> None:
        self._source.tag(self.url, name, commit)

    def delete_branch(self, name: str) -> None:
        self._source.delete_branch(self.url, name)


class Site:
    """A source, and the repository that it reads."""

    def __init__(self, source: Source, remote: Remote) -> None:
        self.source = source
        self.remote = remote
        self.repository = Repository(remote.url)

    async def fetch(self, revision: str = "main") -> str:
        """Resolve anew, fetch, and return the commit."""
        found = await self.source.resolve(self.repository, revision, fresh=True)
        await self.source.fetch(self.repository, found.commit)
        return found.commit


@asynccontextmanager
async def opened(
    cache: Path, *, limits: GitLimits | None = None, on_change: OnChange | None = None
) -> AsyncIterator[GitSource]:
    """A GitSource that is closed in the end."""
    source = GitSource(cache, limits=limits, on_change=on_change)
    try:
        yield source
    finally:
        await source.close()
