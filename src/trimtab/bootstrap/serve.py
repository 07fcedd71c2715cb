"""``trimtab serve``: one process with all controllers, one asyncio loop.

Order of start: ledger, hub connection, hub watches, clusters, Applications, web routes. Order of
stop: no new looks, running ones end, ledger closes.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog
from aiohttp import web

from trimtab.adapters.database import SqliteLedger, open_ledger
from trimtab.adapters.engines import (
    EngineCharts,
    EngineNormaliser,
    EnginePool,
    EngineRenderer,
    find_binary,
)
from trimtab.adapters.git import GitLimits, GitSource, RefChange
from trimtab.adapters.kubernetes import (
    ClusterOptions,
    ConnectionSettings,
    KubernetesDirectory,
    in_cluster_connection,
    load_kubeconfig,
)
from trimtab.api.operations import operations_routes
from trimtab.bootstrap.metrics import Metrics
from trimtab.bootstrap.settings import ServeSettings
from trimtab.bootstrap.state import own_identity, sole_use_of
from trimtab.bootstrap.webhook import push_routes
from trimtab.controllers.application import (
    APP_PROJECT,
    APPLICATION,
    SECRET,
    ApplicationReconciler,
    ApplicationSettings,
    FleetDeletions,
    Journal,
    Router,
    World,
    owner_of,
)
from trimtab.controllers.cluster import ClusterReconciler
from trimtab.core.manifest import LiveObject
from trimtab.crds.argoproj_v1alpha1.crd import definitions
from trimtab.ports.cluster import Cluster, WatchEvent
from trimtab.runtime import (
    ControllerEngine,
    EngineSettings,
    LeaderElection,
    Priority,
    SystemClock,
)
from trimtab.services.catalogue import HubCatalogue
from trimtab.services.charts import ChartStore, Dependencies
from trimtab.services.definitions import install_crds
from trimtab.services.installation import find_other_controller, read_installation
from trimtab.services.lease import KubernetesLease
from trimtab.services.registry import SECRET_TYPE_LABEL, secret_type
from trimtab.services.render import RenderService
from trimtab.services.trees import Trees

_log = structlog.get_logger("serve")
HUB_KINDS = (APPLICATION, APP_PROJECT, SECRET)
LEASE = "trimtab-controller"
HUB_TIMEOUT = timedelta(seconds=30)


@dataclass(slots=True)
class Service:
    """The wired process."""

    settings: ServeSettings
    directory: KubernetesDirectory
    source: GitSource
    pool: EnginePool
    ledger: SqliteLedger
    applications: ControllerEngine
    clusters: ControllerEngine
    router: Router
    metrics: Metrics
    catalogue: HubCatalogue
    election: LeaderElection
    is_ready: bool = False


async def serve(settings: ServeSettings, on_ready: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM.

    Args:
        settings: What to run with.
        on_ready: Told the URL once the hub has been read.

    Raises:
        ConnectionInvalid: The hub's kubeconfig is not understood.
        ClusterUnreachable: The hub does not answer.
        LedgerUnavailable: The ledger cannot be opened.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with AsyncExitStack() as stack:
        stack.enter_context(sole_use_of(settings.state_dir))
        service = await _wire(settings, stack)
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(service.directory.run()),
                tasks.create_task(service.source.run()),
            ]
            await _start_hub(service)
            working = [tasks.create_task(service.clusters.run())]
            url = await _listen(service, stack)
            lease = tasks.create_task(service.election.run())
            stopping = tasks.create_task(stop.wait())
            elected = tasks.create_task(service.election.wait_elected())
            await asyncio.wait((stopping, elected), return_when=asyncio.FIRST_COMPLETED)
            elected.cancel()
            if not stop.is_set():
                working.append(tasks.create_task(service.applications.run()))
                service.is_ready = True
                on_ready(url)
            await stopping
            service.applications.stop()
            service.clusters.stop()
            await asyncio.wait(working)
            for task in (*background, lease):
                task.cancel()


async def _wire(settings: ServeSettings, stack: AsyncExitStack) -> Service:
    clock, metrics = SystemClock(), Metrics()
    ledger = await asyncio.to_thread(open_ledger, settings.ledger_path)
    await stack.enter_async_context(ledger)
    marks = _Marks()

    def options_for(name: str) -> ClusterOptions:
        return ClusterOptions(
            tracked_by=marks.owner,
            full_secret_selector=SECRET_TYPE_LABEL if name == "in-cluster" else "",
            on_request=lambda method, code, _: metrics.on_request(name, method, code),
        )

    directory = KubernetesDirectory(_hub_connection(settings), options_for)
    stack.push_async_callback(directory.aclose)
    pool = await stack.enter_async_context(
        EnginePool(
            find_binary,
            workers=settings.engine_workers,
            memory_bytes=settings.engine_memory_bytes,
        )
    )
    renderer = EngineRenderer(pool)
    app_settings = await _application_settings(settings, directory.hub, renderer)
    marks.owner_of = owner = owner_of(app_settings)
    engines: dict[str, ControllerEngine] = {}

    def enqueue(key: str, priority: Priority) -> None:
        engines["application"].enqueue(key, priority=priority)

    def forget(key: str) -> None:
        engines["application"].enqueue(key)

    router = Router(app_settings, owner, enqueue, forget)
    source = GitSource(
        settings.cache_dir / "git",
        limits=GitLimits(poll_interval=settings.poll_interval),
        on_change=partial(_on_commit, router),
        clock=clock,
    )
    stack.push_async_callback(source.close)
    catalogue = HubCatalogue(directory.hub, settings.namespace)
    trees = Trees(source, settings.cache_dir / "trees")
    charts = ChartStore(EngineCharts(pool), settings.cache_dir / "charts", clock.monotonic)
    dependencies = Dependencies(renderer, partial(catalogue.repository, project=""))
    lease = KubernetesLease(directory.hub, settings.namespace, LEASE)
    election = LeaderElection(lease, own_identity(settings.state_dir), clock)
    world = World(
        clusters=directory,
        source=source,
        charts=charts,
        render=RenderService(source, renderer, trees, charts, dependencies),
        normaliser=EngineNormaliser(pool),
        catalogue=catalogue,
        clock=clock,
        settings=app_settings,
        fleet=FleetDeletions(app_settings.budget),
        may_write=lambda: election.is_leader,
    )
    journal = Journal(ledger, source, clock, manager=app_settings.manager)
    reconciler = ApplicationReconciler(world, journal)
    engines["application"] = ControllerEngine(
        "application",
        reconciler.reconcile,
        clock=clock,
        settings=EngineSettings(
            workers=settings.workers, group_limit=max(8, settings.workers // 2)
        ),
        group_of=router.group_of,
        on_look=partial(metrics.on_look, "application"),
    )
    cluster_reconciler = ClusterReconciler(directory.hub, directory, router.enqueue_cluster)
    clusters = ControllerEngine(
        "cluster",
        cluster_reconciler.reconcile,
        clock=clock,
        on_look=partial(metrics.on_look, "cluster"),
    )
    return Service(
        settings=settings,
        directory=directory,
        source=source,
        pool=pool,
        ledger=ledger,
        applications=engines["application"],
        clusters=clusters,
        router=router,
        metrics=metrics,
        catalogue=catalogue,
        election=election,
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
    other = await find_other_controller(hub, settings.namespace)
    if other and not settings.take_over:
        _log.warning(
            "observing.only",
            reason=f"{other} is alive in the hub: stop it, then start with --take-over",
        )
    return ApplicationSettings(
        namespace=settings.namespace,
        tracking=installation.tracking,
        label_key=installation.label_key,
        installation_id=installation.installation_id,
        overrides=installation.overrides or {},
        build_options=installation.build_options,
        observe_only=settings.observe_only or bool(other and not settings.take_over),
    )


def _hub_connection(settings: ServeSettings) -> ConnectionSettings:
    is_inside = "KUBERNETES_SERVICE_HOST" in os.environ
    if is_inside and settings.kubeconfig is None and settings.context is None:
        return in_cluster_connection()
    return load_kubeconfig(settings.kubeconfig, settings.context)


def _on_commit(router: Router, url: str, changes: Mapping[str, RefChange]) -> None:
    _log.info("source.changed", repository=url, refs=sorted(changes))
    router.enqueue_repository(url)


async def _start_hub(service: Service) -> None:
    """Read the hub, then the clusters that it names."""
    hub, settings = service.directory.hub, service.settings
    if settings.install_crds and not settings.observe_only:
        await install_crds(hub, definitions())
    service.directory.subscribe(partial(_on_event, service))
    hub.ensure(HUB_KINDS)
    await hub.wait_synced(HUB_KINDS, timeout=HUB_TIMEOUT)


def _on_event(service: Service, cluster: Cluster, event: WatchEvent | None) -> None:
    is_hub = cluster is service.directory.hub
    if is_hub and event is not None:
        _on_hub_event(service, event)
    service.router.on_cluster_event(cluster, event, is_hub=is_hub)


def _on_hub_event(service: Service, event: WatchEvent) -> None:
    live = event.live
    if live.key.namespace != service.settings.namespace:
        return
    if live.key.group_kind == APP_PROJECT:
        service.router.enqueue_project(live.key.name)
    elif live.key.group_kind == SECRET:
        kinds = {secret_type(live)}
        kinds |= {secret_type(event.previous)} if event.previous else set()
        if "cluster" in kinds:
            service.clusters.enqueue(f"{live.key.namespace}/{live.key.name}")
        if kinds & {"repository", "repo-creds"}:
            service.catalogue.forget_repositories()
            service.router.enqueue_all()


async def _listen(service: Service, stack: AsyncExitStack) -> str:
    """Open the web routes and return their URL."""
    app = web.Application(client_max_size=4 * 1024 * 1024)
    app.add_routes(operations_routes(service.metrics.registry, lambda: service.is_ready))

    async def pushed(url: str) -> None:
        service.metrics.on_push()
        service.source.notify(url)

    app.add_routes(push_routes(service.directory.hub, service.settings.namespace, pushed))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    host, _, port = service.settings.listen.rpartition(":")
    site = web.TCPSite(runner, host or "127.0.0.1", int(port))
    await site.start()
    address: tuple[str, int] = runner.addresses[0][:2]
    return f"http://{address[0]}:{address[1]}"


def run(main: Coroutine[None, None, None]) -> None:
    """Run a process role on uvloop."""
    import uvloop

    uvloop.run(main)
