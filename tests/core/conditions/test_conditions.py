"""Conditions keep the time at which they began, and never flap."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.conditions import Condition, ConditionType, merge_conditions

_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_LATER = _NOW + timedelta(minutes=5)
_MINE = list(ConditionType)


def _merge(previous: object, current: object, now: datetime = _LATER) -> tuple[Condition, ...]:
    return merge_conditions(previous, current, now, managed_types=_MINE)


def test_what_is_still_true_keeps_its_time() -> None:
    before = Condition(ConditionType.SYNC_ERROR, "refused", since=_NOW)
    assert _merge([before], [Condition(ConditionType.SYNC_ERROR, "refused")]) == (before,)


def test_another_message_begins_anew() -> None:
    before = Condition(ConditionType.SYNC_ERROR, "refused", since=_NOW)
    (after,) = _merge([before], [Condition(ConditionType.SYNC_ERROR, "timed out")])
    assert (after.message, after.since) == ("timed out", _LATER)


def test_what_is_no_longer_true_goes_but_foreign_types_stay() -> None:
    foreign = Condition("SomebodyElses", "x", since=_NOW)
    gone = Condition(ConditionType.COMPARISON_ERROR, "no such path", since=_NOW)
    assert _merge([gone, foreign], []) == (foreign,)


_CONDITIONS = st.lists(
    st.builds(Condition, st.sampled_from(_MINE[:4]), st.sampled_from(["a", "b"])), max_size=6
)


@given(_CONDITIONS, st.randoms())
def test_order_and_repetition_do_not_matter_and_a_second_merge_is_silent(
    conditions: list[Condition], random: object
) -> None:
    once = _merge([], conditions, _NOW)
    shuffled = conditions * 2
    random.shuffle(shuffled)
    assert _merge(once, shuffled) == once
