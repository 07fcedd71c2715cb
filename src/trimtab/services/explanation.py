"""The answer of ``explain``: a chain of steps from source to health, and its form as text."""

from dataclasses import dataclass
from enum import StrEnum


class StepName(StrEnum):
    """The chain, in order."""

    SOURCE = "source"
    RENDER = "render"
    DIFF = "diff"
    APPLY = "apply"
    HEALTH = "health"


class StepState(StrEnum):
    """How a step is."""

    OK = "ok"
    WAITING = "waiting"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the chain.

    Args:
        name: Which.
        state: How it is.
        messages: What was found, sorted by importance.
        next: What to do about it; empty when nothing is to be done.
    """

    name: StepName
    state: StepState
    messages: tuple[str, ...] = ()
    next: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole chain of one Application.

    Args:
        name: The Application.
        sync: status.sync.status, ``Unknown`` before the first comparison.
        health: status.health.status.
        steps: All five, in order.
        warnings: Conditions that stop nothing.
    """

    name: str
    sync: str
    health: str
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()

    @property
    def stuck_at(self) -> Step | None:
        """The first step that does not hold, or None when all is well."""
        return next((step for step in self.steps if step.state is not StepState.OK), None)


def format_explanation(explanation: Explanation) -> str:
    """Return the chain as text, one step a line with its findings below it."""
    marks = {"ok": "+", "waiting": "~", "failed": "!", "unknown": "?"}
    lines = [f"{explanation.name}: {explanation.sync}, {explanation.health}"]
    for step in explanation.steps:
        first, *rest = step.messages or ("",)
        lines.append(f"  {marks[step.state]} {step.name:<7} {first}".rstrip())
        lines += [f"            {message}" for message in rest]
    lines += [f"  warning: {warning}" for warning in explanation.warnings]
    stuck = explanation.stuck_at
    if stuck is None:
        lines.append("nothing is in the way")
    else:
        lines.append(f"it stops at {stuck.name} ({stuck.state})")
        if stuck.next:
            lines.append(f"next: {stuck.next}")
    return "".join(f"{line}\n" for line in lines)
