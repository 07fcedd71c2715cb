"""Git for tests: repositories in memory behind the port Source, and the real server.

``FakeSource`` passes the contract suite that the real adapter passes, as far as a server, its
credentials and its failures over the wire are no part of it.
"""

import hashlib
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from trimtab.adapters.git import RefChange
from trimtab.adapters.git.refs import FULL_ID, HEADS, SHORT_ID, TAGS, Refs
from trimtab.adapters.git.trees import clean_path
from trimtab.adapters.gitserver import GitServer, Tls, Webhook
from trimtab.core.errors import TrimtabError
from trimtab.ports.source import (
    CommitInfo,
    PathUnknown,
    Repository,
    Resolved,
    RevisionUnknown,
    SourceTooLarge,
    TreeEntry,
)
from trimtab.runtime.clock import format_time
from trimtab.services.giturls import canonical_url
from trimtab.testing.git_files import (
    Content,
    Link,
    Pin,
    blob_id,
    data_of,
    files_below,
    follow,
    tree_id,
)

_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Commit:
    files: Mapping[str, Content]
    info: CommitInfo


@dataclass(slots=True)
class _FakeRepository:
    commits: dict[str, _Commit] = field(default_factory=dict[str, _Commit])
    refs: dict[str, str] = field(default_factory=dict[str, str])
    vanished: dict[str, str] = field(default_factory=dict[str, str])
    replaced: dict[str, str] = field(default_factory=dict[str, str])
    error: TrimtabError | None = None


