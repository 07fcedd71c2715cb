"""The wired process of ``trimtab serve``: every adapter behind its port."""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import structlog

from trimtab.adapters.database import open_ledger
from trimtab.adapters.engines import (
    EngineCharts,
    EngineNormaliser,
    EnginePool,
    EngineRenderer,
    find_binary,
)
from trimtab.adapters.git import GitLimits, GitSource, RefChange
from trimtab.adapters.kubernetes import (
    IN_CLUSTER_NAME,
    ClusterOptions,
    ConnectionSettings,
    KubernetesDirectory,
    in_cluster_connection,
    load_kubeconfig,
)
from trimtab.bootstrap.metrics import Metrics
from trimtab.bootstrap.settings import ServeSettings
from trimtab.bootstrap.state import own_identity
from trimtab.controllers.application import (
    ApplicationReconciler,
    ApplicationSettings,
    FleetDeletions,
    Journal,
    Router,
    World,
    application_settings,
    owner_of,
    recorded_deletions,
)
from trimtab.controllers.cluster import ClusterReconciler
from trimtab.core.manifest import LiveObject
from trimtab.ports.cluster import Cluster
from trimtab.runtime import (
    ControllerEngine,
    EngineSettings,
    LeaderElection,
    Priority,
    SystemClock,
)
from trimtab.services.capabilities import CapabilityCache
from trimtab.services.catalogue import HubCatalogue
from trimtab.services.charts import ChartStore, Dependencies
from trimtab.services.event_recorder import EventRecorder
from trimtab.services.installation import find_other_controller, read_installation
from trimtab.services.lease import KubernetesLease
from trimtab.services.ledger_backlog import LedgerBacklog
from trimtab.services.registry import SECRET_TYPE_LABEL
from trimtab.services.render import RenderService
from trimtab.services.render_pins import HubPins
from trimtab.services.submodules import SubmoduleSource
from trimtab.services.trees import Trees
from trimtab.services.written_kinds import WrittenKinds

_log = structlog.get_logger("serve")
LEASE = "trimtab-controller"


@dataclass(slots=True)
class Service:
    """The wired process."""

    settings: ServeSettings
    directory: KubernetesDirectory
    source: GitSource
    backlog: LedgerBacklog
    events: EventRecorder
    applications: ControllerEngine
    clusters: ControllerEngine
    router: Router
    metrics: Metrics
    catalogue: HubCatalogue
    election: LeaderElection
    observes: bool
    is_ready: bool = False


async def wire(settings: ServeSettings, stack: AsyncExitStack) -> Service:
    """Return the process, wired; what must be closed is pushed on the stack.

    Raises:
        ConnectionInvalid: The hub's kubeconfig is not understood.
        ClusterUnreachable: The hub does not answer.
        LedgerUnavailable: The ledger cannot be opened.
    """
    clock, metrics, marks = SystemClock(), Metrics(), _Marks()
    ledger = await asyncio.to_thread(open_ledger, settings.ledger_path)
    await stack.enter_async_context(ledger)
    directory = KubernetesDirectory(
        _hub_connection(settings), partial(_cluster_options, marks, metrics)
    )
    stack.push_async_callback(directory.aclose)
    pool = await stack.enter_async_context(
        EnginePool(
            find_binary,
            workers=settings.engine_workers,
            memory_bytes=settings.engine_memory_bytes,
        )
    )
    app_settings = await _application_settings(settings, directory.hub, EngineRenderer(pool))
    marks.owner_of = owner_of(app_settings)
    late = _Late()
    router = Router(app_settings, marks.owner, late.enqueue, late.forget)
    source = GitSource(
        settings.cache_dir / "git",
        limits=GitLimits(poll_interval=settings.poll_interval),
        on_change=partial(_on_commit, router),
        clock=clock,
    )
    stack.push_async_callback(source.close)
    catalogue = HubCatalogue(
        directory.hub, settings.namespace, has_submodules=settings.has_submodules
    )
    lease = KubernetesLease(directory.hub, settings.namespace, LEASE)
    election = LeaderElection(lease, own_identity(settings.state_dir), clock)
    world = _world(settings, app_settings, directory, source, pool, catalogue, election)
    backlog, events = LedgerBacklog(ledger), EventRecorder(directory.hub)
    manager = app_settings.manager
    journal = Journal(backlog, source, clock, manager=manager, tell=events.tell)
    late.engine = applications = _application_engine(settings, world, journal, router, metrics)
    service = Service(
        settings=settings,
        directory=directory,
        source=source,
        backlog=backlog,
        events=events,
        applications=applications,
        clusters=_cluster_engine(directory, router, metrics),
        router=router,
        metrics=metrics,
        catalogue=catalogue,
        election=election,
        observes=app_settings.observe_only,
    )
    _measure(service)
    return service


