"""The port Source over real Git servers: resolving, fetching, reading."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from trimtab.adapters.git.cli import CliRemote
from trimtab.adapters.git.depot import Depot
from trimtab.adapters.git.http import HttpRemote
from trimtab.adapters.git.limits import GitLimits
from trimtab.adapters.git.mirror import limit_library_memory
from trimtab.adapters.git.poller import ANSWER_LASTS_POLLS, OnChange, Poller
from trimtab.adapters.git.refs import FULL_ID, HEADS, SHORT_ID, TAGS, Refs
from trimtab.adapters.git.remote import ProtocolMissing, Remote
from trimtab.adapters.git.trees import Budget, MirrorBroken, Tree
from trimtab.adapters.git.upstream import RefChange, Upstream
from trimtab.core.errors import TrimtabError
from trimtab.ports.source import (
    CommitInfo,
    Repository,
    Resolved,
    RevisionUnknown,
    TreeEntry,
)
from trimtab.runtime.clock import Clock, SystemClock, format_time
from trimtab.services.giturls import display_url, parse_git_url

_ASK_AGAIN_AFTER_S: Final = 1.0

T = TypeVar("T")


class GitSource:
    """Git repositories, mirrored below one folder. Implements the port ``Source``.

    Args:
        cache_dir: Where mirrors live; may be deleted at any time, and shared by processes.
        limits: What one repository may cost, and how often it is polled.
        on_change: Told by the poller about changed refs: repository URL, ref -> change. It runs on
            the event loop and must not block.
        clock: Time.
        allow_file: Whether local paths may be read; for offline tools, never for a service.
    """

    def __init__(
        self,
        cache_dir: Path,
        *,
        limits: GitLimits | None = None,
        on_change: OnChange | None = None,
        clock: Clock | None = None,
        allow_file: bool = False,
    ) -> None:
        limit_library_memory()
        self._limits = limits or GitLimits()
        self._clock = clock or SystemClock()
        self._http = HttpRemote(self._limits)
        self._cli = CliRemote(self._limits, allow_file=allow_file)
        self._older: set[Repository] = set()
        self._upstreams: dict[Repository, Upstream] = {}
        self._depot = Depot(cache_dir, self._limits, self._clock)
        self._poller = Poller(
            self._upstreams, self._limits.poll_interval, self._clock, self._describe, on_change
        )

    async def run(self) -> None:
        """Poll every repository that was asked for, until cancelled."""
        await self._poller.run()

    def notify(self, url: str) -> int:
        """Look at once for changes in the repositories that a URL names.

        Args:
            url: Any clone URL or the web page of a repository, as webhooks name it.

        Returns:
            How many known repositories it concerns.
        """
        return self._poller.notify(url)

    def forget(self, url: str) -> None:
        """Stop polling a repository that nothing uses any more."""
        self._poller.forget(url)

    async def close(self) -> None:
        """Close connections and files."""
        self._depot.close()
        await self._http.close()

    async def resolve(
        self,
        repository: Repository,
        revision: str,
        *,
        tag_prefix: str = "",
        fresh: bool = False,
    ) -> Resolved:
        """Return the commit of a branch, tag, commit id, HEAD or semver range."""
        upstream = self._upstream(repository)
        lasts = self._limits.poll_interval * ANSWER_LASTS_POLLS
        refs = await (upstream.fresh() if fresh else upstream.recent(lasts))
        found = refs.find(revision, tag_prefix)
        if found is None and FULL_ID.match(revision.lower()):
            await self.fetch(repository, revision.lower())
            return Resolved(revision.lower())
        if found is None and not fresh and upstream.age_s() > _ASK_AGAIN_AFTER_S:
            refs = await upstream.fresh()
            found = refs.find(revision, tag_prefix)
        if found is None and SHORT_ID.match(revision.lower()):
            found = await self._find_short(repository, refs, revision.lower())
        if found is None:
            raise _unknown(upstream, refs, revision)
        return replace(found, replaced=upstream.replaced.get(found.ref, ""))

    async def fetch(self, repository: Repository, commit: str) -> None:
        """Have the commit in the mirror; returns at once when it is there."""
        await self._fetch(repository, [commit])

    async def object_ids(
        self, repository: Repository, commit: str, paths: Sequence[str]
    ) -> Mapping[str, str]:
        """Return the tree or blob id of each path that exists (``""`` is the root tree)."""

        def look(tree: Tree, _: Budget) -> dict[str, str]:
            found = {path: tree.object_id(path) for path in paths}
            return {path: oid for path, oid in found.items() if oid is not None}

        return await self._read(repository, commit, look)

    async def pins(
        self, repository: Repository, commit: str, paths: Sequence[str]
    ) -> Mapping[str, str]:
        """Return the commit that each path pins which is a submodule; links are not followed."""

        def look(tree: Tree, _: Budget) -> dict[str, str]:
            found = {path: tree.pin(path) for path in paths}
            return {path: commit for path, commit in found.items() if commit is not None}

        return await self._read(repository, commit, look)

    async def entries(self, repository: Repository, commit: str, path: str) -> Sequence[TreeEntry]:
        """Return all files below a folder, sorted by path."""
        return await self._read(repository, commit, lambda tree, budget: tree.files(path, budget))

    async def read(
        self, repository: Repository, commit: str, paths: Sequence[str]
    ) -> Mapping[str, bytes]:
        """Return the content of each file that exists."""
        return await self._read(repository, commit, lambda tree, budget: tree.read(paths, budget))

    async def export(self, repository: Repository, commit: str, path: str, into: Path) -> None:
        """Write the files below ``path`` under ``into``, links included, nothing outside of it."""
        await self._read(repository, commit, lambda tree, budget: tree.export(path, into, budget))

    async def commit_info(self, repository: Repository, commit: str) -> CommitInfo:
        """Return author, time and message of a commit in the mirror."""
        mirror = self._depot.mirror(repository)
        try:
            found = mirror.commit(commit)
        except MirrorBroken as error:
            await self._repair(repository, commit, error)
            found = mirror.commit(commit)
        message = found.message.strip("\n")
        return CommitInfo(
            commit=str(found.id),
            author=f"{found.author.name} <{found.author.email}>",
            committed_at=format_time(datetime.fromtimestamp(found.commit_time, UTC)),
            subject=message.partition("\n")[0],
            message=message,
            parents=tuple(str(parent) for parent in found.parent_ids),
        )

    def _upstream(self, repository: Repository) -> Upstream:
        upstream = self._upstreams.get(repository)
        if upstream is None:
            upstream = Upstream(repository, self._list_refs, self._clock)
            self._upstreams[repository] = upstream
            self._poller.admit(upstream)
        upstream.used_at = self._clock.monotonic()
        return upstream

    async def _list_refs(self, repository: Repository) -> Refs:
        return await self._with_remote(repository, lambda remote: remote.list_refs(repository))

    async def _fetch(self, repository: Repository, commits: Sequence[str]) -> None:
        mirror = self._depot.mirror(repository)
        if all(mirror.has(commit) for commit in commits):
            return
        failures = self._upstream(repository).fetch_failures
        key = " ".join(commits)
        failures.check(key)
        try:
            await self._with_remote(
                repository, lambda remote: self._depot.fetch(repository, commits, remote)
            )
        except TrimtabError as error:
            failures.note(key, error)
            raise

    async def _read(
        self, repository: Repository, commit: str, job: Callable[[Tree, Budget], T]
    ) -> T:
        return await self._with_remote(
            repository, lambda remote: self._depot.read(repository, commit, remote, job)
        )

    async def _repair(self, repository: Repository, commit: str, found: Exception) -> None:
        await self._with_remote(
            repository, lambda remote: self._depot.repair(repository, commit, remote, found)
        )

    async def _with_remote(
        self, repository: Repository, call: Callable[[Remote], Awaitable[T]]
    ) -> T:
        scheme = parse_git_url(repository.url).scheme
        if scheme not in ("http", "https") or repository in self._older:
            return await call(self._cli)
        try:
            return await call(self._http)
        except ProtocolMissing:
            self._older.add(repository)
            return await call(self._cli)

    async def _find_short(self, repository: Repository, refs: Refs, short: str) -> Resolved | None:
        mirror = self._depot.mirror(repository)
        found = mirror.find(short)
        if not found:
            # Any branch may lead to it, so all of them are needed.
            tips = sorted({c for r, c in refs.commits.items() if r.startswith((HEADS, TAGS))})
            await self._fetch(repository, tips)
            found = mirror.find(short)
        return Resolved(found[0]) if found else None

    async def _describe(
        self, repository: Repository, changes: Mapping[str, tuple[str, str]]
    ) -> dict[str, RefChange]:
        """Fetch what is in use, and say of each change whether history was rewritten."""
        mirror = self._depot.mirror(repository)
        used = {ref: pair for ref, pair in changes.items() if all(pair) and mirror.has(pair[0])}
        if used:
            await self._fetch(repository, sorted({new for _, new in used.values()}))
        found = {
            ref: RefChange(old, new, forced=ref in used and not mirror.descends(new, old))
            for ref, (old, new) in changes.items()
        }
        replaced = self._upstream(repository).replaced
        for ref, change in found.items():
            replaced.pop(ref, None)
            if change.forced:
                replaced[ref] = change.old
        return found


def _unknown(upstream: Upstream, refs: Refs, revision: str) -> RevisionUnknown:
    where = display_url(upstream.repository.url)
    names = (revision, HEADS + revision, TAGS + revision)
    gone = next((name for name in names if name in upstream.vanished), "")
    if gone:
        last = upstream.vanished[gone]
        return RevisionUnknown(
            "RevisionUnknown",
            f"repository {where}: {gone} no longer exists on the server; its last commit was "
            f"{last}",
        )
    if not refs.commits:
        return RevisionUnknown(
            "RevisionUnknown", f"repository {where}: it is empty; push a commit to it"
        )
    branches = sum(ref.startswith(HEADS) for ref in refs.commits)
    tags = sum(ref.startswith(TAGS) for ref in refs.commits)
    return RevisionUnknown(
        "RevisionUnknown",
        f"repository {where}: expected {revision or 'HEAD'!r} to be a branch, a tag, a commit or a "
        f"semver range that a tag satisfies, found none among {branches} branches and {tags} tags",
    )
