"""The files of a commit in memory: links, folders, and the ids that Git gives them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trimtab.adapters.git.trees import clean_path
from trimtab.ports.source import PathUnknown

_MOST_LINKS: Final = 40


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link in a commit."""

    target: str


@dataclass(frozen=True, slots=True)
class Pin:
    """A submodule in a commit: where it is, a commit of another repository is wanted."""

    commit: str


Content = bytes | Link | Pin
_MODES: Final[dict[type, str]] = {Link: "120000", Pin: "160000"}


def follow(files: Mapping[str, Content], path: str) -> str:
    """Return where a path leads when links are followed."""
    waiting = clean_path(path).split("/")[::-1]
    done: list[str] = []
    links = 0
    while waiting:
        name = waiting.pop()
        if name == ".." and not done:
            raise PathUnknown("LinkLeavesRepository", f"path {path!r} leaves the repository")
        if name == "..":
            done.pop()
        elif name not in ("", "."):
            done.append(name)
        content = files.get("/".join(done))
        if isinstance(content, Link):
            links += 1
            if content.target.startswith("/") or links > _MOST_LINKS:
                raise PathUnknown("LinkLeavesRepository", f"path {path!r} leaves the repository")
            done.pop()
            waiting.extend(content.target.split("/")[::-1])
    return "/".join(done)


def files_below(files: Mapping[str, Content], folder: str) -> dict[str, Content]:
    """Return the files of a folder by their paths in it."""
    prefix = f"{folder}/" if folder else ""
    return {
        path.removeprefix(prefix): content
        for path, content in files.items()
        if path.startswith(prefix)
    }


def data_of(content: bytes | Link) -> bytes:
    """Return what is stored for a file or a link."""
    return content.target.encode() if isinstance(content, Link) else content


def blob_id(content: Content) -> str:
    """Return Git's id of a file or a link; of a submodule, the commit."""
    if isinstance(content, Pin):
        return content.commit
    return _git_id("blob", data_of(content))


def tree_id(files: Mapping[str, Content]) -> str:
    """Return Git's id of a folder: equal files give equal ids, whatever commit holds them."""
    lines: dict[str, bytes] = {}
    for path, content in files.items():
        name, separator, _ = path.partition("/")
        if separator:
            oid, mode, key = tree_id(files_below(files, name)), "40000", f"{name}/"
        else:
            mode = _MODES.get(type(content), "100644")
            oid, key = blob_id(content), name
        lines[key] = f"{mode} {name}\0".encode() + bytes.fromhex(oid)
    return _git_id("tree", b"".join(lines[key] for key in sorted(lines)))


def _git_id(kind: str, data: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data).hexdigest()  # noqa: S324
