"""Retries of a failed sync, and other numbers that Argo CD's specs leave to defaults."""

from datetime import timedelta

from trimtab.core.manifest.durations import parse_duration

DEFAULT_RETRY_DURATION = timedelta(seconds=5)
DEFAULT_RETRY_FACTOR = 2
DEFAULT_RETRY_MAX = timedelta(minutes=3)
DEFAULT_HISTORY_LIMIT = 10


def parse_retry_duration(text: str) -> timedelta:
    """Return a duration of ``retry.backoff``; a bare number is in seconds.

    Raises:
        ValueError: It is not a duration.

    Source:
        Argo CD, which adds bare seconds to Go's notation here.
    """
    digits = text.removeprefix("-").removeprefix("+")
    is_bare = digits.isascii() and digits.isdigit()
    found = parse_duration(f"{text}s" if is_bare else text)
    if found is None:
        raise ValueError(f"not a duration: {text!r}; write for example 90s or 1h30m")
    return found


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
