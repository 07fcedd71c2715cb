"""One look at a sync: what is to be done, what is waited for, and what has failed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from trimtab.core.health import HealthStatus
from trimtab.core.manifest import (
    DeletePolicy,
    HookPhase,
    ObjectKey,
    annotations_of,
    delete_policies,
)
from trimtab.core.plan.order import PHASE_ORDER
from trimtab.core.plan.plan import Action, Plan, PlannedChange, Wave
from trimtab.core.plan.progress import (
    ENDED,
    ObjectResult,
    ResultCode,
    RunState,
    SyncProgress,
)
from trimtab.core.plan.steps import (
    ApplyWave,
    Deadlines,
    DeleteHooks,
    Finish,
    Observed,
    RunHooks,
    Step,
    WaitHealth,
)
from trimtab.core.plan.words import running_message, slashed

SUCCEEDED_MESSAGE = "successfully synced (all tasks run)"
NOTHING_MESSAGE = "successfully synced (no more tasks)"
TERMINATED_MESSAGE = "Operation terminated"

Place: TypeAlias = tuple[int, int]
"""Where a wave stands: the phase's place in the order, and the wave's number."""


def look_at(plan: Plan, progress: SyncProgress, observed: Observed, deadlines: Deadlines) -> "Look":
    """Return a look, with the results indexed: a large delivery asks for each of them."""
    done = {(result.phase, result.key): result for result in progress.results}
    return Look(plan, progress, observed, deadlines, done)


@dataclass(frozen=True, slots=True)
class Look:
    """What every decision of a sync needs; made by :func:`look_at`."""

    plan: Plan
    progress: SyncProgress
    observed: Observed
    deadlines: Deadlines
    done: Mapping[tuple[HookPhase, ObjectKey], ObjectResult]

    def waves(self) -> Iterator[tuple[Place, HookPhase, Wave]]:
        """Yield the waves that run as long as nothing fails, in order, with their place."""
        for phase in self.plan.phases:
            if phase.phase is HookPhase.SYNC_FAIL:
                continue
            for wave in phase.waves:
                yield (PHASE_ORDER[phase.phase], wave.number), phase.phase, wave

    def todo(self, phase: HookPhase, wave: Wave) -> tuple[PlannedChange, ...]:
        """Return the changes of a wave that are still to be made."""
        return tuple(filter(None, (self._due(phase, change) for change in wave.changes)))

    def _due(self, phase: HookPhase, change: PlannedChange) -> PlannedChange | None:
        result = self.done.get((phase, change.key))
        if result is None:
            return change
        if not _awaits_creation(result) or change.key in self.observed:
            return None
        return replace(change, action=Action.CREATE, live_uid="")

    def next_todo(self) -> tuple[Place, HookPhase, Wave] | None:
        """Return the first wave with something to do, or None."""
        return next((row for row in self.waves() if self.todo(row[1], row[2])), None)

    def go_on(self) -> Step:
        """Return the step of a sync in which nothing has failed."""
        following = self.next_todo()
        before = following[0] if following else None
        barrier = self._wait_for_hooks(before) or self._wait_for_deletions(before)
        if barrier is None and before is not None:
            barrier = self._wait_for_health(before)
        if barrier is not None:
            return barrier
        if following is None:
            message = SUCCEEDED_MESSAGE if self.progress.results else NOTHING_MESSAGE
            return self._clean_up(RunState.SUCCEEDED, message)
        _, phase, wave = following
        due = self.todo(phase, wave)
        objects = tuple(change for change in due if change.action is not Action.HOOK)
        if objects:
            return ApplyWave(phase, wave.number, objects)
        return self._run_hooks(phase, wave.number, due)

    def _run_hooks(self, phase: HookPhase, wave: int, hooks: tuple[PlannedChange, ...]) -> Step:
        """Return the creation of hooks, or the removal of what is left of earlier runs."""
        old = {hook.key: self.observed[hook.key] for hook in hooks if self._is_in_the_way(hook)}
        uids = {key: state.uid for key, state in old.items() if not state.is_deleting}
        keys = tuple(old)
        if uids:
            return DeleteHooks(uids, running_message(keys, keys, is_deletion=True))
        if old:
            until = self._sync_deadline()
            return WaitHealth(keys, until, running_message(keys, keys, is_deletion=True))
        return RunHooks(phase, wave, hooks)

    def _is_in_the_way(self, hook: PlannedChange) -> bool:
        state = self.observed.get(hook.key)
        if state is None:
            return False
        policies = _policies(hook)
        return state.is_deleting or DeletePolicy.BEFORE_HOOK_CREATION in policies

    def _results_before(self, before: Place | None) -> Iterator[ObjectResult]:
        """Yield the results of the waves before a place; of all waves for None."""
        for result in self.progress.results:
            if before is None or (PHASE_ORDER[result.phase], result.wave) < before:
                yield result

    def _wait_for_hooks(self, before: Place | None) -> WaitHealth | None:
        running = [r for r in self._results_before(before) if r.is_hook and r.state not in ENDED]
        keys = tuple(result.key for result in running)
        if not keys:
            return None
        begun = min((result.at for result in running if result.at), default=None)
        until = _earliest(self._sync_deadline(), _after(begun, self.deadlines.hook))
        return WaitHealth(keys, until, running_message(keys, keys))

    def _wait_for_deletions(self, before: Place | None) -> WaitHealth | None:
        keys = tuple(self._being_deleted(before))
        if not keys:
            return None
        return WaitHealth(keys, self._wave_deadline(), running_message(keys, (), is_deletion=True))

    def _being_deleted(self, before: Place | None) -> Iterator[ObjectKey]:
        # All waves count for an object that is to be created again: it belongs to none but its own.
        for result in self.progress.results:
            place = (PHASE_ORDER[result.phase], result.wave)
            is_due = before is None or place < before or _awaits_creation(result)
            state = self.observed.get(result.key)
            is_there = state is not None and state.uid == result.uid
            if result.status is ResultCode.PRUNED and is_due and is_there:
                yield result.key

    def _wait_for_health(self, before: Place) -> WaitHealth | None:
        keys = tuple(self._unhealthy(before))
        if not keys:
            return None
        return WaitHealth(keys, self._wave_deadline(), running_message(keys, ()))

    def _unhealthy(self, before: Place) -> Iterator[ObjectKey]:
        """Yield what must become healthy before the wave at a place may begin."""
        written: set[ObjectKey] = set()
        for result in self._results_before(before):
            written.add(result.key)
            if result.is_hook or result.status is not ResultCode.SYNCED:
                continue
            if result.state not in ENDED:
                yield result.key
        for place, _, wave in self.waves():
            if place >= before:
                break
            if place < self._reached():
                continue  # A wave that others were begun after has been healthy once: enough.
            yield from (
                key for key in wave.unchanged if key not in written and not self._is_healthy(key)
            )

    def _reached(self) -> Place:
        if self.progress.phase is None:
            return (-1, 0)
        return (PHASE_ORDER[self.progress.phase], self.progress.wave)

    def _is_healthy(self, key: ObjectKey) -> bool:
        state = self.observed.get(key)
        if state is None:
            return False
        return state.health is None or state.health.status is HealthStatus.HEALTHY

    def _sync_deadline(self) -> datetime | None:
        return _after(self.progress.started_at, self.deadlines.sync)

    def _wave_deadline(self) -> datetime | None:
        begun = self.progress.wave_started_at or self.progress.started_at
        return _earliest(self._sync_deadline(), _after(begun, self.deadlines.wave))

    def failure(self, now: datetime) -> str:
        """Return why the sync has failed, or the empty string."""
        refused = [r for r in self.progress.results if r.status is ResultCode.SYNC_FAILED]
        if refused:
            said = "; ".join(f"{slashed(r.key)}: {r.message}" for r in refused)
            return f"one or more objects failed to apply, reason: {said}"
        failed = [r for r in self.progress.hooks if r.state in {RunState.FAILED, RunState.ERROR}]
        if failed:
            said = "; ".join(f"hook {slashed(r.key)}: {r.message}" for r in failed)
            return f"one or more synchronization tasks completed unsuccessfully, reason: {said}"
        return self._barrier_failure(now)

    def _barrier_failure(self, now: datetime) -> str:
        following = self.next_todo()
        before = following[0] if following else None
        if before is not None:
            for key in self._unhealthy(before):
                state = self.observed.get(key)
                health = state.health if state else None
                if health is not None and health.status is HealthStatus.DEGRADED:
                    said = f"{slashed(key)} is Degraded: {health.message}"
                    return f"one or more synchronization tasks completed unsuccessfully: {said}"
        wait = self._wait_for_deletions(before)
        if wait is None and before is not None:
            wait = self._wait_for_health(before)
        if wait is not None and wait.until is not None and now >= wait.until:
            return f"timed out {wait.message}"
        until = self._sync_deadline()
        is_over = following is None and not self.progress.running_hooks
        if until is not None and now >= until and not is_over:
            return f"the sync did not end within {self.deadlines.sync}"
        return ""

    def fail(self) -> Step:
        """Return the step of a sync that has failed: let hooks end, run SyncFail hooks, finish."""
        barrier = self._wait_for_hooks(None)
        if barrier is not None:
            return barrier
        for phase in self.plan.phases:
            if phase.phase is not HookPhase.SYNC_FAIL:
                continue
            for wave in phase.waves:
                due = self.todo(phase.phase, wave)
                if due:
                    return self._run_hooks(phase.phase, wave.number, due)
        return self._clean_up(RunState.FAILED, self.progress.failure)

    def terminate(self) -> Step:
        """Return the step of a sync that a person stopped: delete running hooks, finish."""
        uids = {
            result.key: result.uid
            for result in self.progress.running_hooks
            if result.key in self.observed and not self.observed[result.key].is_deleting
        }
        if uids:
            keys = tuple(uids)
            return DeleteHooks(uids, running_message(keys, keys, is_deletion=True))
        return Finish(RunState.FAILED, TERMINATED_MESSAGE)

    def _clean_up(self, state: RunState, message: str) -> Step:
        """Return the removal of hooks that are to go now, or the end."""
        done = {(r.phase, r.key): r for r in self.progress.hooks if r.state in ENDED}
        uids: dict[ObjectKey, str] = {}
        for change in self.plan.changes():
            result = done.get((change.phase, change.key))
            if result is None or change.action is not Action.HOOK:
                continue
            found = self.observed.get(change.key)
            succeeded = result.state is RunState.SUCCEEDED
            policy = DeletePolicy.HOOK_SUCCEEDED if succeeded else DeletePolicy.HOOK_FAILED
            is_there = found is not None and found.uid == result.uid and not found.is_deleting
            if is_there and policy in _policies(change):
                uids[change.key] = result.uid
        if uids:
            return DeleteHooks(uids, running_message(tuple(uids), tuple(uids), is_deletion=True))
        return Finish(state, message)


def _policies(hook: PlannedChange) -> tuple[DeletePolicy, ...]:
    return delete_policies(annotations_of(hook.manifest.body)) if hook.manifest else ()


def _awaits_creation(result: ObjectResult) -> bool:
    """Return whether an object was deleted in order to be created anew."""
    return result.action is Action.RECREATE and result.status is ResultCode.PRUNED


def _after(begun: datetime | None, limit: timedelta | None) -> datetime | None:
    return begun + limit if begun is not None and limit is not None else None


def _earliest(*times: datetime | None) -> datetime | None:
    return min((time for time in times if time is not None), default=None)
