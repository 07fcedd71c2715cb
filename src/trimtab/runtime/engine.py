"""The controller engine: takes keys from a queue, runs the reconcile, and turns outcomes into time.

It knows nothing of our domain. A reconcile that raises is a bug: it is logged with its traceback,
backed off, and hurts no other key.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

import structlog

from trimtab.core.errors import Stalled, Transient
from trimtab.runtime.backoff import Backoff
from trimtab.runtime.clock import Clock
from trimtab.runtime.outcome import AgainAt, Done, Outcome, StalledFailure, TransientFailure
from trimtab.runtime.queue import Priority, WorkQueue

Reconcile = Callable[[str], Awaitable[Outcome]]

_log = structlog.get_logger("engine")


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How much is done at once.

    Args:
        workers: Keys worked on at once.
        group_limit: Keys of one group worked on at once, while as many workers are free.
        stalled_seconds: A stalled key is looked at again after this long.
        shutdown_seconds: How long running reconciles may finish at shutdown.
    """

    workers: int = 64
    group_limit: int = 32
    stalled_seconds: float = 300.0
    shutdown_seconds: float = 8.0


@dataclass(frozen=True, slots=True)
class Look:
    """One finished look at a key, for metrics."""

    key: str
    outcome: str
    seconds: float


class ControllerEngine:
    """Runs one reconcile function over the keys of a queue.

    Args:
        name: For logs and metrics.
        reconcile: Looks at one key.
        clock: Time.
        settings: Sizes.
        group_of: Whose share of workers a key takes.
        on_look: Called after each look.
    """

    def __init__(
        self,
        name: str,
        reconcile: Reconcile,
        *,
        clock: Clock,
        settings: EngineSettings | None = None,
        group_of: Callable[[str], str] = lambda _: "",
        on_look: Callable[[Look], None] = lambda _: None,
    ) -> None:
        self.name = name
        self._reconcile = reconcile
        self._clock = clock
        self._settings = settings or EngineSettings()
        self._group_of = group_of
        self._on_look = on_look
        self._queue = WorkQueue(
            group_limit=self._settings.group_limit, workers=self._settings.workers
        )
        self._backoff = Backoff()
        self._failures: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._stopping = False

    def __len__(self) -> int:
        """Return how many keys wait or are worked on."""
        return len(self._queue)

    def enqueue(
        self, key: str, *, priority: Priority = Priority.EVENT, after_seconds: float = 0.0
    ) -> None:
        """Ask for a look at a key, now or after a while."""
        due = self._clock.monotonic() + after_seconds if after_seconds > 0 else 0.0
        self._queue.add(key, due=due, priority=priority, group=self._group_of(key))
        self._wake.set()

    def forget(self, key: str) -> None:
        """Drop what is remembered of a key that is gone."""
        self._failures.pop(key, None)
        self._queue.forget(key)

    def stop(self) -> None:
        """Take no more keys; ``run`` returns when the running ones have ended."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Work until stopped. Cancelling it cancels what runs."""
        async with asyncio.TaskGroup() as tasks:
            running: set[asyncio.Task[None]] = set()
            while not self._stopping:
                self._dispatch(tasks, running)
                await self._pause()
            if running:
                await asyncio.wait(running, timeout=self._settings.shutdown_seconds)
            for task in running:
                _log.warning("shutdown.cut", controller=self.name, key=task.get_name())
                task.cancel()

    def _dispatch(self, tasks: asyncio.TaskGroup, running: set[asyncio.Task[None]]) -> None:
        self._wake.clear()
        now = self._clock.monotonic()
        while (key := self._queue.take(now)) is not None:
            task = tasks.create_task(self._work(key), name=key)
            running.add(task)
            task.add_done_callback(running.discard)

    async def _pause(self) -> None:
        """Wait until a key is added, is due, or is done: whatever may let another one go."""
        due = self._queue.next_due()
        wait = None if due is None else max(0.0, due - self._clock.monotonic())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._wake.wait()

    async def _work(self, key: str) -> None:
        started = self._clock.monotonic()
        try:
            outcome = await self._look(key)
        finally:
            self._queue.done(key)
            self._wake.set()
        self._schedule(key, outcome)
        self._on_look(Look(key, type(outcome).__name__, self._clock.monotonic() - started))

    async def _look(self, key: str) -> Outcome:
        try:
            return await self._reconcile(key)
        except Exception as error:
            return self._outcome_of(key, error)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # Not ours: the reconcile waited for something that somebody else cancelled.
            return self._outcome_of(key, error)

    def _outcome_of(self, key: str, error: BaseException) -> Outcome:
        match _first_cause(error):
            case Transient() as cause:
                return TransientFailure(cause.reason, cause.retry_after)
            case Stalled() as cause:
                return StalledFailure(cause.reason)
            case _:
                _log.error("reconcile.bug", controller=self.name, key=key, exc_info=error)
                return TransientFailure("Bug")

    def _schedule(self, key: str, outcome: Outcome) -> None:
        match outcome:
            case Done():
                self._failures.pop(key, None)
            case AgainAt(after):
                self._failures.pop(key, None)
                self.enqueue(key, priority=Priority.POLL, after_seconds=after.total_seconds())
            case TransientFailure(_, retry_after):
                failures = self._failures.get(key, 0) + 1
                self._failures[key] = failures
                delay = retry_after or self._backoff.delay(failures)
                self.enqueue(key, priority=Priority.POLL, after_seconds=delay.total_seconds())
            case StalledFailure():
                self._failures.pop(key, None)
                self.enqueue(
                    key, priority=Priority.POLL, after_seconds=self._settings.stalled_seconds
                )


def _first_cause(error: BaseException) -> BaseException:
    """Return what a group of expected failures means for its key, or the error itself.

    Work that is done side by side fails as a group. One that will pass by itself comes first: until
    it has passed, nobody knows what a human must change.
    """
    if not isinstance(error, BaseExceptionGroup):
        return error
    group = cast("BaseExceptionGroup[BaseException]", error)
    causes = [_first_cause(one) for one in group.exceptions]
    if not all(isinstance(cause, Transient | Stalled) for cause in causes):
        return group
    return min(causes, key=lambda cause: isinstance(cause, Stalled))