def _measure(service: Service) -> None:
    """Let the metrics ask for what changes all the time."""
    service.metrics.watch(
        queues={
            "application": service.applications.__len__,
            "cluster": service.clusters.__len__,
        },
        is_leader=lambda: service.election.is_leader,
        waiting_entries=lambda: service.backlog.waiting,
    )


class _Late:
    """The Application engine, for those that are made before it."""

    def __init__(self) -> None:
        self.engine: ControllerEngine | None = None

    def enqueue(self, key: str, priority: Priority, after_seconds: float = 0.0, /) -> None:
        """Ask for a look, now or after a while."""
        if self.engine is not None:
            self.engine.enqueue(key, priority=priority, after_seconds=after_seconds)

    def forget(self, key: str) -> None:
        """Look once more at an Application that is gone, so that what is remembered is dropped."""
        self.enqueue(key, Priority.EVENT)


def _cluster_options(marks: "_Marks", metrics: Metrics, name: str) -> ClusterOptions:
    return ClusterOptions(
        tracked_by=marks.owner,
        full_secret_selector=SECRET_TYPE_LABEL if name == IN_CLUSTER_NAME else "",
        on_request=lambda method, code, _: metrics.on_request(name, method, code),
    )


def _world(
    settings: ServeSettings,
    app_settings: ApplicationSettings,
    directory: KubernetesDirectory,
    mirrors: GitSource,
    pool: EnginePool,
    catalogue: HubCatalogue,
    election: LeaderElection,
) -> World:
    clock, renderer = SystemClock(), EngineRenderer(pool)
    source = SubmoduleSource(mirrors, catalogue.submodule)
    charts = ChartStore(EngineCharts(pool), settings.cache_dir / "charts", clock.monotonic)
    trees = Trees(source, settings.cache_dir / "trees")
    dependencies = Dependencies(renderer, partial(catalogue.repository, project=""))
    pins = HubPins(directory.hub, is_read_only=app_settings.observe_only)
    return World(
        clusters=directory,
        source=source,
        charts=charts,
        capabilities=CapabilityCache(clock.monotonic),
        render=RenderService(source, renderer, trees, charts, dependencies, pins=pins),
        normaliser=EngineNormaliser(pool),
        catalogue=catalogue,
        clock=clock,
        settings=app_settings,
        fleet=FleetDeletions(app_settings.budget, partial(recorded_deletions, directory.hub)),
        written=WrittenKinds(directory.hub, settings.namespace),
        may_write=lambda: election.is_leader and not app_settings.observe_only,
    )


def _application_engine(
    settings: ServeSettings, world: World, journal: Journal, router: Router, metrics: Metrics
) -> ControllerEngine:
    return ControllerEngine(
        "application",
        ApplicationReconciler(world, journal).reconcile,
        clock=world.clock,
        settings=EngineSettings(
            workers=settings.workers, group_limit=max(8, settings.workers // 2)
        ),
        group_of=router.group_of,
        on_look=partial(metrics.on_look, "application"),
    )


def _cluster_engine(
    directory: KubernetesDirectory, router: Router, metrics: Metrics
) -> ControllerEngine:
    return ControllerEngine(
        "cluster",
        ClusterReconciler(directory.hub, directory, router.enqueue_cluster).reconcile,
        clock=SystemClock(),
        on_look=partial(metrics.on_look, "cluster"),
    )


class _Marks:
    """Which Application an object is marked for; how is known once argocd-cm has been read."""

    def __init__(self) -> None:
        self.owner_of: Callable[[LiveObject], str | None] = lambda _: None

    def owner(self, live: LiveObject) -> str | None:
        """Return the Application that an object is marked for."""
        return self.owner_of(live)


async def _application_settings(
    settings: ServeSettings, hub: Cluster, renderer: EngineRenderer
) -> ApplicationSettings:
    """Return the controller's settings: those of argocd-cm, and whether it may write."""
    installation = await read_installation(hub, renderer, settings.namespace)
    if installation.without_effect:
        _log.warning("argocd-cm.without_effect", keys=installation.without_effect)
    other = await find_other_controller(hub, settings.namespace)
    if other and not settings.take_over:
        _log.warning(
            "observing.only",
            reason=f"{other} is alive in the hub: stop it, then start with --take-over",
        )
    only = settings.observe_only or bool(other and not settings.take_over)
    return application_settings(installation, settings.namespace, observe_only=only)


def _hub_connection(settings: ServeSettings) -> ConnectionSettings:
    is_inside = "KUBERNETES_SERVICE_HOST" in os.environ
    if is_inside and settings.kubeconfig is None and settings.context is None:
        return in_cluster_connection()
    return load_kubeconfig(settings.kubeconfig, settings.context)


def _on_commit(router: Router, url: str, changes: Mapping[str, RefChange]) -> None:
    _log.info("source.changed", repository=url, refs=sorted(changes))
    router.enqueue_repository(url)
