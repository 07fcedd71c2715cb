"""Observing an Application: what its spec means now, what it desires and what is live.

Everything goes through ports; nothing is decided here. What cannot be observed is raised as Stalled
or Transient with a message for a person; the report turns it into a condition.
"""

from collections.abc import Callable, Sequence

from trimtab.controllers.application.compare import Comparer, forget_others, health_of
from trimtab.controllers.application.desire import Desirer, resolve_target
from trimtab.controllers.application.locate import InvalidSpec, clusters_of
from trimtab.controllers.application.model import (
    Desired,
    Inputs,
    Memory,
    Observation,
    Seen,
    Target,
)
from trimtab.controllers.application.settings import (
    APPLICATION,
    NAMESPACE,
    ApplicationSettings,
)
from trimtab.controllers.application.world import HUB_SERVER, World
from trimtab.core.conditions import Condition, ConditionType
from trimtab.core.health import Health
from trimtab.core.manifest import (
    GroupKind,
    ObjectKey,
    is_hook,
    split_app_instance,
    tracking_owner,
)
from trimtab.core.manifest.live import LiveObject
from trimtab.core.policy import (
    Destination,
    PlacedKind,
    check_delivery,
)
from trimtab.crds.argoproj_v1alpha1.mapping import sources_of
from trimtab.ports.source import Repository


class Observer:
    """Observes one Application."""

    def __init__(self, world: World, inputs: Inputs, memory: Memory) -> None:
        self._world = world
        self._inputs = inputs
        self._memory = memory
        self._desirer = Desirer(world.render, world.settings, world.capabilities)
        self.comparer = Comparer(inputs, memory, world.settings.manager, world.normaliser)

    async def target(self, *, fresh: bool = False) -> Target:
        """Return the Application's own target at this moment."""
        return await resolve_target(
            self._world.source,
            self._world.charts,
            self.repository,
            sources_of(self._inputs.app.spec),
            fresh=fresh,
        )

    def repository(self, url: str) -> Repository:
        """Return a repository of the Application's."""
        return self._world.catalogue.repository(url, self._inputs.project.name)

    async def observe(self, target: Target, *, hard: bool = False) -> Observation:
        """Return what the target desires and what is live."""
        return await self.compare(target, await self.desire(target, hard=hard))

    async def desire(self, target: Target, *, hard: bool = False) -> Desired:
        """Return what the target desires, once all of it is permitted and watched."""
        desired = await self._desirer.desire(self._inputs, self._memory, target, hard=hard)
        self._check_kinds(desired)
        await self._watch(desired)
        return desired

    async def compare(self, target: Target, desired: Desired) -> Observation:
        """Return the observation of manifests that are known already."""
        seen = await self.comparer.compare(desired.objects)
        extra, hooks = self._others(desired)
        forget_others(self._memory, [one.key for one in (*seen, *extra, *hooks)])
        conditions = (*desired.conditions, *self._shared(seen))
        now = self._world.clock.now()
        return Observation(target, desired, (*seen, *extra), conditions, now, hooks)

    def _check_kinds(self, desired: Desired) -> None:
        app = self._inputs.app
        placed = [
            PlacedKind(
                m.key, desired.namespaced.get((m.key.group, m.key.kind), bool(m.key.namespace))
            )
            for m in (*desired.objects, *desired.hooks)
        ]
        cluster = self._inputs.cluster
        violations = check_delivery(
            self._inputs.project,
            [source.repo_url for source in sources_of(app.spec)],
            Destination(cluster.server, cluster.name, self._inputs.namespace),
            placed,
            project_clusters=clusters_of(self._world, self._inputs.project),
        )
        if violations:
            raise InvalidSpec("; ".join(sorted({violation.message for violation in violations})))

    async def _watch(self, desired: Desired) -> None:
        kinds = {m.key.group_kind for m in (*desired.objects, *desired.hooks)} | {NAMESPACE}
        kinds |= {GroupKind(r.group, r.kind) for r in self._inputs.app.status.resources}
        cluster = self._inputs.cluster
        # Kinds that were written once are watched too; what is left of them tells by its events.
        cluster.ensure(kinds | self._world.written.of(cluster.server))
        if not all(cluster.is_synced(kind) for kind in kinds):
            await cluster.wait_synced(kinds, timeout=self._world.settings.sync_timeout)

    def _others(self, desired: Desired) -> tuple[tuple[Seen, ...], tuple[Seen, ...]]:
        """Return marked objects that are no longer desired, and live hooks; both in order."""
        wanted = {manifest.key for manifest in desired.objects}
        others = sorted((o for o in self.tracked() if o.key not in wanted), key=lambda o: o.key)
        hooks = [live for live in others if _is_hook(live)]
        wanted = {manifest.key for manifest in desired.hooks} | {live.key for live in hooks}
        extra = [o for o in others if o.key not in wanted and not _is_a_copy(o)]
        return self._seen(extra, differs=True), self._seen(hooks, differs=False)

    def _seen(self, found: Sequence[LiveObject], *, differs: bool) -> tuple[Seen, ...]:
        return tuple(
            Seen(None, live, differs=differs, health=health_of(live, self._memory))
            for live in found
        )

    def health(self, live: LiveObject) -> Health | None:
        """Return a live object's health, as remembered by resourceVersion."""
        return health_of(live, self._memory)

    def tracked(self) -> list[LiveObject]:
        """Return the live objects that carry the Application's mark."""
        return list(self._inputs.cluster.tracked(self._inputs.app_instance))

    def _shared(self, seen: Sequence[Seen]) -> list[Condition]:
        """Return a warning for each object that another existing Application has."""
        found: list[Condition] = []
        for one in seen:
            owner = self.other_owner(one)
            if owner:
                found.append(
                    Condition(
                        ConditionType.SHARED_RESOURCE_WARNING,
                        f"{one.key} is part of applications {owner} and "
                        f"{self._inputs.app_instance}: remove it from one of them",
                    )
                )
        return found

    def other_owner(self, seen: Seen) -> str:
        """Return the other existing Application that has an object, or the empty string."""
        if seen.live is None:
            return ""
        owner = owner_of(self._world.settings)(seen.live)
        if owner is None or owner == self._inputs.app_instance:
            return ""
        namespace, name = split_app_instance(owner, self._world.settings.namespace)
        hub = self._world.clusters.find(name="", server=HUB_SERVER)
        other = hub.live(ObjectKey(APPLICATION.group, APPLICATION.kind, namespace, name))
        return owner if other is not None else ""


def owner_of(settings: ApplicationSettings) -> Callable[[LiveObject], str | None]:
    """Return the index function of live views: which Application an object is marked for."""

    def owner(live: LiveObject) -> str | None:
        tracked = tracking_owner(
            live.annotations,
            live.labels,
            live.key,
            method=settings.tracking,
            installation_id=settings.installation_id,
            label_key=settings.label_key,
        )
        return tracked.app_instance if tracked is not None and tracked.is_own_mark else None

    return owner


def _is_hook(live: LiveObject) -> bool:
    return is_hook({"kind": live.key.kind, "metadata": {"annotations": live.annotations}})


def _is_a_copy(live: LiveObject) -> bool:
    """Return whether a controller made a marked object, copying the mark: it is not ours."""
    return any(owner.controller for owner in live.meta.owner_references or ())
