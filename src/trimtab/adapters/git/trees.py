"""Reading files of a commit out of an object store, links inside the repository followed.

All functions are synchronous: a small read takes microseconds. Each takes a budget; meeting it
raises, so that a caller on the event loop can do the work again in a thread with a larger one.
"""

import os
import posixpath
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pygit2
from pygit2.enums import FileMode

from trimtab.ports.source import PathUnknown, TreeEntry

_MOST_LINKS: Final = 40


class OverBudget(Exception):
    """More files or bytes than the caller allowed; the message says what was found."""


class MirrorBroken(Exception):
    """An object that must be there is missing or damaged."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much one call may read."""

    files: int
    bytes: int
    file_bytes: int


class Tree:
    """The files of one commit.

    Args:
        store: The object store.
        commit: A commit that is in it.

    Raises:
        MirrorBroken: Its objects are missing or damaged.
    """

    def __init__(self, store: pygit2.Repository, commit: str) -> None:
        self._store = store
        self._commit = commit
        self._root = self._tree(_peel(store, commit).tree_id)

    def object_id(self, path: str) -> str | None:
        """Return the id of a tree or blob, or None.

        Raises:
            PathUnknown: The path, or a link on the way, leaves the repository.
        """
        found = self._locate(path)
        return None if found is None else str(found.id)

    def pin(self, path: str) -> str | None:
        """Return the commit that a submodule's path pins, or None; links are not followed.

        Raises:
            PathUnknown: The path leaves the repository.
        """
        *folders, name = clean_path(path).split("/")
        tree = self._root
        for folder in folders:
            if folder not in tree or tree[folder].filemode != FileMode.TREE:
                return None
            tree = self._tree(tree[folder].id)
        is_pin = name in tree and tree[name].filemode == FileMode.COMMIT
        return str(tree[name].id) if is_pin else None

    def files(self, path: str, budget: Budget) -> list[TreeEntry]:
        """Return all files below a folder, sorted by path (from the repository's root).

        Raises:
            PathUnknown: No such folder.
            OverBudget: More files than allowed.
        """
        found = self._locate(path)
        if not isinstance(found, pygit2.Tree):
            kind = "nothing" if found is None else "a file"
            raise PathUnknown(
                "PathUnknown", f"path {path!r} at {self._commit}: expected a folder, found {kind}"
            )
        base = clean_path(path)
        entries: list[TreeEntry] = []
        for name, entry in self._walk(found, f"{base}/" if base else ""):
            if len(entries) >= budget.files:
                raise OverBudget(f"folder {path!r} has more than {budget.files} files")
            size = self._size(entry.id)
            is_link = entry.filemode == FileMode.LINK
            entries.append(TreeEntry(name, str(entry.id), size, is_symlink=is_link))
        return sorted(entries, key=lambda entry: entry.path)

    def read(self, paths: Sequence[str], budget: Budget) -> dict[str, bytes]:
        """Return the content of each file that exists.

        Raises:
            PathUnknown: A path leaves the repository.
            OverBudget: Too many, or too large.
        """
        if len(paths) > budget.files:
            raise OverBudget(f"{len(paths)} files, more than {budget.files}")
        contents: dict[str, bytes] = {}
        left = budget.bytes
        for path in paths:
            found = self._locate(path)
            if not isinstance(found, pygit2.Blob):
                continue
            left -= self._check_size(path, found.size, budget, left)
            contents[path] = found.data
        return contents

    def export(self, path: str, into: Path, budget: Budget) -> None:
        """Write the files below a folder into a directory, links as links.

        Raises:
            PathUnknown: No such folder, or a link points outside of it.
            OverBudget: Too many, or too large.
        """
        base = clean_path(path)
        left = budget.bytes
        made = {""}
        links: list[tuple[str, str]] = []
        for entry in self.files(path, budget):
            name = entry.path.removeprefix(f"{base}/") if base else entry.path
            left -= self._check_size(entry.path, entry.size_bytes, budget, left)
            folder = posixpath.dirname(name)
            if folder not in made:
                (into / folder).mkdir(parents=True, exist_ok=True)
                made.add(folder)
            data = self._blob(entry.oid).data
            if entry.is_symlink:
                links.append((name, os.fsdecode(data)))
            else:
                (into / name).write_bytes(data)
        # Last, so that nothing was ever written through one of them.
        _make_links(into, links)

    def _check_size(self, path: str, size: int, budget: Budget, left: int) -> int:
        if size > budget.file_bytes:
            raise OverBudget(f"file {path!r} has {size} bytes, more than {budget.file_bytes}")
        if size > left:
            raise OverBudget(f"file {path!r} takes the total above {budget.bytes} bytes")
        return size

    def _walk(
        self, tree: pygit2.Tree, prefix: str
    ) -> Generator[tuple[str, pygit2.Object], None, None]:
        for entry in tree:
            name = prefix + _safe_name(entry.name)
            if entry.filemode == FileMode.TREE:
                yield from self._walk(self._tree(entry.id), f"{name}/")
            elif entry.filemode != FileMode.COMMIT:
                yield name, entry

    def _locate(self, path: str) -> pygit2.Tree | pygit2.Blob | None:
        """Return what a path names, links in the middle and at the end followed."""
        waiting = clean_path(path).split("/")[::-1]
        done: list[str] = []
        here: list[pygit2.Tree] = [self._root]
        links = 0
        while waiting:
            name = waiting.pop()
            if name in ("", "."):
                continue
            if name == "..":
                if not done:
                    raise _leaves(path, self._commit)
                done.pop()
                here.pop()
                continue
            tree = here[-1]
            if name not in tree:
                return None
            entry = tree[name]
            if entry.filemode == FileMode.LINK:
                links += 1
                target = self._blob(entry.id).data.decode(errors="surrogateescape")
                if target.startswith("/") or links > _MOST_LINKS:
                    raise _leaves(path, self._commit)
                waiting.extend(target.split("/")[::-1])
            elif entry.filemode == FileMode.TREE:
                done.append(name)
                here.append(self._tree(entry.id))
            else:
                is_last = not any(part not in ("", ".") for part in waiting)
                is_file = is_last and entry.filemode != FileMode.COMMIT
                return self._blob(entry.id) if is_file else None
        return here[-1]

    def _tree(self, oid: pygit2.Oid) -> pygit2.Tree:
        found = self._object(oid)
        if not isinstance(found, pygit2.Tree):
            raise MirrorBroken(f"object {oid}: expected a tree")
        return found

    def _blob(self, oid: pygit2.Oid | str) -> pygit2.Blob:
        found = self._object(oid)
        if not isinstance(found, pygit2.Blob):
            raise MirrorBroken(f"object {oid}: expected a file")
        return found

    def _object(self, oid: pygit2.Oid | str) -> pygit2.Object:
        try:
            return self._store[oid]
        except (KeyError, pygit2.GitError, ValueError) as error:
            raise MirrorBroken(f"object {oid}: {error}") from error

    def _size(self, oid: pygit2.Oid) -> int:
        try:
            _, size = self._store.odb.read_header(oid)
        except (KeyError, pygit2.GitError) as error:
            raise MirrorBroken(f"object {oid}: {error}") from error
        return size


