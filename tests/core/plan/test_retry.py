"""Retries, their delays, and names."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.manifest import HookPhase, ObjectKey
from trimtab.core.plan import (
    hook_name,
    may_retry,
    parse_retry_duration,
    retry_delay,
    revision_history_limit,
    running_message,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5), ("1m30s", 90), ("1.5h", 5400), ("250ms", 0.25), ("0", 0), ("90", 90), ("-2s", -2)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_retry_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5x", "s", "1m 2s", "1,5s", "five", "-", "5s!"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_retry_duration(text)


@given(st.integers(0, 10**6), st.integers(1, 5))
def test_waits_grow_and_end_at_the_maximum(attempt: int, factor: int) -> None:
    wait = retry_delay(attempt, factor=factor)
    assert timedelta(seconds=5) <= wait <= timedelta(minutes=3)
    assert wait <= retry_delay(attempt + 1, factor=factor)


def test_a_limit_below_zero_is_none() -> None:
    assert may_retry(0, 1)
    assert not may_retry(1, 1)
    assert may_retry(10**6, -1)
    assert revision_history_limit(None) == 10
    assert revision_history_limit(0) == 0


def test_words() -> None:
    web, run = (
        ObjectKey("apps", "Deployment", "demo", "web"),
        ObjectKey("batch", "Job", "demo", "j"),
    )
    assert running_message([], []) == ""
    assert running_message([web], []) == "waiting for healthy state of apps/Deployment/web"
    assert running_message([web, run], [run]) == (
        "waiting for completion of hook batch/Job/j and 1 more resources"
    )
    assert hook_name("ABCDEFGH", HookPhase.SYNC_FAIL, 9, prefix="x-") == "x-abcdefg-syncfail-9"
