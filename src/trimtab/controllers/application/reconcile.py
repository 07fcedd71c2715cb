"""One look at one Application: observe, decide, act, report."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec
import structlog

from trimtab.controllers.application.deletion.delete import Deleter
from trimtab.controllers.application.failures import failure_report
from trimtab.controllers.application.locate import locate
from trimtab.controllers.application.model import (
    Inputs,
    Intent,
    Memory,
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
from trimtab.controllers.application.sync.decide import decide_automated, still_stopped
from trimtab.controllers.application.sync.intents import requested_intent
from trimtab.controllers.application.sync.operations import Operations
from trimtab.controllers.application.world import HUB_SERVER, World
from trimtab.core.conditions import Condition, ConditionType
from trimtab.core.errors import TrimtabError
from trimtab.core.manifest import ObjectKey
from trimtab.crds.argoproj_v1alpha1.application import Application
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
            look = self._only_observe if self._world.settings.observe_only else self._look
            looked = await look(inputs, memory)
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

    async def _only_observe(self, inputs: Inputs, memory: Memory) -> Looked:
        """Look and do nothing: what is asked for or is due, another controller carries out."""
        observer = Observer(self._world, inputs, memory)
        refresh = REFRESH in inputs.app_live.annotations
        observation = await observer.observe(await observer.target(fresh=refresh))
        report = Report(self._world.clock.now(), observation)
        return Looked(report, AgainAt(self._world.settings.refresh_every))

    async def _look(self, inputs: Inputs, memory: Memory) -> Looked:
        observer = Observer(self._world, inputs, memory)
        operations = Operations(self._world, inputs, observer, memory)
        app = inputs.app
        refresh = inputs.app_live.annotations.get(REFRESH, "")
        hard = refresh == "hard"
        now = self._world.clock.now()
        intent = requested_intent(app, now)
        conditions: tuple[Condition, ...] = ()
        outcome: SyncOutcome | None = None
        held_until: datetime | None = None
        superseded: Intent | None = None
        if intent is not None and await operations.gives_way(intent):
            intent, superseded = None, intent
        if intent is not None:
            waiting = operations.retry_wait(now)
            if waiting is not None:
                target = await observer.target(fresh=bool(refresh))
                observation = await observer.observe(target, hard=hard)
                report = Report(now, observation, takes_refresh=bool(refresh))
                return Looked(report, AgainAt(timedelta(seconds=waiting)))
            outcome = await operations.carry_out(intent)
        target = await observer.target(fresh=bool(refresh))
        observation = await observer.observe(target, hard=hard)
        if outcome is None:
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
                outcome = await operations.sync(wanted, observation)
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
