"""One look at one Application: observe, decide, act, report."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec
import structlog

from trimtab.controllers.application.deletion.delete import Deleter
from trimtab.controllers.application.desire import resolve_target
from trimtab.controllers.application.failures import failure_report
from trimtab.controllers.application.locate import locate
from trimtab.controllers.application.model import (
    Inputs,
    Intent,
    Memory,
    Observation,
    SyncOutcome,
    Target,
)
from trimtab.controllers.application.observe import Observer
from trimtab.controllers.application.report.journal import Journal
from trimtab.controllers.application.report.unsupported import unsupported
from trimtab.controllers.application.report.write_report import (
    Report,
    decode_application,
    write_report,
)
from trimtab.controllers.application.settings import APPLICATION, REFRESH
from trimtab.controllers.application.sync.act import Syncer
from trimtab.controllers.application.sync.decide import (
    decide_automated,
    still_stopped,
    window_target,
)
from trimtab.controllers.application.sync.intents import (
    longest_retry_wait,
    requested_intent,
    running_operation,
)
from trimtab.controllers.application.sync.progress import progress_of
from trimtab.controllers.application.world import HUB_SERVER, World
from trimtab.core.conditions import Condition, ConditionType
from trimtab.core.errors import TrimtabError
from trimtab.core.manifest import ObjectKey
from trimtab.core.policy import can_sync
from trimtab.crds.argoproj_v1alpha1.application import Application, Operation
from trimtab.crds.argoproj_v1alpha1.mapping import sources_of
from trimtab.runtime import (
    AgainAt,
    Backoff,
    Done,
    Outcome,
    StalledFailure,
)

_log = structlog.get_logger("application")
_HEAL_BACKOFF = Backoff(first=timedelta(seconds=1), factor=2.0, most=timedelta(minutes=3))


@dataclass(frozen=True, slots=True)
class Looked:
    """The observed part of a look: what to report, and when to look again."""

    report: Report
    outcome: Outcome


class ApplicationReconciler:
    """Looks at Applications by key ``namespace/name``.

    Args:
        world: The ports.
        journal: Writes the ledger.
    """

    def __init__(self, world: World, journal: Journal) -> None:
        self._world = world
        self._journal = journal
        self._memories: dict[str, Memory] = {}

    async def reconcile(self, key: str) -> Outcome:
        """Look at one Application and bring it closer to its desired state."""
        namespace, _, name = key.partition("/")
        hub = self._world.clusters.find(server=HUB_SERVER)
        live = hub.live(ObjectKey(APPLICATION.group, APPLICATION.kind, namespace, name))
        if live is None:
            self._memories.pop(key, None)
            return Done()
        is_observer = self._world.settings.observe_only
        if not is_observer and not self._world.may_write():
            return AgainAt(timedelta(seconds=1))
        memory = self._memories.setdefault(key, Memory())
        now = self._world.clock.now()
        try:
            app = decode_application(live)
        except msgspec.ValidationError as error:
            _log.warning("application.invalid", app=key, error=str(error))
            return StalledFailure("InvalidSpecError")
        if live.meta.deletion_timestamp:
            deleter = Deleter(self._world, self._journal)
            return await deleter.delete(key, app, live)
        try:
            inputs = locate(self._world, key, app, live)
            looked = await self._look(inputs, memory)
        except TrimtabError as error:
            looked = Looked(*failure_report(app, error, now))
        project = self._world.catalogue.project(app.spec.project or "default")
        warnings = unsupported(app, project)
        report = replace(looked.report, conditions=(*looked.report.conditions, *warnings))
        if is_observer:
            return looked.outcome
        if report.outcome is not None:
            await self._journal.record(app, live, report.outcome)
        outcome = looked.outcome
        wait = await write_report(hub, app, live, report)
        if wait is not None and isinstance(outcome, AgainAt):
            outcome = AgainAt(min(outcome.after, wait))
        _log.info(
            "application.looked",
            app=key,
            outcome=type(outcome).__name__,
            sync=report.outcome.phase if report.outcome else "",
            ms=round((self._world.clock.now() - now).total_seconds() * 1000, 1),
        )
        return outcome

    async def _look(self, inputs: Inputs, memory: Memory) -> Looked:
        observer = Observer(self._world, inputs, memory)
        app = inputs.app
        refresh = inputs.app_live.annotations.get(REFRESH, "")
        hard = refresh == "hard"
        now = self._world.clock.now()
        if self._world.settings.observe_only:
            # Whatever is asked for or is due, another controller carries it out.
            observation = await observer.observe(await observer.target(fresh=bool(refresh)))
            return Looked(Report(now, observation), AgainAt(self._world.settings.refresh_every))
        intent = requested_intent(app, now)
        conditions: tuple[Condition, ...] = ()
        outcome: SyncOutcome | None = None
        held_until: datetime | None = None
        superseded: Intent | None = None
        if intent is not None and await self._gives_way(observer, inputs, memory, intent):
            intent, superseded = None, intent
        if intent is not None:
            waiting = self._retry_wait(app, now)
            if waiting is not None:
                target = await observer.target(fresh=bool(refresh))
                observation = await observer.observe(target, hard=hard)
                report = Report(now, observation, takes_refresh=bool(refresh))
                return Looked(report, AgainAt(timedelta(seconds=waiting)))
            outcome, conditions = await self._requested(observer, inputs, memory, intent)
        target = await observer.target(fresh=bool(refresh))
        observation = await observer.observe(target, hard=hard)
        if outcome is None and not conditions:
            decision = decide_automated(inputs, observation, memory.contention)
            conditions = decision.conditions
            if decision.intent is None:
                conditions += still_stopped(app, observation)
            held_until = decision.look_again
            if superseded is not None:
                outcome = _superseded(superseded, target, now)
                await self._journal.record(app, inputs.app_live, outcome)
            if decision.intent is not None:
                if not decision.is_again:
                    # What an earlier commit failed with says nothing about the one that repairs it.
                    memory.heal_failures, memory.heal_after = 0, 0.0
                heals_again = self._heal_wait(memory)
                if heals_again is not None:
                    said = _last_said(app)
                    report = Report(now, observation, conditions=said, takes_refresh=bool(refresh))
                    return Looked(report, AgainAt(timedelta(seconds=heals_again)))
                memory.contention = decision.contention
                wanted = _after(decision.intent, superseded)
                outcome = await self._sync(observer, inputs, memory, wanted, observation)
                self._count_heals(memory, app, outcome)
                observation = await observer.compare(target, observation.desired)
        report = Report(
            now,
            observation,
            outcome,
            conditions=conditions,
            takes_operation=app.operation is not None and intent is not None,
            takes_refresh=bool(refresh),
        )
        if held_until is not None:
            return Looked(report, AgainAt(max(held_until - now, timedelta(milliseconds=50))))
        return Looked(report, self._again(outcome, memory))

    async def _gives_way(
        self, observer: Observer, inputs: Inputs, memory: Memory, intent: Intent
    ) -> bool:
        """Return whether a running automated sync is superseded by a newer commit now."""
        sync = intent.operation.sync
        if intent.is_new or intent.is_user or intent.progress.is_terminating or sync is None:
            return False
        current = await observer.target()
        if current.revisions == (sync.revisions or (sync.revision,)):
            return False
        if self._retry_wait(inputs.app, self._world.clock.now()) is not None:
            return True
        target = await self._operation_target(observer, inputs, intent)
        observation = await observer.observe(target)
        syncer = Syncer(inputs, observer, memory, self._world, _record_nothing)
        return syncer.gives_way(intent, observation)

    async def _requested(
        self, observer: Observer, inputs: Inputs, memory: Memory, intent: Intent
    ) -> tuple[SyncOutcome | None, tuple[Condition, ...]]:
        """Carry out what a person asked for, or go on with what runs."""
        sync = intent.operation.sync
        if intent.is_new and sync is not None and sync.manifests:
            # Syncing what is in Git instead would not be what was asked for.
            message = "operation.sync.manifests is not supported: nothing was synced"
            return self._refused(intent, message), ()
        if intent.is_user and intent.is_new:
            permission = can_sync(
                inputs.project.sync_windows,
                app=window_target(inputs),
                now=self._world.clock.now(),
                manual=True,
            )
            if not permission.is_allowed:
                message = f"sync not permitted: {permission.reason}"
                return self._refused(intent, message), ()
        target = await self._operation_target(observer, inputs, intent)
        observation = await observer.observe(target)
        outcome = await self._sync(observer, inputs, memory, intent, observation)
        return outcome, ()

    def _refused(self, intent: Intent, message: str) -> SyncOutcome:
        """End an operation with the reason: a condition alone would be gone at the next look."""
        now = self._world.clock.now()
        nothing = Target((), ())
        return SyncOutcome(intent, "Error", message, intent.progress, nothing, finished_at=now)

    async def _operation_target(self, observer: Observer, inputs: Inputs, intent: Intent) -> Target:
        """Return what an operation syncs: its own sources and revisions, else the spec's."""
        sync = intent.operation.sync
        assert sync is not None
        wire = sync.sources or ((sync.source,) if sync.source else sources_of(inputs.app.spec))
        revisions = sync.revisions or ((sync.revision,) if sync.revision else ())
        if not revisions and not intent.is_new and intent.progress.revision:
            # A branch may have moved on: what runs is never changed under a person's hands.
            revisions = tuple(intent.progress.revision.split(","))
        return await resolve_target(
            self._world.source,
            self._world.charts,
            observer.repository,
            wire,
            revisions=revisions,
            # Who has just pushed and asks for a sync means that commit.
            fresh=intent.is_user and intent.is_new,
        )

    async def _sync(
        self,
        observer: Observer,
        inputs: Inputs,
        memory: Memory,
        intent: Intent,
        observation: Observation,
    ) -> SyncOutcome:
        hub = self._world.clusters.find(server=HUB_SERVER)

        async def record(seen: Observation, outcome: SyncOutcome) -> None:
            report = Report(
                self._world.clock.now(),
                seen,
                outcome,
                takes_operation=inputs.app.operation is not None,
            )
            await write_report(hub, inputs.app, inputs.app_live, report)

        syncer = Syncer(inputs, observer, memory, self._world, record)
        return await syncer.run(intent, observation)

    def _retry_wait(self, app: Application, now: datetime) -> float | None:
        """Return how long a failed sync still waits for its next attempt, or None."""
        at, running = progress_of(app).next_attempt, running_operation(app)
        if at is None or at <= now or running is None or running.phase != "Running":
            return None
        operation = running.operation
        longest = longest_retry_wait(operation if isinstance(operation, Operation) else None)
        # A replica whose clock is ahead planned what would take hours by ours.
        return (at - now).total_seconds() if at - now <= longest else None

    def _heal_wait(self, memory: Memory) -> float | None:
        wait = memory.heal_after - self._world.clock.monotonic()
        return wait if wait > 0 else None

    def _count_heals(self, memory: Memory, app: Application, outcome: SyncOutcome) -> None:
        """Back off from an automated sync that keeps failing."""
        if outcome.phase in ("Failed", "Error"):
            memory.heal_failures += 1
            delay = _HEAL_BACKOFF.delay(memory.heal_failures).total_seconds()
            memory.heal_after = self._world.clock.monotonic() + delay
        else:
            memory.heal_failures, memory.heal_after = 0, 0.0

    def _again(self, outcome: SyncOutcome | None, memory: Memory) -> Outcome:
        every = self._world.settings.refresh_every
        if outcome is None:
            return AgainAt(every)
        if outcome.look_again is not None:
            return AgainAt(timedelta(seconds=min(outcome.look_again, every.total_seconds())))
        wait = self._heal_wait(memory)
        if outcome.phase in ("Failed", "Error") and not outcome.conditions and wait is not None:
            return AgainAt(timedelta(seconds=wait))
        return AgainAt(every)


async def _record_nothing(_: Observation, __: SyncOutcome) -> None:
    """A look that only asks writes nothing."""


def _last_said(app: Application) -> tuple[Condition, ...]:
    """Return why the last attempt failed: it holds until the next one."""
    return tuple(
        Condition(kind, str(condition.message))
        for condition in app.status.conditions
        for kind in (ConditionType.SYNC_ERROR, ConditionType.DELETION_BUDGET_EXCEEDED)
        if condition.type == kind
    )


def _superseded(intent: Intent, by: Target, now: datetime) -> SyncOutcome:
    message = f"superseded by {by.revision}"
    return SyncOutcome(intent, "Failed", message, intent.progress, Target((), ()), finished_at=now)


def _after(intent: Intent, superseded: Intent | None) -> Intent:
    """Return an intent that knows how many syncs were superseded in a row before it."""
    if superseded is None:
        return intent
    count = superseded.superseded + 1
    return replace(intent, superseded=count, progress=replace(intent.progress, supersessions=count))
