"""Where desired state comes from: Git repositories, read without a checkout.

A revision is resolved once to a commit; everything else reads that commit's trees. Errors name the
repository by its URL without credentials.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from trimtab.core.errors import Stalled, Transient


class RepositoryUnreachable(Transient):
    """No usable answer: refused, timed out, not a Git server, TLS failure."""


class RepositoryDenied(Stalled):
    """Wrong or missing credentials, or an unknown host key."""


class RevisionUnknown(Stalled):
    """The branch, tag, commit or range does not exist in the repository (any more)."""


class PathUnknown(Stalled):
    """The path does not exist at that commit, or leaves the repository."""


class SourceTooLarge(Stalled):
    """The repository or a file in it exceeds a limit."""


@dataclass(frozen=True, slots=True)
class RepositoryCredentials:
    """How to get into a repository; fields of Argo CD's repository Secret.

    Secrets never appear in a repr.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    ssh_private_key: str = field(default="", repr=False)
    ssh_known_hosts: str = ""
    ca_pem: str = ""
    client_cert_pem: str = ""
    client_key_pem: str = field(default="", repr=False)
    insecure: bool = False
    proxy: str = ""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository to read.

    Args:
        url: As the user wrote it.
        credentials: Already matched (exact repository first, then the longest repo-creds prefix).
        kind: ``git``, ``helm`` or ``oci``.
        submodules: Whether submodules are followed.
        project: On whose behalf; decides what opens its submodules.
        unsupported: Fields of its Secret that have no effect; sorted.
    """

    url: str
    credentials: RepositoryCredentials = RepositoryCredentials()
    kind: str = "git"
    submodules: bool = False
    project: str = field(default="", compare=False)
    unsupported: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A revision, resolved.

    Args:
        commit: 40 hex digits.
        ref: The full ref that it came from (``refs/heads/main``), empty for a plain commit id.
        replaced: What the ref meant before its history was rewritten, until it moves on.
    """

    commit: str
    ref: str = ""
    replaced: str = ""


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """Who committed what and when. Times are RFC 3339, UTC."""

    commit: str
    author: str
    committed_at: str
    subject: str
    message: str
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One file of a tree.

    Args:
        path: Relative to the repository root, with ``/``.
        oid: Object id of the blob.
        size_bytes: Its size.
        is_symlink: Whether the blob is a link's target.
    """

    path: str
    oid: str
    size_bytes: int
    is_symlink: bool = False


class Source(Protocol):
    """Git repositories, mirrored locally. All methods may be called concurrently."""

    async def resolve(
        self,
        repository: Repository,
        revision: str,
        *,
        tag_prefix: str = "",
        fresh: bool = False,
    ) -> Resolved:
        """Return the commit of a branch, tag, commit id, HEAD or semver range.

        Args:
            repository: Where to look.
            revision: As in targetRevision; empty means HEAD.
            tag_prefix: For a semver range only tags that begin so count; it is no part of versions.
            fresh: Ask the server now, instead of the last poll's answer.

        Raises:
            RepositoryUnreachable, RepositoryDenied, RevisionUnknown
        """
        ...

    async def fetch(self, repository: Repository, commit: str) -> None:
        """Have the commit in the mirror; returns at once when it is there.

        Raises:
            RepositoryUnreachable, RepositoryDenied, RevisionUnknown, SourceTooLarge
        """
        ...

    async def object_ids(
        self, repository: Repository, commit: str, paths: Sequence[str]
    ) -> Mapping[str, str]:
        """Return the tree or blob id of each path that exists (``""`` is the root tree)."""
        ...

    async def pins(
        self, repository: Repository, commit: str, paths: Sequence[str]
    ) -> Mapping[str, str]:
        """Return the commit that each path pins which is a submodule; links are not followed."""
        ...

    async def entries(self, repository: Repository, commit: str, path: str) -> Sequence[TreeEntry]:
        """Return all files below a folder, sorted by path.

        Raises:
            PathUnknown
        """
        ...

    async def read(
        self, repository: Repository, commit: str, paths: Sequence[str]
    ) -> Mapping[str, bytes]:
        """Return the content of each file that exists.

        Raises:
            SourceTooLarge
        """
        ...

    async def export(self, repository: Repository, commit: str, path: str, into: Path) -> None:
        """Write the files below ``path`` under ``into``, links included, nothing outside of it."""
        ...

    async def commit_info(self, repository: Repository, commit: str) -> CommitInfo:
        """Return author, time and message of a commit in the mirror."""
        ...
