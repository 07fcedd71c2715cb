"""Go durations: ``1h30m``, ``2.5s``, ``300ms``."""

import re
from datetime import timedelta

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_SECONDS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0,
}  # fmt: skip


def parse_duration(text: str) -> timedelta | None:
    """Return a Go duration, or None when the text is none."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return timedelta()
    seconds, end = 0.0, 0
    for match in _PART.finditer(rest):
        if match.start() != end:
            return None
        seconds, end = seconds + float(match[1]) * _SECONDS[match[2]], match.end()
    if not rest or end != len(rest):
        return None
    try:
        return timedelta(seconds=sign * seconds)
    except OverflowError:
        return None
