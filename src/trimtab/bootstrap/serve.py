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

from trimtab.bootstrap.listen import listen, parse_address, web_application
from trimtab.bootstrap.settings import ServeSettings
from trimtab.bootstrap.state import prepare, sole_use_of
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
from trimtab.services.definitions import install_crds, wait_served
from trimtab.services.installation import ensure_namespace
from trimtab.services.registry import REPOSITORY_CONFIG_MAPS, secret_type
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
        AddressInvalid: ``listen`` cannot be had.
        StateUnusable: The state folder cannot be had.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    address = parse_address(settings.listen)
    prepare(settings.state_dir)
    async with AsyncExitStack() as stack:
        stack.enter_context(sole_use_of(settings.state_dir))
        service = await wire(settings, stack)
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(service.directory.run()),
                tasks.create_task(supervise("git", service.source.run)),
                tasks.create_task(supervise("ledger", service.backlog.run)),
                tasks.create_task(supervise("events", service.events.run)),
            ]
            working: list[asyncio.Task[None]] = []
            unless_stopped = partial(_unless, stop, tasks)
            if await unless_stopped(_start_hub(service)):
                working.append(tasks.create_task(service.clusters.run()))
                url = await listen(_web(service), address, stack)
                if not service.observes:
                    background.append(tasks.create_task(service.election.run()))
                if service.observes or await unless_stopped(service.election.wait_elected()):
                    working.append(tasks.create_task(service.applications.run()))
                    service.is_ready = True
                    on_ready(url)
                await stop.wait()
            service.applications.stop()
            service.clusters.stop()
            for task in working:
                await task
            for task in background:
                task.cancel()
        await service.backlog.flush()


async def _unless(
    stop: asyncio.Event, tasks: asyncio.TaskGroup, work: Coroutine[None, None, None]
) -> bool:
    """Do something to its end unless the process is told to stop first; say which it was."""
    doing, stopping = tasks.create_task(work), tasks.create_task(stop.wait())
    await asyncio.wait((doing, stopping), return_when=asyncio.FIRST_COMPLETED)
    doing.cancel()
    stopping.cancel()
    return not stop.is_set()


async def _start_hub(service: Service) -> None:
    """Read the hub, then the clusters that it names."""
    hub, settings = service.directory.hub, service.settings
    service.directory.subscribe(partial(_on_event, service))
    hub.ensure(HUB_KINDS)
    if not settings.observe_only:
        await ensure_namespace(hub, settings.namespace)
    if settings.install_crds and not settings.observe_only:
        await install_crds(hub, definitions())
        await wait_served(hub, (APPLICATION, APP_PROJECT), timeout=HUB_TIMEOUT)
    await hub.wait_synced(HUB_KINDS, timeout=HUB_TIMEOUT)


def _web(service: Service) -> web.Application:
    async def pushed(url: str) -> None:
        service.source.notify(url)

    hub, namespace = service.directory.hub, service.settings.namespace
    return web_application(
        hub,
        namespace,
        metrics=service.metrics,
        is_ready=lambda: service.is_ready,
        pushed=pushed,
    )


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
    elif live.key.group_kind == CONFIG_MAP and live.key.name in REPOSITORY_CONFIG_MAPS:
        _reread_repositories(service)


def _reread_repositories(service: Service) -> None:
    service.catalogue.forget_repositories()
    service.router.enqueue_all()


def run(main: Coroutine[None, None, None]) -> None:
    """Run a process role on uvloop."""
    import uvloop

    uvloop.run(main)
