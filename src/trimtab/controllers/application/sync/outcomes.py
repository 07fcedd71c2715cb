"""How far a sync came, as values: it runs, it ended, it must not begin."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from trimtab.controllers.application.model import Intent, Observation, SyncOutcome
from trimtab.controllers.application.sync.intents import next_attempt
from trimtab.core.conditions import Condition, ConditionType
from trimtab.core.diff import FieldChange
from trimtab.core.manifest import HookPhase, ObjectKey, digest_of
from trimtab.core.plan import (
    ObjectResult,
    Plan,
    ResultCode,
    RunState,
    SyncProgress,
    format_plan,
)

Drift: TypeAlias = tuple[tuple[ObjectKey, tuple[FieldChange, ...]], ...]


def running(
    intent: Intent,
    observation: Observation,
    progress: SyncProgress,
    *,
    message: str,
    look_again: float | None = None,
    drift: Drift = (),
) -> SyncOutcome:
    """Return the outcome of a sync that goes on later.

    Args:
        intent: Which.
        observation: What was seen last.
        progress: What was done so far.
        message: What it waits for.
        look_again: Seconds; None to wait for an event.
        drift: What is healed.
    """
    progress = replace(progress, message=message)
    return SyncOutcome(
        replace(intent, progress=progress),
        "Terminating" if progress.is_terminating else "Running",
        message,
        progress,
        observation.target,
        look_again=look_again,
        drift=drift,
    )


def finished(
    intent: Intent,
    observation: Observation,
    progress: SyncProgress,
    *,
    state: RunState,
    message: str,
    now: datetime,
    drift: Drift = (),
) -> SyncOutcome:
    """Return the outcome of a sync that ended; one that failed may be tried again.

    Args:
        intent: Which.
        observation: What was seen last.
        progress: What was done.
        state: How it ended.
        message: For a person.
        now: When.
        drift: What was healed.
    """
    outcome = SyncOutcome(
        intent,
        str(state),
        message,
        progress,
        observation.target,
        finished_at=now,
        drift=drift,
        manifests_digest=digest_of([m.digest for m in observation.desired.objects]),
    )
    retry_at = next_attempt(intent, now) if state is not RunState.SUCCEEDED else None
    if retry_at is None:
        return outcome
    attempt = intent.retry_count + 1
    text = f"{message}. Retrying attempt #{attempt} at {retry_at:%H:%M:%S}."
    seconds = (retry_at - now).total_seconds()
    return replace(outcome, message=text, retry_at=retry_at, look_again=seconds)


def over_budget(outcome: SyncOutcome, plan: Plan, message: str) -> SyncOutcome:
    """Return the outcome of a sync whose plan a person must confirm first: it is not retried."""
    condition = Condition(ConditionType.DELETION_BUDGET_EXCEEDED, message)
    return replace(outcome, conditions=(condition,), plan_text=format_plan(plan), retry_at=None)


def drift_of(intent: Intent, observation: Observation) -> Drift:
    """Return what a self-heal is about to undo."""
    if intent.kind != "self-heal":
        return ()
    return tuple((s.key, s.changes) for s in observation.seen if s.differs and s.live is not None)


def has_failed(results: Sequence[ObjectResult]) -> bool:
    """Return whether a write was refused."""
    return any(result.status is ResultCode.SYNC_FAILED for result in results)


def failure_message(results: Sequence[ObjectResult]) -> str:
    """Return what a preflight found; empty when it found nothing."""
    failed = [r for r in results if r.status is ResultCode.SYNC_FAILED]
    if not failed:
        return ""
    told = "; ".join(f"{result.key}: {result.message}" for result in failed[:3])
    more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
    return f"one or more objects failed to apply, nothing was changed: {told}{more}"


def with_skipped(plan: Plan, progress: SyncProgress) -> SyncProgress:
    """Return the progress with what the plan leaves undone, as Argo CD's tools show it."""
    skipped = tuple(
        ObjectResult(
            key=skip.key,
            action=skip.action,
            phase=HookPhase.SYNC,
            wave=0,
            status=ResultCode.PRUNE_SKIPPED,
            state=RunState.SUCCEEDED,
            message=skip.message,
        )
        for skip in plan.skipped
    )
    return replace(progress, results=(*progress.results, *skipped))
