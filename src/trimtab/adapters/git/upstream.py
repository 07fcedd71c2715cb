"""What is known about one repository's server: its refs, how old they are, and how it fails.

A server that failed is left alone for a growing while; who asks meanwhile gets the same error at
once: a dead server costs nobody a deadline. A user's refresh may ask again after a second.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from trimtab.adapters.git.flight import SharedCall
from trimtab.adapters.git.refs import Refs
from trimtab.core.errors import Transient, TrimtabError
from trimtab.ports.source import Repository
from trimtab.runtime.backoff import Backoff
from trimtab.runtime.clock import Clock

_BACKOFF: Final = Backoff(first=timedelta(seconds=1), most=timedelta(minutes=5))
_IMPATIENCE_S: Final = 1.0
_MOST_REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True)
class RefChange:
    """How a ref differs from what was known before.

    Args:
        old: Commit before, empty when the ref is new.
        new: Commit now, empty when the ref has vanished.
        forced: History was rewritten: ``new`` does not build on ``old``.
    """

    old: str
    new: str
    forced: bool = False


@dataclass(slots=True)
class _Failure:
    error: TrimtabError
    at: float
    count: int
    retry_at: float


class FailureBook:
    """Remembers failures by what was tried, and says when it may be tried again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[str, _Failure] = {}

    def check(self, key: str, *, impatient: bool = False) -> None:
        """Raise the remembered error while it is too early for another try."""
        failure = self._failures.get(key)
        if failure is None:
            return
        until = failure.at + _IMPATIENCE_S if impatient else failure.retry_at
        if self._clock.monotonic() < until:
            raise failure.error

    def retry_at(self, key: str) -> float | None:
        """Return the monotonic time of the next try, or None after a success."""
        failure = self._failures.get(key)
        return None if failure is None else failure.retry_at

    def note(self, key: str, error: TrimtabError) -> None:
        """Remember one more failure."""
        before = self._failures.pop(key, None)
        count = before.count + 1 if before else 1
        wait = _BACKOFF.delay(count)
        if isinstance(error, Transient) and error.retry_after is not None:
            wait = max(wait, error.retry_after)
        now = self._clock.monotonic()
        self._failures[key] = _Failure(error, now, count, now + wait.total_seconds())
        if len(self._failures) > _MOST_REMEMBERED:
            del self._failures[next(iter(self._failures))]

    def clear(self, key: str | None = None) -> None:
        """Forget failures: of one thing, or all."""
        if key is None:
            self._failures.clear()
        else:
            self._failures.pop(key, None)


class Upstream:
    """One repository as one set of credentials sees it.

    Args:
        repository: The repository.
        list_refs: Asks the server.
        clock: Time.

    Attributes:
        refs: The last answer, None before the first.
        pending: Changes not reported yet, by ref.
        vanished: The last commits of refs that are gone.
        replaced: Of refs whose history was rewritten, what they meant before.
        used_at: Monotonic time of the last question.
        due_at: Monotonic time of the next poll.
        is_lost: The last answer is too old to go by, and asking fails.
    """

    def __init__(
        self,
        repository: Repository,
        list_refs: Callable[[Repository], Awaitable[Refs]],
        clock: Clock,
    ) -> None:
        self.repository = repository
        self.refs: Refs | None = None
        self.pending: dict[str, tuple[str, str]] = {}
        self.vanished: dict[str, str] = {}
        self.replaced: dict[str, str] = {}
        self.is_lost = False
        self.fetch_failures = FailureBook(clock)
        self.used_at = self.due_at = clock.monotonic()
        self._list_refs = list_refs
        self._clock = clock
        self._asked_at = 0.0
        self._failures = FailureBook(clock)
        self._flight: SharedCall[Refs] = SharedCall()

    def age_s(self) -> float:
        """Return how old the last answer is."""
        return float("inf") if self.refs is None else self._clock.monotonic() - self._asked_at

    def retry_at(self) -> float | None:
        """Return when a failing server may be polled again, None when it does not fail."""
        return self._failures.retry_at("")

    async def recent(self, max_age: timedelta) -> Refs:
        """Return the last answer if it is not older, else ask."""
        if self.refs is not None and self.age_s() <= max_age.total_seconds():
            return self.refs
        self._failures.check("")
        return await self._flight.ask(self._ask, newer=False)

    async def fresh(self) -> Refs:
        """Return an answer that is newer than this question."""
        self._failures.check("", impatient=True)
        return await self._flight.ask(self._ask, newer=True)

    async def _ask(self) -> Refs:
        # The answer is as old as its question: a push meanwhile may be missing in it.
        asked_at = self._clock.monotonic()
        try:
            refs = await self._list_refs(self.repository)
        except TrimtabError as error:
            self._failures.note("", error)
            raise
        self._failures.clear()
        self.fetch_failures.clear()
        self._asked_at = asked_at
        if self.refs is not None:
            self._note_changes(refs.changes_since(self.refs))
        self.refs = refs
        return refs

    def _note_changes(self, changes: dict[str, tuple[str, str]]) -> None:
        for ref, (old, new) in changes.items():
            first = self.pending.get(ref, (old, new))[0]
            self.pending[ref] = (first, new)
            if new:
                self.vanished.pop(ref, None)
            else:
                self.vanished[ref] = old
