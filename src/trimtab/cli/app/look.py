"""``trimtab app list|get|resources|history|events``: reading only."""

import asyncio

import click

from trimtab.cli.app.objects import application, application_name, require_kind
from trimtab.cli.app.tree import tree_lines
from trimtab.cli.errors import ExitCode
from trimtab.cli.fields import field, local_time, objects, text
from trimtab.cli.output import (
    Column,
    output_option,
    paint,
    print_items,
    print_table,
    print_value,
    use_colour,
)
from trimtab.cli.session import Hub, HubCommand, with_hub
from trimtab.core import JsonObject
from trimtab.core.manifest import GroupKind, LiveObject, with_metadata
from trimtab.ports.cluster import WatchEvent
from trimtab.services.requests import APPLICATION

_SHORT = 8
_EVENT = GroupKind("", "Event")


def _source(item: JsonObject, name: str) -> str:
    sources = objects(item, "spec", "sources")
    return text(sources[0] if sources else item.get("spec"), *([] if sources else ["source"]), name)


def _revision(item: JsonObject) -> str:
    many = field(item, "status", "sync", "revisions")
    one = text(item, "status", "sync", "revision")
    return one or (", ".join(map(str, many)) if isinstance(many, list | tuple) else "")


def _destination(item: JsonObject) -> str:
    where = text(item, "spec", "destination", "name") or text(item, "spec", "destination", "server")
    namespace = text(item, "spec", "destination", "namespace")
    return f"{where}/{namespace}" if namespace else where


def _initiator(item: JsonObject) -> str:
    is_automated = field(item, "initiatedBy", "automated") is True
    return text(item, "initiatedBy", "username") or ("automated" if is_automated else "")


_COLUMNS = (
    Column("NAMESPACE", lambda item: text(item, "metadata", "namespace"), wide=True),
    Column("NAME", lambda item: text(item, "metadata", "name")),
    Column("SYNC", lambda item: text(item, "status", "sync", "status") or "Unknown"),
    Column("HEALTH", lambda item: text(item, "status", "health", "status") or "Unknown"),
    Column("REVISION", lambda item: _revision(item)[:_SHORT]),
    Column("DESTINATION", _destination),
    Column("PROJECT", lambda item: text(item, "spec", "project")),
    Column("REPOSITORY", lambda item: _source(item, "repoURL"), wide=True),
    Column("PATH", lambda item: _source(item, "path") or _source(item, "chart"), wide=True),
    Column("TARGET", lambda item: _source(item, "targetRevision"), wide=True),
)

_RESOURCE_COLUMNS = (
    Column("GROUP", lambda item: text(item, "group")),
    Column("KIND", lambda item: text(item, "kind")),
    Column("NAMESPACE", lambda item: text(item, "namespace")),
    Column("NAME", lambda item: text(item, "name")),
    Column("SYNC", lambda item: text(item, "status")),
    Column("HEALTH", lambda item: text(item, "health", "status")),
    Column("WAVE", lambda item: text(item, "syncWave"), wide=True),
    Column("MESSAGE", lambda item: text(item, "health", "message"), wide=True),
)

_HISTORY_COLUMNS = (
    Column("ID", lambda item: text(item, "id")),
    Column("DEPLOYED", lambda item: local_time(text(item, "deployedAt"))),
    Column("REVISION", lambda item: text(item, "revision") or text(item, "revisions")),
    Column("BY", _initiator),
    Column("REPOSITORY", lambda item: text(item, "source", "repoURL"), wide=True),
    Column("PATH", lambda item: text(item, "source", "path"), wide=True),
)

_EVENT_COLUMNS = (
    Column("LAST", lambda item: local_time(text(item, "lastTimestamp") or text(item, "eventTime"))),
    Column("TYPE", lambda item: text(item, "type")),
    Column("REASON", lambda item: text(item, "reason")),
    Column("MESSAGE", lambda item: text(item, "message")),
    Column("COUNT", lambda item: text(item, "count"), wide=True),
)


@click.command("list", cls=HubCommand)
@click.option("--selector", "-l", default="", help="Label selector.")
@click.option(
    "--project", "-p", "projects", multiple=True, help="Only of this project; repeatable."
)
@click.option("--sync", "syncs", multiple=True, help="Only with this sync status; repeatable.")
@click.option("--health", "healths", multiple=True, help="Only with this health; repeatable.")
@click.option("--all-namespaces", "-A", is_flag=True)
@click.option("--watch", "-w", is_flag=True, help="Then print every change, until interrupted.")
@output_option
@with_hub
async def list_(
    hub: Hub,
    selector: str,
    projects: tuple[str, ...],
    syncs: tuple[str, ...],
    healths: tuple[str, ...],
    all_namespaces: bool,
    watch: bool,
    output: str,
) -> None:
    """List applications."""
    await require_kind(hub, APPLICATION)
    namespace = "" if all_namespaces else hub.namespace
    found = await hub.cluster.list(APPLICATION, namespace=namespace, label_selector=selector)

    def is_wanted(item: JsonObject) -> bool:
        return (
            text(item, "spec", "project") in (projects or [text(item, "spec", "project")])
            and text(item, "status", "sync", "status")
            in (syncs or [text(item, "status", "sync", "status")])
            and text(item, "status", "health", "status")
            in (healths or [text(item, "status", "health", "status")])
        )

    items = [live.body() for live in sorted(found, key=lambda live: live.key)]
    shown = [item for item in items if is_wanted(item)]
    print_items(shown, output=output, columns=_COLUMNS, name=application_name)
    if watch:
        await _print_changes(hub, namespace, {live.key: _state(live.body()) for live in found})


