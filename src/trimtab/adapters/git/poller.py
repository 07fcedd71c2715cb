"""Asks every known repository for its refs, on time and without a herd, and reports changes.

Rules: intervals are jittered; a failing server is asked by its own backoff; each poll is a task of
its own with a deadline, so a slow server delays nobody; a webhook makes a repository due at once.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import timedelta
from typing import Final

import structlog

from trimtab.adapters.git.upstream import RefChange, Upstream
from trimtab.core.errors import TrimtabError
from trimtab.ports.source import Repository
from trimtab.runtime.clock import Clock
from trimtab.services.giturls import display_url, is_same_repository, web_url_matches

OnChange = Callable[[str, Mapping[str, RefChange]], None]
Describe = Callable[[Repository, Mapping[str, tuple[str, str]]], Awaitable[Mapping[str, RefChange]]]

# A poll comes a little late by its jitter and its own duration; its answer must last until then.
ANSWER_LASTS_POLLS: Final = 1.5
_JITTER: Final = 0.1
_AT_ONCE: Final = 64
_FORGET_OTHERS_AFTER_S: Final = 600.0
_log = structlog.get_logger(__name__)


class Poller:
    """Keeps the refs of all upstreams recent.

    Args:
        upstreams: Shared with the source, which adds to it.
        interval: Between two polls of one repository.
        clock: Time.
        describe: Turns pairs of commits into changes.
        on_change: Told about them; without changes when a repository got lost or came back.
    """

    def __init__(
        self,
        upstreams: MutableMapping[Repository, Upstream],
        interval: timedelta,
        clock: Clock,
        describe: Describe,
        on_change: OnChange | None,
    ) -> None:
        self._upstreams = upstreams
        self._interval_s = interval.total_seconds()
        self._clock = clock
        self._describe = describe
        self._on_change = on_change
        self._wake = asyncio.Event()
        self._busy: set[Repository] = set()
        self._again: set[Repository] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def admit(self, upstream: Upstream) -> None:
        """Plan the first poll of a repository that was just asked for."""
        upstream.due_at = self._next(upstream)
        self._wake.set()

    def notify(self, url: str) -> int:
        """Make the repositories that a URL names due now, and return how many there are."""
        found = [
            upstream
            for upstream in self._upstreams.values()
            if web_url_matches(upstream.repository.url, url)
            or is_same_repository(upstream.repository.url, url)
        ]
        for upstream in found:
            upstream.due_at = self._clock.monotonic()
            if upstream.repository in self._busy:
                # Its question may have been asked before the push: ask once more afterwards.
                self._again.add(upstream.repository)
        if found:
            self._wake.set()
        return len(found)

    def forget(self, url: str) -> None:
        """Poll the repositories of a URL no longer."""
        for repository in list(self._upstreams):
            if is_same_repository(repository.url, url):
                del self._upstreams[repository]

    async def run(self) -> None:
        """Poll until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                now = self._clock.monotonic()
                for upstream in list(self._upstreams.values()):
                    repository = upstream.repository
                    if repository in self._busy:
                        continue
                    if upstream.due_at <= now:
                        self._busy.add(repository)
                        tasks.create_task(self._poll(upstream))
                await self._rest()

    async def _rest(self) -> None:
        due = [u.due_at for u in self._upstreams.values() if u.repository not in self._busy]
        pause = min(due, default=self._clock.monotonic() + self._interval_s)
        try:
            async with asyncio.timeout(max(0.0, pause - self._clock.monotonic())):
                await self._wake.wait()
        except TimeoutError:
            self._drop_abandoned()

    async def _poll(self, upstream: Upstream) -> None:
        repository = upstream.repository
        where = display_url(repository.url)
        try:
            async with self._slots:
                await upstream.fresh()
                await self._report(upstream)
            self._turn(upstream, lost=False)
        except TrimtabError as error:
            _log.info("git poll failed", repository=where, reason=error.reason, error=str(error))
            if upstream.age_s() > self._interval_s * ANSWER_LASTS_POLLS:
                self._turn(upstream, lost=True)
        finally:
            self._busy.discard(repository)
            upstream.due_at = self._next(upstream)
            if repository in self._again:
                self._again.discard(repository)
                upstream.due_at = self._clock.monotonic()
            self._wake.set()

    def _turn(self, upstream: Upstream, *, lost: bool) -> None:
        """Tell once that a repository is out of reach, or back, though no ref has changed."""
        if upstream.is_lost != lost:
            upstream.is_lost = lost
            if self._on_change is not None:
                self._on_change(upstream.repository.url, {})

    async def _report(self, upstream: Upstream) -> None:
        pending, upstream.pending = upstream.pending, {}
        if not pending:
            return
        url = upstream.repository.url
        try:
            changes = await self._describe(upstream.repository, pending)
        except TrimtabError as error:
            # Those who use the refs fetch for themselves and will show the error.
            _log.info("git prefetch failed", repository=display_url(url), error=str(error))
            changes = {ref: RefChange(old, new) for ref, (old, new) in pending.items()}
        for ref, change in changes.items():
            if change.forced or not change.new:
                what = "rewritten" if change.new else "vanished"
                _log.warning("git ref " + what, repository=display_url(url), ref=ref)
        if self._on_change is not None:
            self._on_change(url, changes)

    def _next(self, upstream: Upstream) -> float:
        late = 1 + random.uniform(-_JITTER, _JITTER)  # noqa: S311  # spreads load, hides nothing
        regular = self._clock.monotonic() + self._interval_s * late
        retry_at = upstream.retry_at()
        return regular if retry_at is None else max(regular, retry_at)

    def _drop_abandoned(self) -> None:
        """Forget credentials that were replaced: another entry of the same URL is in use."""
        newest: dict[str, float] = {}
        for repository, upstream in self._upstreams.items():
            newest[repository.url] = max(newest.get(repository.url, 0.0), upstream.used_at)
        for repository, upstream in list(self._upstreams.items()):
            if upstream.used_at < newest[repository.url] - _FORGET_OTHERS_AFTER_S:
                del self._upstreams[repository]
