"""A keyed work queue: one worker per key at a time, never twice for one reason.

Rules. A key that is added while it waits is merged. A key that is added while a worker has it comes
back when the worker is done. Higher priority goes first; within a priority, groups (clusters) take
turns. No group holds more than its limit of workers, nor more workers than are free beside it: some
are always left for the next group, however many clusters are dead.
"""

import heapq
from collections import OrderedDict
from dataclasses import dataclass
from enum import IntEnum
from itertools import count


class Priority(IntEnum):
    """Who asked; lower values go first."""

    USER = 0
    EVENT = 1
    POLL = 2


@dataclass(frozen=True, slots=True)
class _Wish:
    """That a key is looked at."""

    priority: Priority
    due: float
    group: str


@dataclass(slots=True)
class _Waiting:
    """A key that waits; ``ticket`` tells its entry among the delayed ones from older entries."""

    wish: _Wish
    ticket: int
    is_ready: bool = False


class WorkQueue:
    """Keys that wait to be worked on. Not thread-safe: it belongs to one event loop.

    Args:
        group_limit: How many keys of one group may be worked on at once.
        workers: How many keys may be worked on at once.
    """

    def __init__(self, *, group_limit: int, workers: int) -> None:
        self._group_limit = group_limit
        self._workers = workers
        self._waiting: dict[str, _Waiting] = {}
        self._delayed: list[tuple[float, int, str]] = []
        self._ready: dict[Priority, OrderedDict[str, OrderedDict[str, None]]] = {
            priority: OrderedDict() for priority in Priority
        }
        self._active: dict[str, str] = {}
        self._again: dict[str, _Wish] = {}
        self._busy: dict[str, int] = {}
        self._tickets = count()

    def __len__(self) -> int:
        """Return how many keys wait or are worked on."""
        return len(self._waiting) + len(self._active)

    @property
    def active(self) -> int:
        """How many keys are worked on now."""
        return len(self._active)

    def add(
        self, key: str, *, due: float = 0.0, priority: Priority = Priority.EVENT, group: str = ""
    ) -> None:
        """Ask for a look at a key.

        Args:
            key: What to look at.
            due: Not before this time; an earlier time asked for before stays.
            priority: Who asks; a more urgent one asked for before stays.
            group: Whose share of the workers it takes.
        """
        wish = _Wish(priority, due, group)
        if key in self._active:
            self._again[key] = _merged(self._again.get(key), wish)
            return
        waiting = self._waiting.get(key)
        if waiting is not None:
            merged = _merged(waiting.wish, wish)
            if merged == waiting.wish:
                return
            self._drop(key)
            wish = merged
        ticket = next(self._tickets)
        self._waiting[key] = _Waiting(wish, ticket)
        heapq.heappush(self._delayed, (wish.due, ticket, key))

    def take(self, now: float) -> str | None:
        """Return the most urgent due key and mark it as worked on; None if there is none."""
        self._promote(now)
        free = self._workers - len(self._active)
        if free <= 0:
            return None
        share = min(self._group_limit, free)
        for groups in self._ready.values():
            for group, keys in groups.items():
                if self._busy.get(group, 0) < share:
                    key = next(iter(keys))
                    self._drop(key)
                    # It had its turn: the other groups of this priority come first now.
                    if group in groups:
                        groups.move_to_end(group)
                    self._active[key] = group
                    self._busy[group] = self._busy.get(group, 0) + 1
                    return key
        return None

    def done(self, key: str) -> None:
        """Say that the worker is finished with a key."""
        group = self._active.pop(key)
        self._busy[group] -= 1
        if not self._busy[group]:
            del self._busy[group]
        again = self._again.pop(key, None)
        if again is not None:
            self.add(key, due=again.due, priority=again.priority, group=again.group)

    def forget(self, key: str) -> None:
        """Drop a waiting key: what it stood for is gone."""
        if key in self._waiting:
            self._drop(key)
        self._again.pop(key, None)

    def next_due(self) -> float | None:
        """Return when the next delayed key is due.

        Keys that are ready and held back by the limits have no time: they go on when a worker is
        done.
        """
        while self._delayed:
            due, ticket, key = self._delayed[0]
            waiting = self._waiting.get(key)
            if waiting is not None and waiting.ticket == ticket:
                return due
            heapq.heappop(self._delayed)
        return None

    def _promote(self, now: float) -> None:
        while (due := self.next_due()) is not None and due <= now:
            _, _, key = heapq.heappop(self._delayed)
            waiting = self._waiting[key]
            waiting.is_ready = True
            groups = self._ready[waiting.wish.priority]
            groups.setdefault(waiting.wish.group, OrderedDict())[key] = None

    def _drop(self, key: str) -> None:
        """Take a key out of those that wait."""
        waiting = self._waiting.pop(key)
        if not waiting.is_ready:
            return
        groups, group = self._ready[waiting.wish.priority], waiting.wish.group
        del groups[group][key]
        if not groups[group]:
            del groups[group]


def _merged(before: _Wish | None, wanted: _Wish) -> _Wish:
    if before is None:
        return wanted
    priority = min(before.priority, wanted.priority)
    return _Wish(priority, min(before.due, wanted.due), wanted.group or before.group)
