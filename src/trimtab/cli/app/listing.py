"""``trimtab app list``."""

import click

from trimtab.cli.app.facts import destination_of, health_of, revision_of, source_fact, sync_of
from trimtab.cli.app.objects import application_name, require_kind
from trimtab.cli.app.stream import Stream, stream_applications
from trimtab.cli.fields import text
from trimtab.cli.output import Column, output_option, print_items
from trimtab.cli.session import Hub, HubCommand, with_hub
from trimtab.core.manifest import LiveObject
from trimtab.services.requests import APPLICATION

_SHORT = 8

COLUMNS = (
    Column("NAMESPACE", lambda item: text(item, "metadata", "namespace"), wide=True),
    Column("NAME", lambda item: text(item, "metadata", "name")),
    Column("SYNC", sync_of),
    Column("HEALTH", health_of),
    Column("REVISION", lambda item: revision_of(item)[:_SHORT]),
    Column("DESTINATION", destination_of),
    Column("PROJECT", lambda item: text(item, "spec", "project")),
    Column("REPOSITORY", lambda item: source_fact(item, "repoURL"), wide=True),
    Column("PATH", lambda item: source_fact(item, "path") or source_fact(item, "chart"), wide=True),
    Column("TARGET", lambda item: source_fact(item, "targetRevision"), wide=True),
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
    """List applications. With -o json --watch, each line is a watch event."""
    await require_kind(hub, APPLICATION)
    namespace = "" if all_namespaces else hub.namespace

    async def listed() -> list[LiveObject]:
        found = await hub.cluster.list(APPLICATION, namespace=namespace, label_selector=selector)
        return sorted(found, key=lambda live: live.key)

    def passes(live: LiveObject) -> bool:
        item = live.body()
        return (
            (not projects or text(item, "spec", "project") in projects)
            and (not syncs or sync_of(item) in syncs)
            and (not healths or health_of(item) in healths)
        )

    async def is_wanted(live: LiveObject) -> bool:
        if namespace not in {"", live.key.namespace} or not passes(live):
            return False
        # Only the server knows what a selector means.
        return not selector or any(each.key == live.key for each in await listed())

    found = [live for live in await listed() if passes(live)]
    if watch:
        stream = Stream(output, COLUMNS)
        await stream_applications(hub, found, stream=stream, is_wanted=is_wanted)
    else:
        bodies = [live.body() for live in found]
        print_items(bodies, output=output, columns=COLUMNS, name=application_name)
