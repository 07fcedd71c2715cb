"""Growing delays with jitter: no failing key is retried hot, and no two retry in step."""

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delay before retry number n.

    Args:
        first: Delay before the first retry.
        factor: Growth per retry.
        most: No delay is longer.
        jitter: Share of the delay that is drawn at random, 0..1.
    """

    first: timedelta = timedelta(milliseconds=250)
    factor: float = 2.0
    most: timedelta = timedelta(minutes=3)
    jitter: float = 0.2

    def delay(self, failures: int) -> timedelta:
        """Return the delay after this many failures in a row (1 for the first)."""
        exponent = min(max(failures - 1, 0), 40)
        seconds = min(self.first.total_seconds() * self.factor**exponent, self.most.total_seconds())
        spread = 1.0 - self.jitter * random.random()  # noqa: S311 -- spreads load, guards nothing
        return timedelta(seconds=seconds * spread)
