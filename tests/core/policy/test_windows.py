"""Sync windows and their schedules."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.policy import SyncWindow, WindowTarget, can_sync, is_active
from trimtab.core.policy.cron import parse_schedule

_NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
_APP = WindowTarget("web", "shop", "one")


def _window(
    kind: str, schedule: str = "0 11 * * *", duration: str = "2h", **more: object
) -> SyncWindow:
    return SyncWindow(kind, schedule, duration, applications=("web",), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("30 9 * * *", "2026-05-05T09:30"),
        ("*/20 * * * *", "2026-05-04T12:20"),
        ("0 0 1 jan *", "2027-01-01T00:00"),
        ("0 8 * * mon-fri", "2026-05-05T08:00"),
        ("0 8 10 * sat", "2026-05-09T08:00"),
        ("0 0 29 2 *", "2028-02-29T00:00"),
        ("@monthly", "2026-06-01T00:00"),
    ],
)
def test_the_next_time_of_a_schedule(schedule: str, expected: str) -> None:
    parsed = parse_schedule(schedule)
    assert parsed is not None
    assert parsed.next_after(_NOON.replace(tzinfo=None)) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    "text", ["", "* * * *", "60 * * * *", "* * * * 7", "5-1 * * * *", "*/0 * * * *"]
)
def test_bad_schedules_are_refused(text: str) -> None:
    assert parse_schedule(text) is None


_FIRST, _LAST = datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2030-01-01")


@given(st.integers(0, 59), st.integers(0, 23), st.datetimes(_FIRST, _LAST))
def test_the_next_time_of_a_daily_schedule_is_within_a_day(
    minute: int, hour: int, moment: datetime
) -> None:
    parsed = parse_schedule(f"{minute} {hour} * * *")
    assert parsed is not None
    found = parsed.next_after(moment)
    assert found is not None
    assert timedelta() < found - moment <= timedelta(days=1)
    assert (found.minute, found.hour) == (minute, hour)


def test_a_window_is_open_after_its_start_and_in_its_own_zone() -> None:
    assert is_active(_window("allow"), _NOON)
    assert not is_active(_window("allow"), _NOON - timedelta(hours=1))
    berlin = _window("allow", "30 13 * * *", "1h", time_zone="Europe/Berlin")
    assert is_active(berlin, _NOON)


@pytest.mark.parametrize(
    ("windows", "manual", "allowed"),
    [
        pytest.param([], False, True, id="no-window-allows"),
        pytest.param([_window("deny")], False, False, id="an-open-deny-blocks"),
        pytest.param([_window("deny"), _window("allow")], False, False, id="deny-beats-allow"),
        pytest.param([_window("allow", "0 1 * * *")], False, False, id="a-closed-allow-blocks"),
        pytest.param([_window("deny", manual_sync=True)], True, True, id="by-hand-may-pass"),
        pytest.param([_window("deny", "bad")], False, False, id="a-bad-window-blocks"),
        pytest.param([_window("deny", "0 1 * * *")], False, True, id="a-closed-deny-allows"),
    ],
)
def test_who_may_sync(windows: list[SyncWindow], manual: bool, allowed: bool) -> None:
    permission = can_sync(windows, app=_APP, now=_NOON, manual=manual)
    assert permission.is_allowed is allowed
    assert bool(permission.reason) is not allowed


def test_a_running_sync_may_overrun_a_window_that_lets_it() -> None:
    windows = [_window("deny", sync_overrun=True)]
    started = _NOON - timedelta(hours=2)
    running = can_sync(windows, app=_APP, now=_NOON, manual=False, operation_started_at=started)
    assert running.is_allowed


def test_windows_of_other_applications_do_not_count() -> None:
    other = WindowTarget("api", "shop", "one")
    assert can_sync([_window("deny")], app=other, now=_NOON, manual=False).is_allowed
