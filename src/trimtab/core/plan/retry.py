"""Retries of a failed sync, and other numbers that Argo CD's specs leave to defaults."""

import re
from datetime import timedelta

DEFAULT_RETRY_DURATION = timedelta(seconds=5)
DEFAULT_RETRY_FACTOR = 2
DEFAULT_RETRY_MAX = timedelta(minutes=3)
DEFAULT_HISTORY_LIMIT = 10

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


def parse_go_duration(text: str) -> timedelta:
    """Return a duration as Go writes it: ``1h30m``, ``1.5s``, ``0``; a bare number is in seconds.

    Raises:
        ValueError: It is not a duration.

    Source:
        Go's time.ParseDuration; bare seconds are Argo CD's addition for retries.
    """
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if rest.isascii() and rest.isdigit():
        return timedelta(seconds=sign * int(rest))
    position, seconds = 0, 0.0
    while position < len(rest):
        part = _PART.match(rest, position)
        if part is None:
            break
        seconds += float(part[1]) * _UNITS[part[2]]
        position = part.end()
    if not rest or position < len(rest):
        raise ValueError(f"not a duration: {text!r}; write for example 90s or 1h30m")
    return timedelta(seconds=sign * seconds)


def retry_delay(
    attempt: int,
    *,
    duration: timedelta = DEFAULT_RETRY_DURATION,
    factor: int | None = DEFAULT_RETRY_FACTOR,
    maximum: timedelta = DEFAULT_RETRY_MAX,
) -> timedelta:
    """Return how long to wait before a retry.

    Args:
        attempt: How many retries there were, >= 0.
        duration: Before the first retry.
        factor: By which each wait is longer than the one before; None for the default.
        maximum: The longest wait.
    """
    growth = DEFAULT_RETRY_FACTOR if factor is None else factor
    wait = duration
    # Step by step, and no further than the maximum: a power would overflow for a patient user.
    for _ in range(attempt):
        if wait >= maximum or growth <= 1:
            break
        wait *= growth
    return min(wait, maximum)


def may_retry(attempt: int, limit: int) -> bool:
    """Return whether another retry is allowed.

    Args:
        attempt: How many retries there were.
        limit: ``spec.syncPolicy.retry.limit``; negative for no limit.
    """
    return limit < 0 or attempt < limit


def revision_history_limit(stated: int | None) -> int:
    """Return how many past syncs an application keeps in its status."""
    return DEFAULT_HISTORY_LIMIT if stated is None else max(stated, 0)
