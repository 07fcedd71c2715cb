"""``trimtab app get|resources|history``: reading only."""

import click

from trimtab.cli.app.facts import destination_of, health_of, revision_of, source_fact, sync_of
from trimtab.cli.app.objects import application, application_name
from trimtab.cli.app.stream import Stream, stream_applications
from trimtab.cli.app.tree import Children, tree_lines
from trimtab.cli.fields import field, local_time, objects, text
from trimtab.cli.output import (
    Column,
    output_option,
    paint,
    print_items,
    use_colour,
)
from trimtab.cli.session import Hub, HubCommand, with_hub
from trimtab.core import JsonObject
from trimtab.core.manifest import LiveObject


def _initiator(item: JsonObject) -> str:
    is_automated = field(item, "initiatedBy", "automated") is True
    return text(item, "initiatedBy", "username") or ("automated" if is_automated else "")


_STATE_COLUMNS = (
    Column("NAME", lambda item: text(item, "metadata", "name")),
    Column("SYNC", sync_of),
    Column("HEALTH", health_of),
    Column("REVISION", revision_of),
    Column("OPERATION", lambda item: text(item, "status", "operationState", "phase")),
    Column("MESSAGE", lambda item: text(item, "status", "operationState", "message")),
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


@click.command(cls=HubCommand)
@click.argument("name")
@click.option("--refresh", is_flag=True, help="Compare again first.")
@click.option("--tree", is_flag=True, help="With what the resources have made, pods included.")
@click.option("--watch", "-w", is_flag=True, help="Then print every change, until interrupted.")
@output_option
@with_hub
async def get(hub: Hub, name: str, refresh: bool, tree: bool, watch: bool, output: str) -> None:
    """Show an application: its state, its conditions and the tree of its resources."""
    live = await application(hub, name)
    if refresh:
        from trimtab.cli.app.wait import refresh_and_wait

        live = await refresh_and_wait(hub, live.key)
    if watch:
        await _watch(hub, live, output)
    elif output in {"table", "wide"}:
        _print_facts(live.body(), await _children(hub, live) if tree else None)
    else:
        print_items([live.body()], output=output, columns=(), name=application_name, one=True)


async def _watch(hub: Hub, live: LiveObject, output: str) -> None:
    async def is_wanted(seen: LiveObject) -> bool:
        return seen.key == live.key

    await stream_applications(
        hub, [live], stream=Stream(output, _STATE_COLUMNS), is_wanted=is_wanted
    )


async def _children(hub: Hub, live: LiveObject) -> Children:
    from trimtab.bootstrap.preview import recorded_keys
    from trimtab.cli.app.destination import open_destination
    from trimtab.services.descendants import descendants_of

    async with open_destination(hub, live) as cluster:
        return await descendants_of(cluster, recorded_keys(live))


def _print_facts(body: JsonObject, children: Children | None) -> None:
    for title, value in _facts(body):
        if value:
            click.echo(f"{title + ':':<13}{paint(value) if use_colour() else value}")
    for info in objects(body, "spec", "info"):
        click.echo(f"{'Info:':<13}{text(info, 'name')}: {text(info, 'value')}")
    for condition in objects(body, "status", "conditions"):
        click.echo(f"{'Condition:':<13}{text(condition, 'type')}: {text(condition, 'message')}")
    lines = tree_lines(body, colour=use_colour(), children=children)
    if lines:
        click.echo("\n" + "\n".join(lines))


def _facts(body: JsonObject) -> list[tuple[str, str]]:
    operation = ("status", "operationState")
    phase = text(body, *operation, "phase")
    message = text(body, *operation, "message")
    ended = f"{phase}: {message}" if message else phase
    return [
        ("Name", text(body, "metadata", "name")),
        ("Project", text(body, "spec", "project")),
        ("Destination", destination_of(body)),
        ("Repository", source_fact(body, "repoURL")),
        ("Path", source_fact(body, "path") or source_fact(body, "chart")),
        ("Target", source_fact(body, "targetRevision") or "HEAD"),
        ("Sync", sync_of(body)),
        ("Revision", revision_of(body)),
        ("Health", health_of(body)),
        ("", text(body, "status", "health", "message")),
        ("Deleting", local_time(text(body, "metadata", "deletionTimestamp"))),
        ("Operation", "asked for, not begun" if body.get("operation") else ended),
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
