"""A keyed work queue: one worker per key at a time, never twice for one reason.

Rules. A key that is added while it waits is merged. A key that is added while a worker has it comes
back when the worker is done. Higher priority goes first; within a priority, groups (clusters) take
turns, and no group holds more than its share of workers: one dead cluster never slows the others.
"""

import heapq
from collections import OrderedDict, deque
from dataclasses import dataclass
from enum import IntEnum
from itertools import count


class Priority(IntEnum):
    """Who asked; lower values go first."""

    USER = 0
    EVENT = 1
    POLL = 2


@dataclass(slots=True)
class _Waiting:
    priority: Priority
    due: float
    group: str


class WorkQueue:
    """Keys that wait to be worked on. Not thread-safe: it belongs to one event loop.

    Args:
        group_limit: How many keys of one group may be worked on at once.
    """

    def __init__(self, *, group_limit: int) -> None:
        self._group_limit = group_limit
        self._waiting: dict[str, _Waiting] = {}
        self._delayed: list[tuple[float, int, str]] = []
        self._ready: dict[Priority, OrderedDict[str, deque[str]]] = {
            priority: OrderedDict() for priority in Priority
        }
        self._active: dict[str, str] = {}
        self._again: dict[str, _Waiting] = {}
        self._busy: dict[str, int] = {}
        self._ticket = count()

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
        if key in self._active:
            self._again[key] = _merged(self._again.get(key), _Waiting(priority, due, group))
            return
        waiting = self._waiting.get(key)
        merged = _merged(waiting, _Waiting(priority, due, group))
        if waiting == merged:
            return
        self._waiting[key] = merged
        heapq.heappush(self._delayed, (merged.due, next(self._ticket), key))

    def take(self, now: float) -> str | None:
        """Return the most urgent due key and mark it as worked on; None if there is none."""
        self._promote(now)
        for priority in Priority:
            found = self._take_from(self._ready[priority], priority)
            if found is not None:
                return found
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
        self._waiting.pop(key, None)
        self._again.pop(key, None)

    def next_due(self) -> float | None:
        """Return when the next waiting key is due; 0.0 for one that is ready but held back."""
        while self._delayed:
            due, _, key = self._delayed[0]
            waiting = self._waiting.get(key)
            if waiting is None or waiting.due != due:
                heapq.heappop(self._delayed)
                continue
            return due
        return None

    def _promote(self, now: float) -> None:
        while (due := self.next_due()) is not None and due <= now:
            _, _, key = heapq.heappop(self._delayed)
            waiting = self._waiting[key]
            groups = self._ready[waiting.priority]
            groups.setdefault(waiting.group, deque()).append(key)

    def _take_from(self, groups: OrderedDict[str, deque[str]], priority: Priority) -> str | None:
        for group in list(groups):
            if self._busy.get(group, 0) >= self._group_limit:
                continue
            key = self._pop_current(groups[group], group, priority)
            if not groups[group]:
                del groups[group]
            else:
                groups.move_to_end(group)
            if key is not None:
                del self._waiting[key]
                self._active[key] = group
                self._busy[group] = self._busy.get(group, 0) + 1
                return key
        return None

    def _pop_current(self, keys: deque[str], group: str, priority: Priority) -> str | None:
        """Return the first key that still waits under this group and priority."""
        while keys:
            key = keys.popleft()
            waiting = self._waiting.get(key)
            if waiting and waiting.group == group and waiting.priority is priority:
                return key
        return None


def _merged(before: _Waiting | None, wanted: _Waiting) -> _Waiting:
    if before is None:
        return wanted
    priority = min(before.priority, wanted.priority)
    return _Waiting(priority, min(before.due, wanted.due), wanted.group or before.group)
