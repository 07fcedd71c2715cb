"""Deleting an Application: with its finalizer its objects go first, in reverse of their waves.

Deleting the delivery is itself the confirmation. Nothing is deleted while the destination cannot
be read: an unreachable cluster keeps the finalizer and says so.
"""

from dataclasses import replace
from datetime import timedelta

from trimtab.controllers.application.journal import Journal
from trimtab.controllers.application.locate import locate
from trimtab.controllers.application.report import Report, write_report
from trimtab.controllers.application.settings import STATUS_MANAGER
from trimtab.controllers.application.world import HUB_SERVER, World
from trimtab.core.conditions import Condition, ConditionType
from trimtab.core.errors import Stalled, Transient, TrimtabError
from trimtab.core.manifest import GroupKind, app_instance_name, canonical_json
from trimtab.core.manifest.live import LiveObject
from trimtab.core.plan import SyncOptions, plan_deletion
from trimtab.crds.argoproj_v1alpha1.application import Application
from trimtab.ports.cluster import (
    ApiError,
    Cluster,
    ClusterUnknown,
    Conflict,
    Invalid,
    NotFound,
    Propagation,
    Write,
)
from trimtab.runtime import AgainAt, Done, Outcome, StalledFailure, TransientFailure

FINALIZER = "resources-finalizer.argocd.argoproj.io"
BACKGROUND = f"{FINALIZER}/background"
FOREGROUND = f"{FINALIZER}/foreground"
CASCADING = (FINALIZER, BACKGROUND, FOREGROUND)


class Deleter:
    """Deletes Applications."""

    def __init__(self, world: World, journal: Journal) -> None:
        self._world = world
        self._journal = journal

    async def delete(self, key: str, app: Application, live: LiveObject) -> Outcome:
        """Delete the objects of an Application that is being deleted, then let it go."""
        held = [name for name in live.meta.finalizers or () if name in CASCADING]
        if not held or self._world.settings.observe_only:
            return Done()
        hub = self._world.clusters.find(server=HUB_SERVER)
        try:
            left = await self._objects(key, app, live, background=BACKGROUND in held)
        except ClusterUnknown:
            # The destination is no longer registered: there is nothing left that we may touch.
            left = 0
        except TrimtabError as error:
            condition = Condition(ConditionType.DELETION_ERROR, error.message)
            await write_report(
                hub, app, live, Report(self._world.clock.now(), conditions=(condition,))
            )
            if isinstance(error, Stalled):
                return StalledFailure(error.reason)
            after = error.retry_after if isinstance(error, Transient) else None
            return TransientFailure(error.reason, after)
        if left:
            return AgainAt(timedelta(seconds=1))
        await self._let_go(hub, live)
        await self._journal.record_deletion(app, outcome="Succeeded", detail="cascade")
        return Done()

    async def _objects(
        self, key: str, app: Application, live: LiveObject, *, background: bool
    ) -> int:
        """Delete the next wave of objects and return how many are left."""
        cluster = self._cluster(key, app, live)
        kinds = {GroupKind(r.group, r.kind) for r in app.status.resources}
        kinds |= self._world.written.of(cluster.server)
        cluster.ensure(kinds)
        await cluster.wait_synced(kinds, timeout=self._world.settings.sync_timeout)
        instance = app_instance_name(
            app.metadata.name, app.metadata.namespace, self._world.settings.namespace
        )
        found = [
            one
            for one in cluster.tracked(instance)
            if not any(owner.controller for owner in one.meta.owner_references or ())
        ]
        options = replace(SyncOptions(), prune=True, prune_confirmed=True)
        plan = plan_deletion(live=found, options=options)
        by_key = {one.key: one for one in found}
        propagation = Propagation.BACKGROUND if background else Propagation.FOREGROUND
        for phase in plan.phases:
            for wave in phase.waves:
                for change in wave.changes:
                    one = by_key[change.key]
                    if not one.meta.deletion_timestamp:
                        await _delete(cluster, one, propagation)
                if any(change.key in by_key for change in wave.changes):
                    return len(by_key)
        return 0

    def _cluster(self, key: str, app: Application, live: LiveObject) -> Cluster:
        try:
            return locate(self._world, key, app, live).cluster
        except ClusterUnknown:
            raise
        except Stalled:
            # What the spec may not do any more is no reason to leave objects behind.
            destination = app.spec.destination
            return self._world.clusters.find(server=destination.server, name=destination.name)

    async def _let_go(self, hub: Cluster, live: LiveObject) -> None:
        """Remove our finalizers; other controllers' stay."""
        kept = [name for name in live.meta.finalizers or () if name not in CASCADING]
        patch = [
            {
                "op": "test",
                "path": "/metadata/resourceVersion",
                "value": live.meta.resource_version,
            },
            {"op": "add", "path": "/metadata/finalizers", "value": kept},
        ]
        try:
            await hub.patch(
                live.key, "json", canonical_json(patch), Write(STATUS_MANAGER), version=live.version
            )
        except NotFound:
            return
        except Invalid as error:
            raise Transient("Conflict", f"{live.key} changed meanwhile: {error.message}") from error


async def _delete(cluster: Cluster, one: LiveObject, propagation: Propagation) -> None:
    try:
        await cluster.delete(one.key, uid=one.meta.uid, propagation=propagation)
    except Conflict:
        return
    except ApiError as error:
        message = f"cannot delete {one.key}: {error.message}"
        raise Transient("DeletionError", message, retry_after=error.retry_after) from error
