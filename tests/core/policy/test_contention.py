"""Two controllers never fight at full speed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.manifest import ObjectKey
from trimtab.core.policy import NO_CONTENTION, allowed_at, contending_managers, with_heals

START = datetime(2026, 1, 1, tzinfo=UTC)
FIELD = (ObjectKey("apps", "Deployment", "shop", "web"), "spec.replicas", "hpa")


def after_heals(count: int, *, apart: timedelta = timedelta(milliseconds=50)):
    contention, now = NO_CONTENTION, START
    for _ in range(count):
        contention = with_heals(contention, [FIELD], now)
        now += apart
    return contention, now


@pytest.mark.parametrize(
    ("heals", "delay_seconds"),
    [
        pytest.param(0, 0, id="a field that was never healed is healed at once"),
        pytest.param(9, 0, id="the tenth heal of a burst is immediate"),
        pytest.param(10, 2, id="the eleventh waits two seconds after the tenth"),
        pytest.param(11, 6, id="the twelfth waits three times as long"),
        pytest.param(30, 300, id="no wait is longer than five minutes"),
    ],
)
def test_delay_before_the_next_heal(heals: int, delay_seconds: int):
    contention, now = after_heals(heals)
    last = now - timedelta(milliseconds=50)

    found = allowed_at(contention, FIELD, now)

    assert found == (last + timedelta(seconds=delay_seconds) if delay_seconds else now)


def test_another_manager_of_the_same_field_has_a_burst_of_its_own():
    contention, now = after_heals(12)
    assert allowed_at(contention, (*FIELD[:2], "someone"), now) == now


def test_a_field_that_stays_quiet_starts_afresh():
    contention, now = after_heals(10)
    later = now + timedelta(minutes=2)
    assert allowed_at(contention, FIELD, later) == later
    assert with_heals(contention, [], later) == {}


def test_the_contending_manager_is_named():
    contention, now = after_heals(10)
    assert contending_managers(contention, now) == ("hpa",)
    assert contending_managers(after_heals(9)[0], now) == ()


@given(st.integers(min_value=10, max_value=200))
def test_delays_never_shrink_while_the_fight_goes_on(count: int):
    before, now = after_heals(count)
    after = with_heals(before, [FIELD], now)
    assert allowed_at(after, FIELD, now) - now >= allowed_at(before, FIELD, now) - now
