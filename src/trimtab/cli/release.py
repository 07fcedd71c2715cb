"""``trimtab release-ownership``: the way back to Argo CD, kubectl or Helm."""

import click

from trimtab.bootstrap.client import serving_now
from trimtab.bootstrap.preview import recorded_keys
from trimtab.cli.app.destination import open_destination
from trimtab.cli.app.objects import application
from trimtab.cli.errors import CommandError, ExitCode
from trimtab.cli.fields import text
from trimtab.cli.output import Column, output_option, print_items, say
from trimtab.cli.session import Hub, HubCommand, with_hub
from trimtab.core import JsonObject
from trimtab.core.manifest import LiveObject
from trimtab.services.operations import is_automated
from trimtab.services.release import Receiver, Tool, receiver_of, release_objects

_COLUMNS = (
    Column("APPLICATION", lambda item: text(item, "application")),
    Column("OBJECT", lambda item: text(item, "object")),
    Column("RESULT", lambda item: text(item, "result")),
    Column("MANAGER", lambda item: text(item, "manager")),
)


@click.command("release-ownership", cls=HubCommand)
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--to",
    type=click.Choice([tool.value for tool in Tool]),
    default=Tool.ARGOCD.value,
    show_default=True,
    help="Who applies from now on.",
)
@click.option(
    "--server-side/--client-side",
    default=None,
    help="How it applies; by default as the application's sync options say.",
)
@click.option("--dry-run", is_flag=True, help="Ask the server; change nothing.")
@output_option
@with_hub
async def release_ownership(
    hub: Hub,
    names: tuple[str, ...],
    to: str,
    server_side: bool | None,
    dry_run: bool,
    output: str,
) -> int:
    """Give the fields that Trimtab owns in applications' objects to another tool.

    Values stay as they are; a field that the tool leaves out later goes away. Exit code 7:
    automated sync would take them back.
    """
    apps = [await application(hub, name) for name in names]
    if not dry_run:
        await _refuse_if_taken_back(hub, apps)
    items: list[JsonObject] = []
    for app in apps:
        receiver = receiver_of(app.body(), Tool(to), is_server_side=server_side)
        items += await _release(hub, app, receiver, dry_run=dry_run)
    print_items(items, output=output, columns=_COLUMNS, name=lambda item: text(item, "object"))
    if dry_run:
        say("dry run: nothing was written")
    return ExitCode.OK


async def _refuse_if_taken_back(hub: Hub, apps: list[LiveObject]) -> None:
    automated = [app.key.name for app in apps if is_automated(app.body())]
    holder = await serving_now(hub.cluster, hub.namespace, hub.session.now()) if automated else ""
    if holder:
        raise CommandError(
            ExitCode.CONFLICT,
            f"expected nobody to sync {', '.join(automated)} by itself, found `trimtab serve` at"
            f" work ({holder}): it would take the fields back",
            hint="stop `trimtab serve`, or turn automated sync off",
        )


async def _release(
    hub: Hub, app: LiveObject, receiver: Receiver, *, dry_run: bool
) -> list[JsonObject]:
    async with open_destination(hub, app) as cluster:
        found = await release_objects(cluster, recorded_keys(app), receiver, dry_run=dry_run)
    return [
        {
            "application": app.key.name,
            "object": str(each.key),
            "result": each.outcome.value,
            "manager": receiver.manager,
        }
        for each in found
    ]
