"""``trimtab app logs``: what the pods of an application have printed."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

import click

from trimtab.bootstrap.preview import recorded_keys
from trimtab.cli.app.destination import open_destination
from trimtab.cli.app.objects import application
from trimtab.cli.app.selection import resource_option, selects
from trimtab.cli.durations import Duration
from trimtab.cli.errors import CommandError, ExitCode, exit_code_of
from trimtab.cli.fields import objects, text
from trimtab.cli.output import say
from trimtab.cli.session import Hub, HubCommand, with_hub
from trimtab.core.errors import TrimtabError
from trimtab.core.manifest import LiveObject
from trimtab.ports.cluster import LogOptions, PodLogs
from trimtab.services.descendants import pods_of
from trimtab.services.operations import Selected

_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")


@click.command(cls=HubCommand)
@click.argument("name")
@click.option("--container", "-c", default="", help="By default the pod's default or first one.")
@click.option("--follow", "-f", is_flag=True, help="Go on until interrupted.")
@click.option("--tail", type=click.IntRange(0), help="Only the last lines of each pod.")
@click.option("--since", type=Duration(), help="Only lines not older than this, as 90s or 5m.")
@click.option("--previous", "-p", is_flag=True, help="Of the containers before their restart.")
@click.option("--pod", "pods", multiple=True, help="Only of this pod; repeatable.")
@resource_option("Only pods of this object; repeatable.")
@with_hub
async def logs(
    hub: Hub,
    name: str,
    pods: tuple[str, ...],
    resources: tuple[Selected, ...],
    container: str,
    follow: bool,
    tail: int | None,
    since: timedelta | None,
    previous: bool,
) -> int:
    """Print logs of an application's pods; lines of several begin with the pod's name.

    Exit code 5: there is no such pod or container. 3: a pod's log cannot be read.
    """
    live = await application(hub, name)
    roots = [key for key in recorded_keys(live) if selects(resources, key)]
    options = LogOptions(
        container=container, follow=follow, tail=tail, since=since, previous=previous
    )
    async with open_destination(hub, live) as cluster:
        found = [pod for pod in await pods_of(cluster, roots) if not pods or pod.key.name in pods]
        chosen = _with_container(name, found, container)
        return await _print_all(hub.session.logs(cluster), chosen, options)


def _with_container(
    name: str, pods: Sequence[LiveObject], container: str
) -> list[tuple[LiveObject, str]]:
    """Return the pods, each with its container to read.

    Raises:
        CommandError: There is none.
    """
    if not pods:
        raise CommandError(
            ExitCode.NOT_FOUND,
            f"expected pods of application {name}, found none",
            hint=f"`trimtab app resources {name}` shows what it has delivered",
        )
    chosen = [(pod, container or _default_container(pod)) for pod in pods]
    if container and not any(container in _containers(pod) for pod in pods):
        known = sorted({each for pod in pods for each in _containers(pod)})
        raise CommandError(
            ExitCode.NOT_FOUND,
            f"expected container {container} in a pod of application {name}, found"
            f" {', '.join(known)}",
        )
    return [(pod, wanted) for pod, wanted in chosen if wanted in _containers(pod)]


async def _print_all(
    source: PodLogs, pods: Sequence[tuple[LiveObject, str]], options: LogOptions
) -> int:
    """Print pod after pod, or all at once where they are followed; return the exit code."""
    runs = [
        _print_pod(source, pod, replace(options, container=container), prefix=len(pods) > 1)
        for pod, container in pods
    ]
    if not options.follow:
        return max([await run for run in runs])
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(run) for run in runs]
    return max(task.result() for task in running)


async def _print_pod(source: PodLogs, pod: LiveObject, options: LogOptions, *, prefix: bool) -> int:
    start, is_silent = f"[{pod.key.name}] " if prefix else "", True
    try:
        async with aclosing(source.lines(pod.key, options)) as lines:
            async for line in lines:
                is_silent = False
                click.echo(f"{start}{line}")
    except TrimtabError as error:
        # The other pods' logs may be what people look for.
        say(f"error: pod {pod.key.name}: {error.message} ({error.reason})")
        return exit_code_of(error)
    if is_silent:
        say(f"pod {pod.key.name}: no lines")
    return ExitCode.OK


def _containers(pod: LiveObject) -> list[str]:
    body = pod.body()
    return [text(item, "name") for kind in _CONTAINER_LISTS for item in objects(body, "spec", kind)]


def _default_container(pod: LiveObject) -> str:
    named = (pod.meta.annotations or {}).get(_DEFAULT_CONTAINER, "")
    known = _containers(pod)
    return named if named in known else next(iter(known), "")
