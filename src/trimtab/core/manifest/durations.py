"""Go durations: ``1h30m``, ``2.5s``, ``300ms``.

Source:
    Go, time.ParseDuration.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final

_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
NANOSECONDS: Final[Mapping[str, Decimal]] = {
    "ns": Decimal(1), "us": Decimal(1000), "µs": Decimal(1000), "μs": Decimal(1000),
    "ms": Decimal(10**6), "s": Decimal(10**9), "m": Decimal(60 * 10**9),
    "h": Decimal(3600 * 10**9),
}  # fmt: skip
"""How long each unit is."""


def parse_nanoseconds(text: str) -> Decimal | None:
    """Return a duration exactly, or None when the text is none."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return Decimal(0)
    total, end = Decimal(0), 0
    for match in _PART.finditer(rest):
        if match.start() != end:
            return None
        total, end = total + Decimal(match[1]) * NANOSECONDS[match[2]], match.end()
    return sign * total if rest and end == len(rest) else None


def parse_duration(text: str) -> timedelta | None:
    """Return a duration to the microsecond, or None when the text is none or too long to count."""
    nanoseconds = parse_nanoseconds(text)
    if nanoseconds is None:
        return None
    try:
        return timedelta(microseconds=int(nanoseconds / 1000))
    except OverflowError:
        return None
