"""The steps of a sync: what `next_actions` can ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from trimtab.core.manifest import HookPhase, ObjectKey
from trimtab.core.plan.plan import PlannedChange
from trimtab.core.plan.progress import ObjectState, RunState

Observed: TypeAlias = Mapping[ObjectKey, ObjectState]
"""What is live now, by key; a key that is not in it does not exist."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long things may take; None for no limit.

    Args:
        sync: The whole sync.
        wave: From the first write of a wave until its objects are healthy.
        hook: A hook's run.
    """

    sync: timedelta | None = timedelta(hours=3)
    wave: timedelta | None = timedelta(minutes=30)
    hook: timedelta | None = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ApplyWave:
    """Write these objects now, group after group as `trimtab.core.plan.batches` says.

    A change whose action is ``recreate`` asks for the deletion only; the creation comes with a
    later step, as ``create``, when the old object is gone.
    """

    phase: HookPhase
    wave: int
    changes: tuple[PlannedChange, ...]


@dataclass(frozen=True, slots=True)
class RunHooks:
    """Create these hooks now."""

    phase: HookPhase
    wave: int
    changes: tuple[PlannedChange, ...]


@dataclass(frozen=True, slots=True)
class DeleteHooks:
    """Delete these objects of hooks, by uid; ask again when they are gone.

    Args:
        uids: The uid of each object.
        message: Why, for a person.
    """

    uids: Mapping[ObjectKey, str]
    message: str


@dataclass(frozen=True, slots=True)
class WaitHealth:
    """Nothing to do until one of these objects changes, or until the deadline.

    Args:
        keys: Objects and hooks that it waits for.
        until: When it fails; None for no limit.
        message: What it waits for, as Argo CD's tools show it.
    """

    keys: tuple[ObjectKey, ...]
    until: datetime | None
    message: str


@dataclass(frozen=True, slots=True)
class WaitConfirmation:
    """Nothing to do until a person has confirmed the pruning of these objects."""

    keys: tuple[ObjectKey, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The sync is over.

    Args:
        state: Succeeded, Failed or Error.
        message: For a person.
    """

    state: RunState
    message: str


Step: TypeAlias = ApplyWave | RunHooks | DeleteHooks | WaitHealth | WaitConfirmation | Finish
