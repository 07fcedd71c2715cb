"""The far end of a mirror: what every transport can do, and the words for its failures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trimtab.adapters.git.refs import Refs
from trimtab.ports.source import (
    Repository,
    RepositoryDenied,
    RepositoryUnreachable,
    RevisionUnknown,
    SourceTooLarge,
)
from trimtab.services.giturls import display_url


class PackBroken(Exception):
    """A received pack does not fit the mirror: one of the two is damaged."""


class ProtocolMissing(Exception):
    """The server does not speak protocol v2: the transport cannot be used with it."""


class Inbox(Protocol):
    """Where a fetch puts what it receives: a mirror under its lock."""

    @property
    def path(self) -> str:
        """The bare repository's folder."""
        ...

    def haves(self) -> Sequence[str]:
        """Return commits that are here with all their history, newest first.

        Raises:
            MirrorBroken: The mirror is damaged.
        """
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to fetch.

    Args:
        commits: Full ids.
        size_bytes: Most that may be received.
    """

    commits: tuple[str, ...]
    size_bytes: int


class Remote(Protocol):
    """A way to talk to Git servers."""

    async def list_refs(self, repository: Repository) -> Refs:
        """Return HEAD, branches, tags and what else the server shows by default."""
        ...

    async def fetch(self, repository: Repository, wanted: Wanted, inbox: Inbox) -> None:
        """Put the wanted commits, with all their history, into the inbox."""
        ...


def unreachable(repository: Repository, found: str) -> RepositoryUnreachable:
    """Return the error of a server that gave no usable answer."""
    return RepositoryUnreachable(
        "RepositoryUnreachable",
        f"repository {display_url(repository.url)}: expected an answer from the Git server, "
        f"found: {found}",
    )


def denied(repository: Repository, found: str) -> RepositoryDenied:
    """Return the error of credentials that do not open the repository."""
    given = repository.credentials
    held = [
        name
        for name, value in {
            f"username {given.username!r}": given.username,
            "a password": given.password,
            "a bearer token": given.bearer_token,
            "an SSH key": given.ssh_private_key,
            "a client certificate": given.client_cert_pem,
        }.items()
        if value
    ]
    ignored = ", ".join(repository.unsupported)
    hint = f"; of its Secret, {ignored} is not supported and has no effect" if ignored else ""
    return RepositoryDenied(
        "RepositoryDenied",
        f"repository {display_url(repository.url)}: {found}; tried with "
        f"{' and '.join(held) or 'no credentials'}; check the repository's Secret and its rights"
        f"{hint}",
    )


def unknown_commit(repository: Repository, commits: Sequence[str]) -> RevisionUnknown:
    """Return the error of a commit that the server does not have (any more)."""
    return RevisionUnknown(
        "RevisionUnknown",
        f"repository {display_url(repository.url)}: commit {', '.join(commits)} does not exist "
        "on the server",
    )


def too_large(repository: Repository, what: str) -> SourceTooLarge:
    """Return the error of a limit that was met."""
    return SourceTooLarge("SourceTooLarge", f"repository {display_url(repository.url)}: {what}")
