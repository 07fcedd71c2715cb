"""What a sync does next: a pure decision from plan, progress and what is observed.

A plan is made anew at each look, so objects that are done are no longer in it, or are in it as
unchanged. Progress remembers what must not be done twice: hooks, and writes that were answered.

- A wave begins when everything before it is done; its objects are written, then its hooks run.
- Before the next wave begins, the hooks of the earlier ones have ended, their pruned objects are
  gone and their other objects are healthy. The last wave is not waited for.
- After a failure nothing more is written but the SyncFail hooks.
"""

from dataclasses import replace
from datetime import datetime

from trimtab.core.health import HealthStatus, hook_state
from trimtab.core.plan.look import look_at
from trimtab.core.plan.order import PHASE_ORDER
from trimtab.core.plan.plan import Plan
from trimtab.core.plan.progress import (
    ENDED,
    ObjectResult,
    ResultCode,
    RunState,
    SyncProgress,
)
from trimtab.core.plan.steps import Deadlines, Observed, Step, WaitConfirmation
from trimtab.core.plan.words import confirmation_message

DEFAULT_DEADLINES = Deadlines()


def next_actions(
    plan: Plan,
    progress: SyncProgress,
    observed: Observed,
    now: datetime,
    *,
    deadlines: Deadlines = DEFAULT_DEADLINES,
) -> Step:
    """Return what to do now.

    Args:
        plan: Made from the state that ``observed`` shows, or the one that the sync began with.
        progress: What was done so far, see :func:`advance`.
        observed: Every object and hook of the plan and of the progress that exists, as fresh as
            the last write: put the answers of writes into the view first.
        now: The time.
        deadlines: How long things may take.

    Returns:
        One step. After carrying it out and adding its results to the progress, ask again; after a
        wait, ask again when an object changed. Once it is ``Finish`` it stays so.
    """
    progress = advance(plan, progress, observed, now, deadlines=deadlines)
    look = look_at(plan, progress, observed, deadlines)
    if progress.is_terminating:
        return look.terminate()
    if progress.failure:
        return look.fail()
    if plan.unconfirmed:
        return WaitConfirmation(plan.unconfirmed, confirmation_message(plan.unconfirmed))
    return look.go_on()


def advance(
    plan: Plan,
    progress: SyncProgress,
    observed: Observed,
    now: datetime,
    *,
    deadlines: Deadlines = DEFAULT_DEADLINES,
) -> SyncProgress:
    """Return the progress with what is observed folded in; what to store after each look.

    Hooks that ended are marked so, objects that reached their health too, and the first reason
    for a failure is kept: a refused write, a failed hook, a degraded object that something waits
    for, or a deadline.
    """
    results = tuple(_observe(result, observed, now, deadlines) for result in progress.results)
    progress = replace(progress, results=results)
    if progress.failure or progress.is_terminating:
        return progress
    failure = look_at(plan, progress, observed, deadlines).failure(now)
    return replace(progress, failure=failure) if failure else progress


def _observe(
    result: ObjectResult, observed: Observed, now: datetime, deadlines: Deadlines
) -> ObjectResult:
    """Return a result with the state that its object shows."""
    if result.state in ENDED or result.status is not ResultCode.SYNCED:
        return result
    state = observed.get(result.key)
    is_ours = state is not None and (not result.uid or state.uid == result.uid)
    if not result.is_hook:
        health = state.health if state is not None else None
        is_reached = state is not None and (health is None or health.status is HealthStatus.HEALTHY)
        message = health.message if health is not None else result.message
        reached = replace(result, state=RunState.SUCCEEDED, message=message or result.message)
        return reached if is_reached else result
    if state is None or not is_ours:
        return _ended(result, RunState.FAILED, "the hook was deleted while it ran")
    ended = RunState(hook_state(state.health).value)
    if ended in ENDED:
        return _ended(result, ended, state.health.message if state.health else "")
    if deadlines.hook and result.at and now >= result.at + deadlines.hook:
        return _ended(result, RunState.FAILED, f"the hook did not end within {deadlines.hook}")
    return result


def _ended(result: ObjectResult, state: RunState, message: str) -> ObjectResult:
    return replace(result, state=state, message=message or result.message)


def can_supersede(
    plan: Plan, progress: SyncProgress, *, is_automated: bool = True, max_supersessions: int = 3
) -> bool:
    """Return whether a newer revision may take a running sync's place now.

    Args:
        plan: The running sync's.
        progress: Its progress.
        is_automated: Automation began it; what a person asked for is never superseded.
        max_supersessions: After so many in a row one sync completes.

    Returns:
        True only between waves with no hook running and no failure being handled.
    """
    if not is_automated or progress.supersessions >= max_supersessions:
        return False
    if progress.is_terminating or progress.failure or progress.running_hooks:
        return False
    if progress.phase is None:
        return True
    look = look_at(plan, progress, {}, DEFAULT_DEADLINES)
    at = (PHASE_ORDER[progress.phase], progress.wave)
    return not any(look.todo(phase, wave) for place, phase, wave in look.waves() if place == at)
