"""``trimtab serve``: one process with all controllers, one asyncio loop.

Order of start: ledger, hub connection, hub watches, clusters, Applications, web routes. Order of
stop: no new looks, running ones end, ledger closes.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial

import structlog
from aiohttp import web

from trimtab.api.operations import operations_routes
from trimtab.bootstrap.settings import ServeSettings
from trimtab.bootstrap.state import sole_use_of
from trimtab.bootstrap.webhook import push_routes
from trimtab.bootstrap.wiring import Service, wire
from trimtab.controllers.application import (
    APP_PROJECT,
    APPLICATION,
    SECRET,
)
from trimtab.core.manifest import GroupKind
from trimtab.crds.argoproj_v1alpha1.crd import definitions
from trimtab.ports.cluster import Cluster, WatchEvent
from trimtab.runtime import supervise
from trimtab.services.definitions import install_crds
from trimtab.services.registry import AUTHORITIES, KNOWN_HOSTS, secret_type
from trimtab.services.repositories import RegistrationKind

_log = structlog.get_logger("serve")
CONFIG_MAP = GroupKind("", "ConfigMap")
HUB_KINDS = (APPLICATION, APP_PROJECT, SECRET, CONFIG_MAP)
HUB_TIMEOUT = timedelta(seconds=30)


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
        service = await wire(settings, stack)
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(service.directory.run()),
                tasks.create_task(supervise("git", service.source.run)),
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
        if kinds & set(RegistrationKind):
            _reread_repositories(service)
    elif live.key.group_kind == CONFIG_MAP and live.key.name in (AUTHORITIES, KNOWN_HOSTS):
        _reread_repositories(service)


def _reread_repositories(service: Service) -> None:
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
