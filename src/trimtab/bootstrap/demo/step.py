"""What a step of the demo is, and how it ends."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from trimtab.bootstrap.demo.world import World


class StepFailed(Exception):
    """A step did not do what it says; the message says what was expected and what was found."""


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the demo.

    Args:
        name: As the issue and the documentation name it.
        purpose: One line for people.
        run: Does it, and returns what happened. Raises StepFailed.
        needs: Steps without which it cannot be done.
    """

    name: str
    purpose: str
    run: "Callable[[World], Awaitable[str]]"
    needs: tuple[str, ...] = ()


class Reporter(Protocol):
    """Tells a person what is going on."""

    def say(self, line: str) -> None:
        """Something happened that is worth a line."""
        ...

    def doing(self, line: str) -> None:
        """What is waited for right now; the next call replaces it."""
        ...
