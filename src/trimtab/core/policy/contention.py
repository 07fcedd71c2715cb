"""When a healed field may be healed again: two controllers never fight at full speed.

Per object, path and manager a burst of heals is immediate; after it each heal waits longer than the
one before. A field that stays as desired for a while starts afresh.

Source:
    DESIGN section 4.5.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TypeAlias

from trimtab.core.manifest import ObjectKey

BURST = 10
FIRST_DELAY = timedelta(seconds=2)
FACTOR = 3
MOST = timedelta(seconds=300)
QUIET = timedelta(seconds=60)

Field: TypeAlias = tuple[ObjectKey, str, str]
"""An object, a path in it, and the manager that changed it; an empty path is the whole object."""


@dataclass(frozen=True, slots=True)
class Heals:
    """Heals of one field.

    Args:
        count: How many in a row.
        last: When the last one was.
    """

    count: int
    last: datetime

    @property
    def delay(self) -> timedelta:
        """How long after the last heal the next one waits; zero within the burst."""
        beyond = self.count - BURST
        if beyond < 0:
            return timedelta()
        return min(FIRST_DELAY * FACTOR ** min(beyond, 20), MOST)

    def is_forgotten(self, now: datetime) -> bool:
        """Return whether the field has been quiet long enough to start afresh."""
        return now - self.last > max(QUIET, 2 * self.delay)


Contention: TypeAlias = Mapping[Field, Heals]
"""What was healed lately, by field."""

NO_CONTENTION: Contention = MappingProxyType({})


def allowed_at(contention: Contention, field: Field, now: datetime) -> datetime:
    """Return when a field may be healed: ``now``, or later."""
    heals = contention.get(field)
    if heals is None or heals.is_forgotten(now):
        return now
    return max(now, heals.last + heals.delay)


def with_heals(contention: Contention, fields: Iterable[Field], now: datetime) -> Contention:
    """Return what is known after healing some fields now; what is forgotten is left out."""
    known = {field: heals for field, heals in contention.items() if not heals.is_forgotten(now)}
    for field in fields:
        before = known.get(field)
        known[field] = Heals(1 if before is None else before.count + 1, now)
    return known


def contending_managers(contention: Contention, now: datetime) -> tuple[str, ...]:
    """Return the managers of fields that are beyond their burst, sorted."""
    return tuple(
        sorted(
            {
                manager or "(unknown)"
                for (_, _, manager), heals in contention.items()
                if heals.count >= BURST and not heals.is_forgotten(now)
            }
        )
    )
