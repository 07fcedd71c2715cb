"""Time as a value that is handed in: the wall clock for people, a monotonic one for deadlines."""

import time
from datetime import UTC, datetime
from typing import Protocol

# A laptop that slept for an hour must not believe in a lease of fifteen seconds when it wakes up.
_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """What the runtime asks of time."""

    def now(self) -> datetime:
        """Return the wall time, UTC, aware."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back, nor stops while the machine sleeps."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Return the wall time, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since the machine started, sleep included where the system counts it."""
        return time.clock_gettime(_SINCE_BOOT)


def format_time(at: datetime) -> str:
    """Return RFC 3339 in UTC with whole seconds, as Kubernetes writes times."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_millis(at: datetime) -> str:
    """Return RFC 3339 in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime | None:
    """Return the time of an RFC 3339 text, or None when it is empty or no time."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
    except ValueError:
        return None
