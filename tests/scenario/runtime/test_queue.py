"""Who is looked at next, and that nobody is forgotten: properties of the work queue."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from trimtab.runtime import Priority, WorkQueue

WORKERS, GROUP_LIMIT = 6, 3
KEYS = [f"{group}/{number}" for group in "abc" for number in range(4)]


def group_of(key: str) -> str:
    return key.partition("/")[0]


def queue(*, workers: int = WORKERS, group_limit: int = GROUP_LIMIT) -> WorkQueue:
    return WorkQueue(group_limit=group_limit, workers=workers)


def take_all(keys: WorkQueue, now: float = 0.0) -> list[str]:
    """Take and finish one key after the other, as a lone worker does."""
    taken: list[str] = []
    while (key := keys.take(now)) is not None:
        taken.append(key)
        keys.done(key)
    return taken


class AnyOrder(RuleBasedStateMachine):
    """Adds, takes, ends and forgets in any order, beside a model that is slow and plain."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = queue()
        self.now = 0.0
        self.wanted: dict[str, tuple[float, Priority]] = {}
        self.again: dict[str, tuple[float, Priority]] = {}
        self.active: set[str] = set()

    @rule(
        key=st.sampled_from(KEYS),
        delay=st.sampled_from([0.0, 1.0, 5.0]),
        priority=st.sampled_from(Priority),
    )
    def add(self, key: str, delay: float, priority: Priority) -> None:
        due = self.now + delay
        self.keys.add(key, due=due, priority=priority, group=group_of(key))
        wishes = self.again if key in self.active else self.wanted
        before = wishes.get(key, (due, priority))
        wishes[key] = (min(before[0], due), min(before[1], priority))

    @rule()
    def take(self) -> None:
        due = {key: wish[1] for key, wish in self.wanted.items() if wish[0] <= self.now}
        busy = Counter(map(group_of, self.active))
        share = min(GROUP_LIMIT, WORKERS - len(self.active))
        allowed = {key: urgency for key, urgency in due.items() if busy[group_of(key)] < share}
        key = self.keys.take(self.now)
        if key is None:
            assert not allowed
            return
        assert key in allowed
        assert allowed[key] == min(allowed.values())
        del self.wanted[key]
        self.active.add(key)

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.active)))
        self.keys.done(key)
        self.active.remove(key)
        if key in self.again:
            self.wanted[key] = self.again.pop(key)

    @rule(key=st.sampled_from(KEYS))
    def forget(self, key: str) -> None:
        self.keys.forget(key)
        self.wanted.pop(key, None)
        self.again.pop(key, None)

    @rule(seconds=st.sampled_from([0.5, 1.0, 10.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def counts_are_right(self) -> None:
        assert self.keys.active == len(self.active)
        assert len(self.keys) == len(self.wanted) + len(self.active)

    @invariant()
    def next_due_is_never_late(self) -> None:
        later = [due for due, _ in self.wanted.values() if due > self.now]
        told = self.keys.next_due()
        if later:
            assert told is not None
            assert told <= min(later)

    def teardown(self) -> None:
        for key in list(self.active):
            self.keys.done(key)
        left = Counter(take_all(self.keys, now=self.now + 1e6))
        assert left == Counter(self.wanted.keys() | self.again.keys())


TestAnyOrder = AnyOrder.TestCase


@given(st.lists(st.sampled_from(KEYS)))
def test_a_key_that_waits_is_looked_at_once(added: list[str]) -> None:
    keys = queue()
    for key in added:
        keys.add(key, group=group_of(key))
    assert sorted(take_all(keys)) == sorted(set(added))


def test_a_key_is_never_worked_on_twice_and_comes_back_when_it_is_done() -> None:
    keys = queue()
    keys.add("a")
    assert keys.take(0) == "a"
    keys.add("a", priority=Priority.POLL)
    assert keys.take(0) is None
    keys.done("a")
    assert keys.take(0) == "a"
    keys.done("a")
    assert keys.take(0) is None


def test_more_urgent_keys_go_first_and_equal_ones_in_order() -> None:
    keys = queue()
    keys.add("poll", priority=Priority.POLL)
    keys.add("event-1")
    keys.add("event-2")
    keys.add("user", priority=Priority.USER)
    assert take_all(keys) == ["user", "event-1", "event-2", "poll"]


def test_a_waiting_key_becomes_more_urgent_and_never_less() -> None:
    keys = queue()
    keys.add("a")
    keys.add("b")
    keys.add("b", priority=Priority.USER)
    keys.add("b", priority=Priority.POLL)
    assert take_all(keys) == ["b", "a"]


def test_a_delayed_key_is_due_when_its_time_has_come() -> None:
    keys = queue()
    keys.add("a", due=5)
    assert keys.take(4.9) is None
    assert keys.next_due() == 5
    assert keys.take(5) == "a"
    assert keys.next_due() is None


def test_an_event_brings_a_delayed_key_forward() -> None:
    keys = queue()
    keys.add("a", due=300, priority=Priority.POLL)
    keys.add("a")
    assert keys.take(1) == "a"
    keys.done("a")
    assert keys.take(1000) is None


@pytest.mark.parametrize("forgotten", [True, False])
def test_an_older_wish_never_brings_a_delayed_key_forward(forgotten: bool) -> None:
    keys = queue()
    keys.add("other")
    keys.add("a")
    assert keys.take(0) == "other"
    if forgotten:
        keys.forget("a")
    else:
        keys.add("a", priority=Priority.USER)
        assert keys.take(0) == "a"
        keys.done("a")
    keys.add("a", due=300)
    assert keys.take(299) is None
    assert keys.take(300) == "a"


def test_groups_take_turns() -> None:
    keys = queue()
    for number in range(3):
        keys.add(f"a/{number}", group="a")
    keys.add("b/0", group="b")
    keys.add("c/0", group="c")
    assert take_all(keys) == ["a/0", "b/0", "c/0", "a/1", "a/2"]


def test_a_group_at_its_limit_lets_the_others_go() -> None:
    keys = queue(workers=100, group_limit=2)
    for number in range(5):
        keys.add(f"a/{number}", group="a", priority=Priority.USER)
    keys.add("b/0", group="b", priority=Priority.POLL)
    taken = [keys.take(0) for _ in range(4)]
    assert taken == ["a/0", "a/1", "b/0", None]
    keys.done("a/1")
    assert keys.take(0) == "a/2"


@pytest.mark.parametrize("stuck", range(1, 8))
def test_however_many_groups_are_stuck_another_one_finds_a_worker(stuck: int) -> None:
    keys = queue(workers=16, group_limit=8)
    for group in range(stuck):
        for number in range(50):
            keys.add(f"{group}/{number}", group=str(group))
    while keys.take(0) is not None:
        pass
    keys.add("new", group="new", priority=Priority.POLL)
    assert keys.take(0) == "new"


def test_a_forgotten_key_does_not_come_back() -> None:
    keys = queue()
    keys.add("waits", due=1)
    keys.add("runs")
    assert keys.take(0) == "runs"
    keys.add("runs")
    for key in ("waits", "runs", "unknown"):
        keys.forget(key)
    keys.done("runs")
    assert keys.take(10) is None
    assert len(keys) == 0
