"""Carrying out a sync: plan, budget, preflight, then step by step as core decides.

The plan is made anew after each step from what is live; progress keeps what must not be done twice.
Nothing here waits for the world: a step that waits ends the look.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from trimtab.controllers.application.model import (
    Inputs,
    Intent,
    Memory,
    Observation,
    Seen,
    SyncOutcome,
)
from trimtab.controllers.application.observe import Observer
from trimtab.controllers.application.settings import CONFIRM_PLAN
from trimtab.controllers.application.sync.outcomes import (
    drift_of,
    failure_message,
    finished,
    has_failed,
    over_budget,
    running,
    with_skipped,
)
from trimtab.controllers.application.sync.planning import Planner, takes_long, terminating_namespace
from trimtab.controllers.application.sync.preflight import preflight, refused_updates
from trimtab.controllers.application.sync.write import Writer
from trimtab.controllers.application.world import World
from trimtab.core.manifest import ObjectKey
from trimtab.core.plan import (
    ApplyWave,
    DeleteHooks,
    Finish,
    ObjectState,
    Plan,
    RunHooks,
    RunState,
    Step,
    SyncProgress,
    WaitConfirmation,
    WaitHealth,
    advance,
    can_supersede,
    check_budget,
    next_actions,
)

MAX_STEPS = 200

RecordIntent = Callable[[Observation, SyncOutcome], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Syncer:
    """Carries out the syncs of one Application.

    Args:
        inputs: Whose.
        observer: Looks again after each step.
        memory: What is remembered.
        world: The ports.
        record: Shows in the hub that a sync has begun which takes longer than one step.
    """

    inputs: Inputs
    observer: Observer
    memory: Memory
    world: World
    record: RecordIntent

    @property
    def _planner(self) -> Planner:
        return Planner(self.inputs, self.memory)

    async def run(self, intent: Intent, observation: Observation) -> SyncOutcome:
        """Go on with a sync until it ends or waits.

        Raises:
            Transient: The cluster did not answer; what was done so far is found again.
        """
        progress = replace(intent.progress, revision=observation.target.revision)
        writer = Writer(
            self.inputs,
            self.observer.comparer,
            self.world.settings,
            intent.options,
            self.world.may_write,
        )
        if progress.results or progress.is_terminating:
            plan = self._planner.plan(intent, observation)
        else:
            plan = await self._first_plan(intent, observation, writer)
            stopped = await self._begin(intent, observation, progress, plan, writer)
            if stopped is not None:
                return stopped
        drift = drift_of(intent, observation)
        for _ in range(MAX_STEPS):
            now = self.world.clock.now()
            observed = self._observed(observation, progress)
            deadlines = self.world.settings.deadlines
            progress = advance(plan, progress, observed, now, deadlines=deadlines)
            step = next_actions(plan, progress, observed, now, deadlines=deadlines)
            match step:
                case ApplyWave(_, _, changes) | RunHooks(_, _, changes):
                    results = await writer.write(changes)
                    progress = progress.with_results(results, now)
                case DeleteHooks(uids, _):
                    await writer.delete_hooks(uids)
                case WaitHealth(_, _, message) | WaitConfirmation(_, message):
                    wait = _seconds(step, observation, now)
                    return running(
                        intent, observation, progress, message=message, look_again=wait, drift=drift
                    )
                case Finish(state, message):
                    if state is RunState.SUCCEEDED and not intent.options.dry_run:
                        await writer.mark_namespace()
                    return finished(
                        intent,
                        observation,
                        with_skipped(plan, progress),
                        state=state,
                        message=message,
                        now=self.world.clock.now(),
                        drift=drift,
                    )
                case _:
                    assert_never(step)
            observation = await self.observer.compare(observation.target, observation.desired)
            plan = self._planner.plan(intent, observation)
        return running(
            intent, observation, progress, message="many steps", look_again=0.1, drift=drift
        )

    def gives_way(self, intent: Intent, observation: Observation) -> bool:
        """Return whether a newer revision may take a running sync's place now."""
        plan = self._planner.plan(intent, observation)
        progress = replace(intent.progress, supersessions=intent.superseded)
        return can_supersede(plan, progress, is_automated=not intent.is_user)

    async def _first_plan(self, intent: Intent, observation: Observation, writer: Writer) -> Plan:
        """Return the plan that a sync begins with; refused updates with Force are recreations."""
        self.memory.refused = frozenset()
        plan = self._planner.plan(intent, observation)
        self.memory.refused = await refused_updates(plan, writer)
        return self._planner.plan(intent, observation) if self.memory.refused else plan

    async def _begin(
        self,
        intent: Intent,
        observation: Observation,
        progress: SyncProgress,
        plan: Plan,
        writer: Writer,
    ) -> SyncOutcome | None:
        """Return why the sync may not touch anything, or None to go on."""
        waits = terminating_namespace(self.inputs, plan)
        if waits:
            return running(intent, observation, progress, message=waits, look_again=0.5)
        too_much = "" if intent.options.dry_run else self._over_budget(observation, plan)
        if too_much:
            outcome = self._ended(
                intent, observation, progress, RunState.FAILED, f"stopped: {too_much}"
            )
            return over_budget(outcome, plan, too_much)
        failed = await preflight(self.inputs, self.observer, plan, observation, writer)
        if failed or intent.options.dry_run:
            progress = progress.with_results(failed, self.world.clock.now())
            state = RunState.FAILED if has_failed(failed) else RunState.SUCCEEDED
            message = failure_message(failed) or "dry run: nothing was written"
            return self._ended(intent, observation, progress, state, message)
        kinds = {change.key.group_kind for change in plan.changes() if change.manifest}
        await self.world.written.add(self.inputs.cluster.server, kinds)
        if takes_long(plan):
            await self.record(
                observation, running(intent, observation, progress, message="started")
            )
        return None

    def _over_budget(self, observation: Observation, plan: Plan) -> str:
        """Return why a person must confirm a plan first, or empty."""
        confirmed = self.inputs.app_live.annotations.get(CONFIRM_PLAN)
        verdict = check_budget(
            plan,
            delivery_size=sum(1 for seen in observation.seen if seen.live is not None),
            budget=self.inputs.project.budget,
            confirmed_digest=confirmed,
        )
        if verdict.exceeded:
            return verdict.message
        if verdict.reasons or confirmed == verdict.digest:
            return ""
        revision, deletions = observation.target.revision, len(plan.deletions)
        over_fleet = self.world.fleet.plan(revision, self.inputs.key, deletions)
        if not over_fleet:
            return ""
        return f"the commit would delete {over_fleet}. Confirm this plan with {verdict.digest}"

    def _ended(
        self,
        intent: Intent,
        observation: Observation,
        progress: SyncProgress,
        state: RunState,
        message: str,
    ) -> SyncOutcome:
        now = self.world.clock.now()
        return finished(intent, observation, progress, state=state, message=message, now=now)

    def _observed(
        self, observation: Observation, progress: SyncProgress
    ) -> Mapping[ObjectKey, ObjectState]:
        found: dict[ObjectKey, ObjectState] = {}
        for seen in observation.seen:
            if seen.live is not None:
                found[seen.key] = _state(seen)
        keys = [hook.key for hook in observation.desired.hooks]
        keys += [result.key for result in progress.results]
        for key in keys:
            live = self.inputs.cluster.live(key) if key not in found else None
            if live is not None:
                seen = Seen(None, live, differs=False, health=self.observer.health(live))
                found[key] = _state(seen)
        return found


def _seconds(step: Step, observation: Observation, now: datetime) -> float | None:
    """Return when to look again at a sync that waits; None to wait for an event."""
    if not isinstance(step, WaitHealth):
        return None
    wait = None if step.until is None else max(0.0, (step.until - now).total_seconds())
    if any(not hook.key.name for hook in observation.desired.hooks):
        # Its mark was made before its name: events of it concern nobody.
        return min(1.0, wait if wait is not None else 1.0)
    return wait


def _state(seen: Seen) -> ObjectState:
    assert seen.live is not None
    deleting = seen.live.meta.deletion_timestamp is not None
    return ObjectState(seen.live.meta.uid, seen.health, is_deleting=deleting)