def _state(item: JsonObject) -> tuple[str, ...]:
    return tuple(column.value(item) for column in _COLUMNS if not column.wide)


async def _print_changes(hub: Hub, namespace: str, states: dict[object, tuple[str, ...]]) -> None:
    changed: asyncio.Queue[LiveObject] = asyncio.Queue()

    def notice(event: WatchEvent) -> None:
        if event.live.key.group_kind == APPLICATION:
            changed.put_nowait(event.live)

    stop = hub.cluster.subscribe(notice)
    try:
        hub.cluster.ensure([APPLICATION])
        while True:
            live = await changed.get()
            state = _state(live.body())
            is_ours = namespace in {"", live.key.namespace}
            if is_ours and states.get(live.key) != state:
                states[live.key] = state
                click.echo("  ".join(paint(cell) if use_colour() else cell for cell in state))
    finally:
        stop()


@click.command(cls=HubCommand)
@click.argument("name")
@click.option("--refresh", is_flag=True, help="Compare again first.")
@output_option
@with_hub
async def get(hub: Hub, name: str, refresh: bool, output: str) -> None:
    """Show an application: its state, its conditions and the tree of its resources."""
    live = await application(hub, name)
    if refresh:
        from trimtab.cli.app.wait import refresh_and_wait

        live = await refresh_and_wait(hub, live.key)
    body = live.body()
    if output not in {"table", "wide"}:
        # As kubectl: who owns which field is not what people look for here.
        body = with_metadata(body, {"managedFields": None})
        print_items([body], output=output, columns=_COLUMNS, name=application_name, one=True)
        return
    for title, value in _facts(body):
        if value:
            click.echo(f"{title + ':':<13}{paint(value) if use_colour() else value}")
    for info in objects(body, "spec", "info"):
        click.echo(f"{'Info:':<13}{text(info, 'name')}: {text(info, 'value')}")
    for condition in objects(body, "status", "conditions"):
        click.echo(f"{'Condition:':<13}{text(condition, 'type')}: {text(condition, 'message')}")
    lines = tree_lines(body, colour=use_colour())
    if lines:
        click.echo("\n" + "\n".join(lines))


def _facts(body: JsonObject) -> list[tuple[str, str]]:
    operation = ("status", "operationState")
    phase = text(body, *operation, "phase")
    message = text(body, *operation, "message")
    health = text(body, "status", "health", "status") or "Unknown"
    return [
        ("Name", text(body, "metadata", "name")),
        ("Project", text(body, "spec", "project")),
        ("Destination", _destination(body)),
        ("Repository", _source(body, "repoURL")),
        ("Path", _source(body, "path") or _source(body, "chart")),
        ("Target", _source(body, "targetRevision") or "HEAD"),
        ("Sync", text(body, "status", "sync", "status") or "Unknown"),
        ("Revision", _revision(body)),
        ("Health", health),
        ("", text(body, "status", "health", "message")),
        ("Operation", f"{phase}: {message}" if message else phase),
        ("Finished", local_time(text(body, *operation, "finishedAt"))),
        ("Compared", local_time(text(body, "status", "reconciledAt"))),
    ]


@click.command(cls=HubCommand)
@click.argument("name")
@output_option
@with_hub
async def resources(hub: Hub, name: str, output: str) -> None:
    """List an application's resources with their sync state and health."""
    body = (await application(hub, name)).body()
    print_items(
        objects(body, "status", "resources"),
        output=output,
        columns=_RESOURCE_COLUMNS,
        name=lambda item: f"{text(item, 'kind').lower()}/{text(item, 'name')}",
    )


@click.command(cls=HubCommand)
@click.argument("name")
@output_option
@with_hub
async def history(hub: Hub, name: str, output: str) -> None:
    """Show what was deployed when, oldest first; ``app rollback`` takes an ID of it."""
    body = (await application(hub, name)).body()
    print_items(
        objects(body, "status", "history"),
        output=output,
        columns=_HISTORY_COLUMNS,
        name=lambda item: text(item, "id"),
    )


@click.command(cls=HubCommand)
@click.argument("name")
@output_option
@with_hub
async def events(hub: Hub, name: str, output: str) -> int:
    """Show the events about an application, oldest first."""
    live = await application(hub, name)
    found = await hub.cluster.list(_EVENT, namespace=live.key.namespace)
    about = [event.body() for event in found if _is_about(event.body(), live)]
    about.sort(key=lambda item: text(item, "lastTimestamp") or text(item, "eventTime"))
    if output in {"table", "wide"}:
        shown = [column for column in _EVENT_COLUMNS if output == "wide" or not column.wide]
        rows = [[column.value(item) for column in shown] for item in about]
        print_table([column.title for column in shown], rows)
    else:
        whole: JsonObject = {"apiVersion": "v1", "kind": "List", "items": about}
        print_value(whole, output="json" if output == "name" else output)
    return ExitCode.OK


def _is_about(event: JsonObject, live: LiveObject) -> bool:
    return (
        text(event, "involvedObject", "kind") == live.key.kind
        and text(event, "involvedObject", "name") == live.key.name
    )