def clean_path(path: str) -> str:
    """Return a path relative to the repository's root, ``""`` for the root itself.

    Raises:
        PathUnknown: It is absolute or leaves the repository.
    """
    cleaned = posixpath.normpath(path) if path else "."
    if cleaned == ".." or cleaned.startswith(("/", "../")) or "\0" in path:
        raise PathUnknown(
            "PathUnknown",
            f"path {path!r}: expected a path inside the repository, found one outside",
        )
    return "" if cleaned == "." else cleaned


def _peel(store: pygit2.Repository, commit: str) -> pygit2.Commit:
    try:
        return store[commit].peel(pygit2.Commit)
    except (KeyError, pygit2.GitError, ValueError) as error:
        raise MirrorBroken(f"commit {commit}: {error}") from error


def _safe_name(name: str | None) -> str:
    # Git never writes such names; whoever forges an object may.
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise PathUnknown("PathUnknown", f"a tree has an entry named {name!r}: not a file name")
    return name


def _make_links(into: Path, links: Sequence[tuple[str, str]]) -> None:
    root = os.path.realpath(into)
    for name, target in links:
        os.symlink(target, into / name)  # noqa: PTH211  # the target is text from Git, no Path
    for name, target in links:
        # Asked of the file system: links may lead over each other.
        landed = os.path.realpath(into / name)
        if target.startswith("/") or os.path.commonpath((root, landed)) != root:
            for made, _ in links:
                (into / made).unlink()
            raise PathUnknown(
                "LinkLeavesRepository",
                f"link {name!r} points to {target!r}: expected a target inside the exported "
                "folder, found one outside",
            )


def _leaves(path: str, commit: str) -> PathUnknown:
    return PathUnknown(
        "LinkLeavesRepository",
        f"path {path!r} at {commit}: expected links that stay inside the repository, found one "
        "that leaves it or never ends",
    )
