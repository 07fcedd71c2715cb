"""``trimtab app events``."""

import click

from trimtab.cli.app.objects import application
from trimtab.cli.fields import local_time, text
from trimtab.cli.output import Column, output_option, print_items
from trimtab.cli.session import Hub, HubCommand, with_hub
from trimtab.core import JsonObject
from trimtab.core.manifest import GroupKind, LiveObject

_EVENT = GroupKind("", "Event")

_COLUMNS = (
    Column("LAST", lambda item: local_time(_time(item))),
    Column("TYPE", lambda item: text(item, "type")),
    Column("REASON", lambda item: text(item, "reason")),
    Column("MESSAGE", lambda item: text(item, "message")),
    Column("COUNT", lambda item: text(item, "count"), wide=True),
)


@click.command(cls=HubCommand)
@click.argument("name")
@output_option
@with_hub
async def events(hub: Hub, name: str, output: str) -> None:
    """Show the events about an application, oldest first."""
    live = await application(hub, name)
    found = await hub.cluster.list(_EVENT, namespace=live.key.namespace)
    about = [event.body() for event in found if _is_about(event.body(), live)]
    print_items(
        sorted(about, key=_time),
        output=output,
        columns=_COLUMNS,
        name=lambda item: f"event/{text(item, 'metadata', 'name')}",
    )


def _time(event: JsonObject) -> str:
    return text(event, "lastTimestamp") or text(event, "eventTime")


def _is_about(event: JsonObject, live: LiveObject) -> bool:
    return (
        text(event, "involvedObject", "kind") == live.key.kind
        and text(event, "involvedObject", "name") == live.key.name
    )
