"""How one look at a key ended, and when to look again."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing more to do until something changes."""


@dataclass(frozen=True, slots=True)
class AgainAt:
    """Look again after a while, or sooner when something changes."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class TransientFailure:
    """It failed and may work later.

    Args:
        reason: CamelCase, for the log.
        retry_after: What the other side asked for; None for the queue's own backoff.
    """

    reason: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class StalledFailure:
    """It fails until a human changes something; looked at again rarely."""

    reason: str


Outcome: TypeAlias = Done | AgainAt | TransientFailure | StalledFailure
