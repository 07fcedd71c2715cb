"""Carrying out a sync: plan, budget, preflight, then step by step as core decides.

The plan is made anew after each step from what is live; progress keeps what must not be done twice.
Nothing here waits for the world: a step that waits ends the look.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from trimtab.controllers.application.decide import is_selected, next_attempt
from trimtab.controllers.application.model import (
    Inputs,
    Intent,
    Memory,
    Observation,
    Seen,
    SyncOutcome,
)
from trimtab.controllers.application.observe import Observer, World
from trimtab.controllers.application.preflight import preflight, refused_updates
from trimtab.controllers.application.settings import (
    CONFIRM_PLAN,
    NAMESPACE,
)
from trimtab.controllers.application.write import Writer
from trimtab.core.conditions import Condition, ConditionType
from trimtab.core.diff import FieldChange
from trimtab.core.manifest import HookPhase, ObjectKey, digest_of
from trimtab.core.plan import (
    Action,
    ApplyWave,
    Candidate,
    DeleteHooks,
    Finish,
    ObjectResult,
    ObjectState,
    Plan,
    ResultCode,
    RunHooks,
    RunState,
    SyncProgress,
    WaitConfirmation,
    WaitHealth,
    advance,
    can_supersede,
    check_budget,
    format_plan,
    namespace_candidate,
    next_actions,
    plan_sync,
)

MAX_STEPS = 200

Drift: TypeAlias = tuple[tuple[ObjectKey, tuple[FieldChange, ...]], ...]
RecordIntent = Callable[[Observation, SyncOutcome], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Syncer:
    """Carries out the syncs of one Application.

    Args:
        inputs: Whose.
        observer: Looks again after each step.
        memory: What is remembered.
        world: The ports.
        record: Writes intent to the hub before the first object of a new kind is created.
    """

    inputs: Inputs
    observer: Observer
    memory: Memory
    world: World
    record: RecordIntent

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
        if not progress.results and not progress.is_terminating:
            self.memory.refused = frozenset()
            stopped = await self._begin(intent, observation, progress, writer)
            if stopped is not None:
                return stopped
        drift = _drift(intent, observation)
        for _ in range(MAX_STEPS):
            now = self.world.clock.now()
            plan = self._plan(intent, observation)
            observed = self._observed(observation, progress)
            progress = advance(
                plan, progress, observed, now, deadlines=self.world.settings.deadlines
            )
            step = next_actions(
                plan, progress, observed, now, deadlines=self.world.settings.deadlines
            )
            match step:
                case ApplyWave(_, _, changes) | RunHooks(_, _, changes):
                    results = await writer.write(changes)
                    progress = progress.with_results(results, now)
                case DeleteHooks(uids, _):
                    await writer.delete_hooks(uids)
                case WaitHealth(_, until, message):
                    wait = None if until is None else max(0.0, (until - now).total_seconds())
                    if any(not hook.key.name for hook in observation.desired.hooks):
                        # Its mark was made before its name: events of it concern nobody.
                        wait = min(1.0, wait if wait is not None else 1.0)
                    return self._running(intent, observation, progress, message, wait, drift)
                case WaitConfirmation(_, message):
                    return self._running(intent, observation, progress, message, None, drift)
                case Finish(state, message):
                    if state is RunState.SUCCEEDED and not intent.options.dry_run:
                        await writer.mark_namespace()
                    progress = _with_skipped(plan, progress)
                    return self._finished(intent, observation, progress, state, message, drift)
                case _:
                    assert_never(step)
            observation = await self.observer.compare(observation.target, observation.desired)
        return self._running(intent, observation, progress, "many steps", 0.1, drift)

    def gives_way(self, intent: Intent, observation: Observation) -> bool:
        """Return whether a newer revision may take a running sync's place now."""
        plan = self._plan(intent, observation)
        progress = replace(intent.progress, supersessions=intent.superseded)
        return can_supersede(plan, progress, is_automated=not intent.is_user)

    async def _begin(
        self, intent: Intent, observation: Observation, progress: SyncProgress, writer: Writer
    ) -> SyncOutcome | None:
        """Return why the sync may not touch anything, or None to go on."""
        plan = self._plan(intent, observation)
        refused = await refused_updates(plan, writer)
        if refused:
            self.memory.refused = refused
            plan = self._plan(intent, observation)
        refusal = self._terminating(plan)
        if refusal:
            return self._running(intent, observation, progress, refusal, 0.5, ())
        confirmed = self.inputs.app_live.annotations.get(CONFIRM_PLAN)
        verdict = check_budget(
            plan,
            delivery_size=sum(1 for seen in observation.seen if seen.live is not None),
            budget=self.world.settings.budget,
            confirmed_digest=confirmed,
        )
        over_fleet = ""
        if not verdict.reasons and confirmed != verdict.digest:
            revision, deletions = observation.target.revision, len(plan.deletions)
            over_fleet = self.world.fleet.plan(revision, self.inputs.key, deletions)
        if (verdict.exceeded or over_fleet) and not intent.options.dry_run:
            message = verdict.message or (
                f"the commit would delete {over_fleet}. Confirm this plan with {verdict.digest}"
            )
            return self._over_budget(intent, observation, progress, plan, message)
        failed = await preflight(self.inputs, self.observer, plan, observation, writer)
        if failed or intent.options.dry_run:
            now = self.world.clock.now()
            progress = progress.with_results(failed, now)
            state = RunState.FAILED if _has_failed(failed) else RunState.SUCCEEDED
            message = _failure_message(failed) or "dry run: nothing was written"
            return self._finished(intent, observation, progress, state, message, ())
        kinds = {change.key.group_kind for change in plan.changes() if change.manifest}
        await self.world.written.add(self.inputs.cluster.server, kinds)
        if _takes_long(plan):
            outcome = self._running(intent, observation, progress, "started", None, ())
            await self.record(observation, outcome)
        return None

    def _plan(self, intent: Intent, observation: Observation) -> Plan:
        candidates = [
            replace(seen.candidate(), is_refused=True)
            if seen.key in self.memory.refused
            else seen.candidate()
            for seen in observation.seen
            if is_selected(intent.only, seen.key)
        ]
        namespace = self._namespace(intent, candidates)
        skips_hooks = intent.only is not None or _skips_hooks(intent)
        return plan_sync(
            changes=candidates + namespace,
            hooks=() if skips_hooks else observation.desired.hooks,
            options=intent.options,
            revision=observation.target.revision,
            started_unix=int(intent.started_at.timestamp()),
        )

    def _namespace(self, intent: Intent, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidate for option CreateNamespace, unless a manifest is the namespace."""
        name = self.inputs.namespace
        key = ObjectKey("", "Namespace", "", name)
        if not name or not intent.options.create_namespace:
            return []
        if any(c.manifest is not None and c.manifest.key == key for c in candidates):
            return []
        live = self.inputs.cluster.live(key)
        return [namespace_candidate(name, live)] if live is None else []

    def _terminating(self, plan: Plan) -> str:
        """Return why a plan must wait for a namespace that is being deleted, or empty."""
        spaces = {c.key.namespace for c in plan.changes() if c.key.namespace and c.manifest}
        for name in sorted(spaces):
            live = self.inputs.cluster.live(ObjectKey(NAMESPACE.group, NAMESPACE.kind, "", name))
            if live is not None and live.meta.deletion_timestamp:
                return f"waiting for namespace {name} to be deleted before it is created again"
        return ""

    def _observed(
        self, observation: Observation, progress: SyncProgress
    ) -> dict[ObjectKey, ObjectState]:
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

    def _over_budget(
        self,
        intent: Intent,
        observation: Observation,
        progress: SyncProgress,
        plan: Plan,
        message: str,
    ) -> SyncOutcome:
        outcome = self._finished(
            intent, observation, progress, RunState.FAILED, f"stopped: {message}", ()
        )
        condition = Condition(ConditionType.DELETION_BUDGET_EXCEEDED, message)
        text = format_plan(plan)
        return replace(outcome, conditions=(condition,), plan_text=text, retry_at=None)

    def _running(
        self,
        intent: Intent,
        observation: Observation,
        progress: SyncProgress,
        message: str,
        look_again: float | None,
        drift: Drift,
    ) -> SyncOutcome:
        phase = "Terminating" if progress.is_terminating else "Running"
        progress = replace(progress, message=message)
        return SyncOutcome(
            replace(intent, progress=progress),
            phase,
            message,
            progress,
            observation.target,
            look_again=look_again,
            drift=drift,
        )

    def _finished(
        self,
        intent: Intent,
        observation: Observation,
        progress: SyncProgress,
        state: RunState,
        message: str,
        drift: Drift,
    ) -> SyncOutcome:
        now = self.world.clock.now()
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


def _takes_long(plan: Plan) -> bool:
    """Return whether a person should see that a sync has begun: it has hooks or several waves."""
    waves = sum(1 for phase in plan.phases for wave in phase.waves if wave.changes)
    return waves > 1 or any(change.action is Action.HOOK for change in plan.changes())


def _state(seen: Seen) -> ObjectState:
    assert seen.live is not None
    deleting = seen.live.meta.deletion_timestamp is not None
    return ObjectState(seen.live.meta.uid, seen.health, is_deleting=deleting)


def _skips_hooks(intent: Intent) -> bool:
    strategy = intent.operation.sync.sync_strategy if intent.operation.sync else None
    return strategy is not None and strategy.apply is not None and strategy.hook is None


def _drift(intent: Intent, observation: Observation) -> Drift:
    if intent.kind != "self-heal":
        return ()
    return tuple((s.key, s.changes) for s in observation.seen if s.differs and s.live is not None)


def _has_failed(results: Sequence[ObjectResult]) -> bool:
    return any(result.status is ResultCode.SYNC_FAILED for result in results)


def _failure_message(results: Sequence[ObjectResult]) -> str:
    failed = [r for r in results if r.status is ResultCode.SYNC_FAILED]
    if not failed:
        return ""
    told = "; ".join(f"{result.key}: {result.message}" for result in failed[:3])
    more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
    return f"one or more objects failed to apply, nothing was changed: {told}{more}"


def _with_skipped(plan: Plan, progress: SyncProgress) -> SyncProgress:
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
