"""The operations of one Application: what a person asked for, what runs, what automation wants."""

from dataclasses import dataclass
from datetime import datetime

from trimtab.controllers.application.desire import resolve_target
from trimtab.controllers.application.model import (
    Inputs,
    Intent,
    Memory,
    Observation,
    SyncOutcome,
    Target,
)
from trimtab.controllers.application.observe import Observer
from trimtab.controllers.application.report.write_report import Report, write_report
from trimtab.controllers.application.sync.act import Syncer
from trimtab.controllers.application.sync.decide import window_target
from trimtab.controllers.application.sync.intents import longest_retry_wait, running_operation
from trimtab.controllers.application.sync.progress import progress_of
from trimtab.controllers.application.world import HUB_SERVER, World
from trimtab.core.policy import can_sync
from trimtab.crds.argoproj_v1alpha1.application import Operation
from trimtab.crds.argoproj_v1alpha1.mapping import sources_of


@dataclass(frozen=True, slots=True)
class Operations:
    """Carries out the operations of one Application, in one look.

    Args:
        world: The ports.
        inputs: Whose.
        observer: Looks.
        memory: What is remembered.
    """

    world: World
    inputs: Inputs
    observer: Observer
    memory: Memory

    async def carry_out(self, intent: Intent) -> SyncOutcome:
        """Carry out what a person asked for, or go on with what runs."""
        sync = intent.operation.sync
        if intent.is_new and sync is not None and sync.manifests:
            # Syncing what is in Git instead would not be what was asked for.
            return self._refused(
                intent, "operation.sync.manifests is not supported: nothing was synced"
            )
        if intent.is_user and intent.is_new:
            permission = can_sync(
                self.inputs.project.sync_windows,
                app=window_target(self.inputs),
                now=self.world.clock.now(),
                manual=True,
            )
            if not permission.is_allowed:
                return self._refused(intent, f"sync not permitted: {permission.reason}")
        target = await self._target(intent)
        return await self.sync(intent, await self.observer.observe(target))

    async def sync(self, intent: Intent, observation: Observation) -> SyncOutcome:
        """Go on with a sync as far as it goes now."""
        return await self._syncer().run(intent, observation)

    async def gives_way(self, intent: Intent) -> bool:
        """Return whether a running automated sync is superseded by a newer commit now."""
        sync = intent.operation.sync
        if intent.is_new or intent.is_user or intent.progress.is_terminating or sync is None:
            return False
        current = await self.observer.target()
        if current.revisions == (sync.revisions or (sync.revision,)):
            return False
        if self.retry_wait(self.world.clock.now()) is not None:
            return True
        observation = await self.observer.observe(await self._target(intent))
        return self._syncer().gives_way(intent, observation)

    def retry_wait(self, now: datetime) -> float | None:
        """Return how many seconds a failed sync still waits for its next attempt, or None."""
        app = self.inputs.app
        at, running = progress_of(app).next_attempt, running_operation(app)
        if at is None or at <= now or running is None or running.phase != "Running":
            return None
        operation = running.operation
        longest = longest_retry_wait(operation if isinstance(operation, Operation) else None)
        # A replica whose clock is ahead planned what would take hours by ours.
        return (at - now).total_seconds() if at - now <= longest else None

    async def _target(self, intent: Intent) -> Target:
        """Return what an operation syncs: its own sources and revisions, else the spec's."""
        sync = intent.operation.sync
        assert sync is not None
        stated = sources_of(self.inputs.app.spec)
        wire = sync.sources or ((sync.source,) if sync.source else stated)
        revisions = sync.revisions or ((sync.revision,) if sync.revision else ())
        if not revisions and not intent.is_new and intent.progress.revision:
            # A branch may have moved on: what runs is never changed under a person's hands.
            revisions = tuple(intent.progress.revision.split(","))
        return await resolve_target(
            self.world.source,
            self.world.charts,
            self.observer.repository,
            wire,
            revisions=revisions,
            # Who has just pushed and asks for a sync means that commit.
            fresh=intent.is_user and intent.is_new,
        )

    def _syncer(self) -> Syncer:
        return Syncer(self.inputs, self.observer, self.memory, self.world, self._record)

    async def _record(self, seen: Observation, outcome: SyncOutcome) -> None:
        """Show in the hub that a sync has begun."""
        takes = self.inputs.app.operation is not None
        report = Report(self.world.clock.now(), seen, outcome, takes_operation=takes)
        hub = self.world.clusters.find(server=HUB_SERVER)
        await write_report(hub, self.inputs.app, self.inputs.app_live, report)

    def _refused(self, intent: Intent, message: str) -> SyncOutcome:
        """End an operation with the reason: a condition alone would be gone at the next look."""
        now, nothing = self.world.clock.now(), Target((), ())
        return SyncOutcome(intent, "Error", message, intent.progress, nothing, finished_at=now)
