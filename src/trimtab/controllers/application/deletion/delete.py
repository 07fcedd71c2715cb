"""Deleting an Application: its PreDelete hooks, its objects, its PostDelete hooks, itself.

Deleting the delivery is itself the confirmation. Rules: nothing is deleted while the destination
cannot be read; an error keeps the Application and says so; a destination that is not registered any
more holds nothing that we may touch, so it holds nobody up.
"""

from collections.abc import Collection
from datetime import timedelta

from msgspec import structs

from trimtab.controllers.application.deletion.finalizers import FINALIZERS, Stage, next_stage
from trimtab.controllers.application.deletion.hooks import HookRunner
from trimtab.controllers.application.deletion.objects import ObjectDeleter
from trimtab.controllers.application.locate import locate
from trimtab.controllers.application.report.journal import Journal
from trimtab.controllers.application.report.write_report import Report, write_report
from trimtab.controllers.application.settings import STATUS_MANAGER
from trimtab.controllers.application.world import HUB_SERVER, World
from trimtab.core.conditions import Condition, ConditionType
from trimtab.core.errors import Stalled, Transient, TrimtabError
from trimtab.core.manifest import HookPhase, canonical_json
from trimtab.core.manifest.live import LiveObject
from trimtab.crds.argoproj_v1alpha1.application import Application
from trimtab.ports.cluster import (
    Cluster,
    ClusterUnknown,
    ClusterUnreachable,
    Invalid,
    NotFound,
    Write,
)
from trimtab.runtime import AgainAt, Done, Outcome, StalledFailure, TransientFailure, parse_time

_ATTEMPTS = 4
_PHASES = {Stage.PRE_DELETE: HookPhase.PRE_DELETE, Stage.POST_DELETE: HookPhase.POST_DELETE}


class Deleter:
    """Deletes Applications."""

    def __init__(self, world: World, journal: Journal) -> None:
        self._world = world
        self._journal = journal

    async def delete(self, key: str, app: Application, live: LiveObject) -> Outcome:
        """Carry the deletion of an Application on, and let it go when everything is done."""
        if next_stage(live.meta.finalizers or ()) is None or self._world.settings.observe_only:
            return Done()
        hub = self._world.clusters.find(server=HUB_SERVER)
        try:
            is_gone = await self._go_on(hub, key, app, live)
        except TrimtabError as error:
            await self._report(hub, app, live, error.message)
            if isinstance(error, Stalled):
                return StalledFailure(error.reason)
            after = error.retry_after if isinstance(error, Transient) else None
            return TransientFailure(error.reason, after)
        if is_gone:
            return Done()
        if any(c.type == ConditionType.DELETION_ERROR for c in app.status.conditions):
            await self._report(hub, app, live, "")
        return AgainAt(timedelta(seconds=1))

    async def _go_on(self, hub: Cluster, key: str, app: Application, live: LiveObject) -> bool:
        """Do what is next until something must be waited for; return whether nothing is left."""
        while (stage := next_stage(live.meta.finalizers or ())) is not None:
            if not await self._is_done(stage, hub, key, app, live):
                return False
            left = [n for n in live.meta.finalizers or () if n not in FINALIZERS[stage]]
            if next_stage(left) is None:
                await self._journal.record_deletion(app, outcome="Succeeded", detail="cascade")
            live = await self._let_go(hub, live, FINALIZERS[stage])
        return True

    async def _is_done(
        self, stage: Stage, hub: Cluster, key: str, app: Application, live: LiveObject
    ) -> bool:
        objects = ObjectDeleter(self._world, key, app, live)
        try:
            match stage:
                case Stage.OBJECTS:
                    return await objects.go_on()
                case Stage.CLEAN_UP:
                    return await objects.clean_up()
                case Stage.PRE_DELETE | Stage.POST_DELETE:
                    return await self._run_hooks(stage, key, app, live)
        except ClusterUnknown as error:
            name = objects.registered_by(hub)
            if name:
                message = f"{error.message}, but Secret {name} may register it"
                raise Transient("ClusterUnknown", message) from error
            return True

    async def _run_hooks(self, stage: Stage, key: str, app: Application, live: LiveObject) -> bool:
        began = parse_time(live.meta.deletion_timestamp or "") or self._world.clock.now()
        try:
            runner = HookRunner(self._world, locate(self._world, key, app, live), began)
            return await runner.go_on(_PHASES[stage])
        except (ClusterUnknown, ClusterUnreachable):
            raise
        except Stalled as error:
            raise Stalled(error.reason, f"{error.message}. {_way_out(stage)}") from error
        except Transient as error:
            message = f"{error.message}. {_way_out(stage)}"
            raise Transient(error.reason, message, retry_after=error.retry_after) from error

    async def _report(self, hub: Cluster, app: Application, live: LiveObject, message: str) -> None:
        conditions = (Condition(ConditionType.DELETION_ERROR, message),) if message else ()
        report = Report(self._world.clock.now(), conditions=conditions)
        await write_report(hub, app, live, report)

    async def _let_go(self, hub: Cluster, live: LiveObject, names: Collection[str]) -> LiveObject:
        """Take finalizers away, others' stay; return the Application as it is then."""
        for _ in range(_ATTEMPTS):
            kept = [name for name in live.meta.finalizers or () if name not in names]
            version = live.meta.resource_version
            patch = [
                {"op": "test", "path": "/metadata/resourceVersion", "value": version},
                {"op": "add", "path": "/metadata/finalizers", "value": kept},
            ]
            body, write = canonical_json(patch), Write(STATUS_MANAGER)
            try:
                written = await hub.patch(live.key, "json", body, write, version=live.version)
            except NotFound:
                return _without_finalizers(live)
            except Invalid:
                found = await hub.get(live.key, version=live.version)
                if found is None:
                    return _without_finalizers(live)
                live = found
                continue
            if kept:
                # Without any it is gone: what is remembered would be a ghost.
                hub.remember(written.live)
            return written.live
        raise Transient("Conflict", f"{live.key} keeps changing: its finalizers stay for now")


def _without_finalizers(live: LiveObject) -> LiveObject:
    return structs.replace(live, meta=structs.replace(live.meta, finalizers=None))


def _way_out(stage: Stage) -> str:
    """Return how a person gets rid of an Application whose hooks cannot be run."""
    names = ", ".join(FINALIZERS[stage])
    return f"To delete the Application without its {stage} hooks, remove the finalizer {names}"
