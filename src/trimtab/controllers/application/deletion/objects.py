"""The objects of an Application that is being deleted, and the hooks that are left of it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trimtab.controllers.application.deletion.finalizers import BACKGROUND
from trimtab.controllers.application.locate import locate
from trimtab.controllers.application.settings import SECRET
from trimtab.controllers.application.sync.approval import DELETION_APPROVED, is_approved
from trimtab.controllers.application.world import World
from trimtab.core.errors import Stalled, Transient
from trimtab.core.manifest import GroupKind, app_instance_name
from trimtab.core.manifest.live import LiveObject
from trimtab.core.plan import (
    Plan,
    Propagation,
    hooks_to_clean_up,
    is_run_of,
    parse_sync_options,
    plan_deletion,
)
from trimtab.crds.argoproj_v1alpha1.application import Application
from trimtab.ports.cluster import ApiError, Cluster, ClusterUnknown, Conflict
from trimtab.runtime import parse_time
from trimtab.services.registry import RegistrationInvalid, cluster_settings, secret_type

_LONG = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class ObjectDeleter:
    """Deletes what an Application has put into its destination.

    Args:
        world: The ports.
        key: ``namespace/name``.
        app: The Application.
        live: The same as the hub holds it.
    """

    world: World
    key: str
    app: Application
    live: LiveObject

    async def go_on(self) -> bool:
        """Delete the next wave of objects, and return whether nothing is left.

        Raises:
            ClusterUnknown: The destination is not registered.
            Stalled: A person must confirm the deletion of an object.
            Transient: The cluster does not answer, or refuses a deletion.
        """
        cluster = await self._read()
        found = {one.key: one for one in self._tracked(cluster) if not self._is_kept(one)}
        plan = self._plan(list(found.values()))
        if plan.unconfirmed:
            named = ", ".join(map(str, plan.unconfirmed))
            raise Stalled(
                "DeletionError",
                f"waiting for confirmation to delete {named}: annotate the Application with "
                f"{DELETION_APPROVED} and the time of now",
            )
        first = next((wave for phase in plan.phases for wave in phase.waves), None)
        if first is None:
            return True
        wave = [found[change.key] for change in first.changes]
        standing = [one for one in wave if not one.meta.deletion_timestamp]
        for one in standing:
            await self._delete(cluster, one)
        if not standing and self.world.clock.now() > self._asked() + _LONG:
            raise Transient("DeletionError", _held(wave))
        return False

    async def clean_up(self) -> bool:
        """Delete the hooks whose policy says so; nobody waits until they are gone."""
        cluster = await self._read()
        uids = hooks_to_clean_up(self._tracked(cluster), run=self.live.meta.uid)
        for one in self._tracked(cluster):
            if one.key in uids:
                await self._delete(cluster, one, Propagation.BACKGROUND)
        return True

    def registered_by(self, hub: Cluster) -> str:
        """Return the Secret that may yet register the destination, or the empty string."""
        destination = self.app.spec.destination
        for secret in hub.objects(SECRET):
            is_ours = secret.key.namespace == self.world.settings.namespace
            if not is_ours or secret_type(secret) != "cluster":
                continue
            try:
                settings = cluster_settings(secret)
            except RegistrationInvalid:
                return secret.key.name
            servers = (settings.server, settings.name)
            if destination.server.rstrip("/") in servers or destination.name in servers:
                return secret.key.name
        return ""

    async def _read(self) -> Cluster:
        """Return the destination once everything that may be there is watched."""
        cluster = self._cluster()
        kinds = {GroupKind(r.group, r.kind) for r in self.app.status.resources}
        kinds |= self.world.written.of(cluster.server)
        cluster.ensure(kinds)
        await cluster.wait_synced(kinds, timeout=self.world.settings.sync_timeout)
        return cluster

    def _cluster(self) -> Cluster:
        try:
            return locate(self.world, self.key, self.app, self.live).cluster
        except ClusterUnknown:
            raise
        except Stalled:
            # What the spec may not do any more is no reason to leave objects behind.
            destination = self.app.spec.destination
            return self.world.clusters.find(server=destination.server, name=destination.name)

    def _tracked(self, cluster: Cluster) -> list[LiveObject]:
        meta = self.app.metadata
        instance = app_instance_name(meta.name, meta.namespace, self.world.settings.namespace)
        return [
            one
            for one in cluster.tracked(instance)
            if not any(owner.controller for owner in one.meta.owner_references or ())
        ]

    def _is_kept(self, one: LiveObject) -> bool:
        """Return whether an object is not to go with the others: this Application, its hooks."""
        is_self = (one.key, one.meta.uid) == (self.live.key, self.live.meta.uid)
        return is_self or is_run_of(one, self.live.meta.uid)

    def _plan(self, objects: list[LiveObject]) -> Plan:
        policy = self.app.spec.sync_policy
        options, _ = parse_sync_options(policy.sync_options if policy else ())
        approved = is_approved(self.live.annotations, since=self._asked())
        return plan_deletion(live=objects, options=replace(options, prune_confirmed=approved))

    def _asked(self) -> datetime:
        """Return when the deletion was asked for."""
        return parse_time(self.live.meta.deletion_timestamp or "") or self.world.clock.now()

    async def _delete(
        self, cluster: Cluster, one: LiveObject, propagation: Propagation | None = None
    ) -> None:
        if not self.world.may_write():
            raise Transient("LeaseLost", "another process may hold the lease: nothing is deleted")
        if propagation is None:
            is_background = BACKGROUND in (self.live.meta.finalizers or ())
            propagation = Propagation.BACKGROUND if is_background else Propagation.FOREGROUND
        try:
            await cluster.delete(one.key, uid=one.meta.uid, propagation=propagation)
        except Conflict:
            return
        except ApiError as error:
            message = f"cannot delete {one.key}: {error.message}"
            raise Transient("DeletionError", message, retry_after=error.retry_after) from error


def _held(objects: Iterable[LiveObject]) -> str:
    """Return what a deletion waits for, for a person who wonders."""
    said = sorted(
        f"{one.key} (finalizers: {', '.join(one.meta.finalizers or ('none',))})" for one in objects
    )
    return f"waiting for the deletion of {'; '.join(said)}"
