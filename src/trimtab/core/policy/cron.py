"""Cron schedules of five fields: minute, hour, day of month, month, day of week.

Fields hold ``*``, numbers, names, ranges, lists and steps. Day of week is 0 to 6 from Sunday. Where
both day fields are restricted, either may match.

Source:
    robfig/cron v3, the standard parser without its descriptors for intervals.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTH_NAMES = {name: number for number, name in enumerate(_MONTHS, 1)}
_DAY_NAMES = {name: number for number, name in enumerate(_DAYS)}
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_YEARS_AHEAD = 5


@dataclass(frozen=True, slots=True)
class Schedule:
    """A parsed schedule: the values that each field accepts."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first time of the schedule later than a moment; None within five years."""
        start = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        day = start.date()
        last_year = day.year + _YEARS_AHEAD
        while day.year <= last_year:
            if day.month not in self.months:
                day = day.replace(day=monthrange(day.year, day.month)[1]) + timedelta(days=1)
                continue
            if self._has_day(day.day, day.isoweekday() % 7):
                found = self._time_on(datetime(day.year, day.month, day.day), start)  # noqa: DTZ001 -- wall clock
                if found is not None:
                    return found
            day += timedelta(days=1)
        return None

    def _has_day(self, day: int, weekday: int) -> bool:
        by_day, by_weekday = day in self.days, weekday in self.weekdays
        return by_day or by_weekday if self.either_day else by_day and by_weekday

    def _time_on(self, day: datetime, start: datetime) -> datetime | None:
        for hour in self.hours:
            if day.date() == start.date() and hour < start.hour:
                continue
            for minute in self.minutes:
                found = day.replace(hour=hour, minute=minute)
                if found >= start.replace(tzinfo=None):
                    return found
        return None


@lru_cache(maxsize=1024)
def parse_schedule(text: str) -> Schedule | None:
    """Return a schedule, or None when the text is none."""
    fields = _DESCRIPTORS.get(text.strip(), text).split()
    if len(fields) != 5:
        return None
    try:
        minutes = _values(fields[0], 0, 59)
        hours = _values(fields[1], 0, 23)
        days = _values(fields[2], 1, 31)
        months = _values(fields[3], 1, 12, _MONTH_NAMES)
        weekdays = _values(fields[4], 0, 6, _DAY_NAMES)
    except ValueError:
        return None
    either = not _is_star(fields[2]) and not _is_star(fields[4])
    return Schedule(
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        frozenset(days),
        frozenset(months),
        frozenset(weekdays),
        either,
    )


def _is_star(field: str) -> bool:
    return any(part.startswith(("*", "?")) for part in field.split(","))


def _values(field: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step_text = part.partition("/")
        step = int(step_text) if slash else 1
        first_text, dash, last_text = span.partition("-")
        if span in ("*", "?"):
            first, last = low, high
        else:
            first = _number(first_text, names)
            last = _number(last_text, names) if dash else (high if slash else first)
        if first < low or last > high or first > last or step <= 0:
            raise ValueError(part)
        found.update(range(first, last + 1, step))
    return found


def _number(text: str, names: dict[str, int] | None) -> int:
    if names and text.lower() in names:
        return names[text.lower()]
    if not text.isdecimal():
        raise ValueError(text)
    return int(text)
