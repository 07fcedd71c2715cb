"""``trimtab app wait``, and waiting as other commands need it: by watch, with a deadline."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import click

from trimtab.cli.app.facts import state_line
from trimtab.cli.app.objects import application
from trimtab.cli.errors import CommandError, ExitCode
from trimtab.cli.fields import field, text
from trimtab.cli.output import say
from trimtab.cli.session import Hub, HubCommand, with_hub
from trimtab.core import JsonObject
from trimtab.core.manifest import LiveObject, ObjectKey
from trimtab.ports.cluster import Change, WatchEvent
from trimtab.services.requests import APPLICATION, edit, refresh_patch

DEFAULT_TIMEOUT_S = 300
ENDED_PHASES = frozenset({"Succeeded", "Failed", "Error"})

Condition = Callable[[JsonObject], bool]


@click.command(cls=HubCommand)
@click.argument("names", nargs=-1, required=True)
@click.option("--sync", is_flag=True, help="Until it is Synced.")
@click.option("--health", is_flag=True, help="Until it is Healthy.")
@click.option("--operation", is_flag=True, help="Until no operation is in progress.")
@click.option("--timeout", type=click.FloatRange(0), default=DEFAULT_TIMEOUT_S, show_default=True)
@with_hub
async def wait(
    hub: Hub, names: tuple[str, ...], sync: bool, health: bool, operation: bool, timeout: float
) -> int:
    """Wait for applications; without options, for all three.

    Exit code 6: the time (in seconds) is over. 1: it is Degraded, or its operation failed.
    """
    every = not (sync or health or operation)
    wanted: list[Condition] = []
    if sync or every:
        wanted.append(is_synced)
    if health or every:
        wanted.append(is_healthy)
    if operation or every:
        wanted.append(is_idle)

    def is_over(body: JsonObject) -> bool:
        return all(condition(body) for condition in wanted)

    def is_hopeless(body: JsonObject) -> bool:
        # Degraded may pass, but nobody is at work on it any more.
        return bool((health or every) and is_idle(body) and is_degraded(body))

    code = ExitCode.OK
    clock = asyncio.get_running_loop()
    deadline = clock.time() + timeout
    for name in names:
        key = (await application(hub, name)).key
        remaining = timedelta(seconds=max(0.0, deadline - clock.time()))
        body = await until(
            hub,
            key,
            lambda item: is_over(item) or is_hopeless(item),
            timeout=remaining,
            tell=True,
        )
        say(f"{key.name}: {state_line(body)}")
        if not is_over(body):
            code = ExitCode.NEGATIVE
    return code


async def until(
    hub: Hub,
    key: ObjectKey,
    condition: Condition,
    *,
    timeout: timedelta | None = None,
    tell: bool = False,
) -> JsonObject:
    """Return an Application's body as soon as a condition holds for it.

    Args:
        hub: Where it lives.
        key: The Application.
        condition: Asked for every state that the watch sees.
        timeout: Deadline; None waits for ever.
        tell: Tell people each state on the way.

    Raises:
        CommandError: The deadline passed, or it was deleted.
    """
    seen: asyncio.Queue[LiveObject | None] = asyncio.Queue()
    told = ""

    def notice(event: WatchEvent) -> None:
        if event.live.key == key:
            seen.put_nowait(None if event.change is Change.DELETED else event.live)

    stop = hub.cluster.subscribe(notice)
    try:
        hub.cluster.ensure([APPLICATION])
        first = hub.cluster.live(key) or await hub.cluster.get(key)
        seen.put_nowait(first)
        async with asyncio.timeout(timeout.total_seconds() if timeout else None):
            while (live := await seen.get()) is not None:
                body = live.body()
                if condition(body):
                    return body
                if tell and told != state_line(body):
                    told = state_line(body)
                    say(f"{key.name}: {told}")
    except TimeoutError as error:
        shown = hub.cluster.live(key)
        state = f": {state_line(shown.body())}" if shown else ""
        raise CommandError(
            ExitCode.TIMEOUT,
            f"application {key.name}: the time is over{state}",
            hint=f"`trimtab app explain {key.name}` says what is in the way",
        ) from error
    finally:
        stop()
    raise CommandError(ExitCode.NOT_FOUND, f"application {key.name} was deleted meanwhile")


async def refresh_and_wait(
    hub: Hub, key: ObjectKey, *, hard: bool = False, timeout_s: float = 60
) -> LiveObject:
    """Ask for a comparison and return the Application as it is after it."""
    await edit(hub.cluster, key, lambda app: refresh_patch(app, hard=hard))
    await until(hub, key, is_refreshed, timeout=timedelta(seconds=timeout_s))
    return await application(hub, f"{key.namespace}/{key.name}")


def is_refreshed(body: JsonObject) -> bool:
    """Return whether no comparison is asked for."""
    return not text(body, "metadata", "annotations", "argocd.argoproj.io/refresh")


def is_synced(body: JsonObject) -> bool:
    """Return whether live equals desired."""
    return text(body, "status", "sync", "status") == "Synced"


def is_healthy(body: JsonObject) -> bool:
    """Return whether all its resources are healthy."""
    return text(body, "status", "health", "status") == "Healthy"


def is_degraded(body: JsonObject) -> bool:
    """Return whether a resource is degraded."""
    return text(body, "status", "health", "status") == "Degraded"


def is_idle(body: JsonObject) -> bool:
    """Return whether no operation is asked for or in progress."""
    phase = text(body, "status", "operationState", "phase")
    return not field(body, "operation") and phase in {"", *ENDED_PHASES}