class FakeSource:
    """Repositories in memory. Implements the port ``Source``; a push is a call of ``commit``.

    Args:
        on_change: Told about each changed ref, at once.
        file_bytes: Larger files are refused.

    Attributes:
        resolves: How often a revision was asked for, by URL.
    """

    def __init__(
        self,
        *,
        on_change: Callable[[str, Mapping[str, RefChange]], None] | None = None,
        file_bytes: int = 10 << 20,
    ) -> None:
        self._repositories: dict[str, _FakeRepository] = {}
        self._on_change = on_change
        self._file_bytes = file_bytes
        self.resolves: dict[str, int] = {}

    def commit(
        self,
        url: str,
        files: Mapping[str, str | Content | None],
        *,
        branch: str = "main",
        message: str = "Change something",
        author: str = "Jo <jo@example.com>",
        force: bool = False,
    ) -> str:
        """Push a commit and return its id.

        Args:
            url: The repository; it comes to be with its first commit.
            files: Laid over the parent's; None deletes one.
            branch: Where it goes.
            message: Commit message.
            author: ``Name <address>``.
            force: Without a parent: the branch is rewritten.
        """
        repository = self._repositories.setdefault(canonical_url(url), _FakeRepository())
        parent = "" if force else repository.refs.get(HEADS + branch, "")
        merged = dict(repository.commits[parent].files) if parent else dict[str, Content]()
        for path, content in files.items():
            if content is None:
                merged.pop(path, None)
            else:
                merged[path] = content.encode() if isinstance(content, str) else content
        at = format_time(_EPOCH + timedelta(minutes=len(repository.commits)))
        parents = (parent,) if parent else ()
        described = f"{tree_id(merged)}{parents}{at}{author}{message}"
        commit = hashlib.sha1(described.encode()).hexdigest()  # noqa: S324  # as Git does
        subject = message.partition("\n")[0]
        info = CommitInfo(commit, author, at, subject, message, parents)
        repository.commits[commit] = _Commit(merged, info)
        self._move(url, repository, HEADS + branch, commit, forced=force)
        return commit

    def tag(self, url: str, name: str, commit: str) -> None:
        """Push a tag."""
        self._move(url, self._repositories[canonical_url(url)], TAGS + name, commit)

    def delete_branch(self, url: str, name: str) -> None:
        """Delete a branch on the server."""
        repository = self._repositories[canonical_url(url)]
        old = repository.refs.pop(HEADS + name)
        repository.vanished[HEADS + name] = old
        if self._on_change is not None:
            self._on_change(url, {HEADS + name: RefChange(old, "")})

    def fail(self, url: str, error: TrimtabError | None) -> None:
        """Answer every question about a repository with an error, until told None."""
        repository = self._repositories.setdefault(canonical_url(url), _FakeRepository())
        repository.error = error

    async def resolve(
        self,
        repository: Repository,
        revision: str,
        *,
        tag_prefix: str = "",
        fresh: bool = False,
    ) -> Resolved:
        """Return the commit of a branch, tag, commit id, HEAD or semver range."""
        del fresh
        self.resolves[repository.url] = self.resolves.get(repository.url, 0) + 1
        held = self._held(repository)
        head = HEADS + "main"
        refs = Refs(held.refs, head, held.refs.get(head, ""))
        found = refs.find(revision, tag_prefix)
        if found is not None:
            return replace(found, replaced=held.replaced.get(found.ref, ""))
        if FULL_ID.match(revision) or SHORT_ID.match(revision):
            matching = [commit for commit in held.commits if commit.startswith(revision)]
            if len(matching) == 1:
                return Resolved(matching[0])
        gone = " (it was deleted)" if HEADS + revision in held.vanished else ""
        raise RevisionUnknown(
            "RevisionUnknown", f"repository {repository.url}: no revision {revision!r}{gone}"
        )

    async def fetch(self, repository: Repository, commit: str) -> None:
        """Check that the commit exists."""
        self._commit(repository, commit)

    async def object_ids(
        self, repository: Repository, commit: str, paths: Sequence[str]
    ) -> Mapping[str, str]:
        """Return the tree or blob id of each path that exists (``""`` is the root tree)."""
        files = self._commit(repository, commit).files
        ids: dict[str, str] = {}
        for path in paths:
            place = follow(files, path)
            below = files_below(files, place)
            if place in files and not isinstance(files[place], Pin):
                ids[path] = blob_id(files[place])
            elif below:
                ids[path] = tree_id(below)
        return ids

    async def pins(
        self, repository: Repository, commit: str, paths: Sequence[str]
    ) -> Mapping[str, str]:
        """Return the commit that each path pins which is a submodule."""
        files = self._commit(repository, commit).files
        found = {path: files.get(clean_path(path)) for path in paths}
        return {path: pin.commit for path, pin in found.items() if isinstance(pin, Pin)}

    async def entries(self, repository: Repository, commit: str, path: str) -> Sequence[TreeEntry]:
        """Return all files below a folder, sorted by path."""
        base = clean_path(path)
        below = files_below(self._commit(repository, commit).files, base)
        if not below:
            raise PathUnknown("PathUnknown", f"path {path!r} at {commit}: no such folder")
        return [
            TreeEntry(
                posixpath.join(base, name),
                blob_id(content),
                len(data_of(content)),
                is_symlink=isinstance(content, Link),
            )
            for name, content in sorted(below.items())
            if not isinstance(content, Pin)
        ]

    async def read(
        self, repository: Repository, commit: str, paths: Sequence[str]
    ) -> Mapping[str, bytes]:
        """Return the content of each file that exists."""
        files = self._commit(repository, commit).files
        contents: dict[str, bytes] = {}
        for path in paths:
            content = files.get(follow(files, path))
            if isinstance(content, bytes):
                self._check_size(repository, path, content)
                contents[path] = content
        return contents

    async def export(self, repository: Repository, commit: str, path: str, into: Path) -> None:
        """Write the files below ``path`` under ``into``, links included."""
        below = files_below(self._commit(repository, commit).files, clean_path(path))
        if not below:
            raise PathUnknown("PathUnknown", f"path {path!r} at {commit}: no such folder")
        for name in (name for name, content in below.items() if isinstance(content, Link)):
            follow(below, name)
        for name, content in below.items():
            if isinstance(content, Pin):
                continue
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Link):
                target.symlink_to(content.target)
            else:
                self._check_size(repository, name, content)
                target.write_bytes(content)

    async def commit_info(self, repository: Repository, commit: str) -> CommitInfo:
        """Return author, time and message of a commit."""
        return self._commit(repository, commit).info

    def _held(self, repository: Repository) -> _FakeRepository:
        held = self._repositories.setdefault(canonical_url(repository.url), _FakeRepository())
        if held.error is not None:
            raise held.error
        return held

    def _commit(self, repository: Repository, commit: str) -> _Commit:
        found = self._held(repository).commits.get(commit)
        if found is None:
            raise RevisionUnknown(
                "RevisionUnknown", f"repository {repository.url}: no commit {commit}"
            )
        return found

    def _check_size(self, repository: Repository, path: str, content: bytes) -> None:
        if len(content) > self._file_bytes:
            raise SourceTooLarge(
                "SourceTooLarge",
                f"repository {repository.url}: file {path!r} has {len(content)} bytes, more than "
                f"{self._file_bytes}",
            )

    def _move(
        self, url: str, held: _FakeRepository, ref: str, commit: str, *, forced: bool = False
    ) -> None:
        old = held.refs.get(ref, "")
        held.refs[ref] = commit
        held.vanished.pop(ref, None)
        held.replaced.pop(ref, None)
        if forced and old:
            held.replaced[ref] = old
        if self._on_change is not None:
            self._on_change(url, {ref: RefChange(old, commit, forced=forced and bool(old))})


__all__ = ["FakeSource", "GitServer", "Link", "Pin", "Tls", "Webhook"]
