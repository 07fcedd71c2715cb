"""The progress of a sync: what was done to which object, kept so that any process can go on.

It holds no plan: plans are made anew from what is live, and what is done is no longer in them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from trimtab.core.health import Health
from trimtab.core.manifest import HookPhase, ObjectKey
from trimtab.core.plan.plan import Action, PlannedChange


class ResultCode(StrEnum):
    """What became of one write, in Argo CD's words."""

    SYNCED = "Synced"
    SYNC_FAILED = "SyncFailed"
    PRUNED = "Pruned"
    PRUNE_SKIPPED = "PruneSkipped"


class RunState(StrEnum):
    """How far an object or a whole operation is, in Argo CD's words."""

    RUNNING = "Running"
    TERMINATING = "Terminating"
    FAILED = "Failed"
    ERROR = "Error"
    SUCCEEDED = "Succeeded"


ENDED = frozenset({RunState.FAILED, RunState.ERROR, RunState.SUCCEEDED})


@dataclass(frozen=True, slots=True)
class ObjectResult:
    """What was done to one object in one phase.

    Args:
        key: The object; of a generated hook, with the name it was given.
        action: What was done.
        phase: When.
        wave: When within the phase.
        status: What the API server made of it.
        state: Of a hook, whether it still runs; of an object, whether its health was reached.
        message: For a person.
        uid: Of the object as written; tells our hook from an older one of the same name.
        version: API version, without the group.
        at: When it was done.
    """

    key: ObjectKey
    action: Action
    phase: HookPhase
    wave: int
    status: ResultCode
    state: RunState = RunState.RUNNING
    message: str = ""
    uid: str = ""
    version: str = ""
    at: datetime | None = None

    @property
    def is_hook(self) -> bool:
        """Whether it is the run of a hook."""
        return self.action is Action.HOOK


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """How far a sync is.

    Args:
        started_at: When it began.
        revision: What it brings about.
        plan_digest: The digest of the plan as it was when the sync began.
        results: One a phase and object, in the order they were done.
        phase: The phase that was worked on last; None before the first.
        wave: The wave that was worked on last.
        wave_started_at: When that wave began; deadlines count from here.
        is_terminating: A person wants it to stop.
        supersessions: How many syncs in a row this one's delivery has seen superseded.
        failure: Why it will end as failed; set once, before the SyncFail hooks run.
        message: What it waits for.
    """

    started_at: datetime
    revision: str = ""
    plan_digest: str = ""
    results: tuple[ObjectResult, ...] = ()
    phase: HookPhase | None = None
    wave: int = 0
    wave_started_at: datetime | None = None
    is_terminating: bool = False
    supersessions: int = 0
    failure: str = ""
    message: str = ""

    def result_of(self, phase: HookPhase, key: ObjectKey) -> ObjectResult | None:
        """Return what was done to an object in a phase, or None."""
        return next((r for r in self.results if r.phase is phase and r.key == key), None)

    @property
    def hooks(self) -> tuple[ObjectResult, ...]:
        """The hook runs, in order."""
        return tuple(result for result in self.results if result.is_hook)

    @property
    def running_hooks(self) -> tuple[ObjectResult, ...]:
        """The hooks that have not ended."""
        return tuple(result for result in self.hooks if result.state not in ENDED)

    def with_results(self, results: Iterable[ObjectResult], now: datetime) -> "SyncProgress":
        """Return a copy with results added; one for the same phase and object replaces it.

        Args:
            results: Of one wave.
            now: The time of the first result of a new wave.
        """
        added = tuple(results)
        if not added:
            return self
        replaced = {(result.phase, result.key) for result in added}
        kept = tuple(r for r in self.results if (r.phase, r.key) not in replaced)
        last = added[-1]
        is_new_wave = (last.phase, last.wave) != (self.phase, self.wave)
        begun = now if is_new_wave or self.wave_started_at is None else self.wave_started_at
        return replace(
            self,
            results=(*kept, *added),
            phase=last.phase,
            wave=last.wave,
            wave_started_at=begun,
        )


@dataclass(frozen=True, slots=True)
class ObjectState:
    """One object as observed now.

    Args:
        uid: Its uid.
        health: Its health; None for kinds without, which count as healthy.
        is_deleting: It has a deletionTimestamp.
    """

    uid: str
    health: Health | None = None
    is_deleting: bool = False


_DONE = {Action.PRUNE: "pruned", Action.RECREATE: "deleted, to be created again"}


def result_of_change(
    change: PlannedChange,
    *,
    error: str = "",
    message: str = "",
    uid: str = "",
    now: datetime | None = None,
) -> ObjectResult:
    """Return the result of carrying out a change.

    Args:
        change: What was done.
        error: Why it failed; empty when it did not.
        message: What the server said, for a success.
        uid: Of the object as written; a deleted one's is the change's own.
        now: When.

    Returns:
        The result of a recreation means that the old object was deleted: its creation follows as a
        change of its own, whose result takes this one's place.
    """
    if error:
        status, state = ResultCode.SYNC_FAILED, RunState.FAILED
    elif change.action is Action.PRUNE:
        status, state = ResultCode.PRUNED, RunState.SUCCEEDED
    elif change.action is Action.RECREATE:
        status, state = ResultCode.PRUNED, RunState.RUNNING
    else:
        status, state = ResultCode.SYNCED, RunState.RUNNING
    return ObjectResult(
        key=change.key,
        action=change.action,
        phase=change.phase,
        wave=change.wave,
        status=status,
        state=state,
        message=error or message or _DONE.get(change.action, ""),
        uid=uid or change.live_uid,
        version=change.manifest.version if change.manifest else "",
        at=now,
    )
