"""``trimtab app explain``."""

from dataclasses import asdict

import click

from trimtab.cli.app.objects import application
from trimtab.cli.errors import ExitCode
from trimtab.cli.fields import text
from trimtab.cli.output import output_option, print_value
from trimtab.cli.session import Hub, HubCommand, with_hub
from trimtab.core.manifest import ObjectKey
from trimtab.services.explain import explain_application
from trimtab.services.explanation import format_explanation
from trimtab.services.requests import PROJECT


@click.command(cls=HubCommand)
@click.argument("name")
@output_option
@with_hub
async def explain(hub: Hub, name: str, output: str) -> int:
    """Say why an application is not synced or not healthy.

    Follows source, render, diff, apply, health, and names the step that does not hold.
    Exit code 1: there is one.
    """
    live = await application(hub, name)
    body = live.body()
    project = await hub.cluster.get(
        ObjectKey(PROJECT.group, PROJECT.kind, hub.namespace, text(body, "spec", "project"))
    )
    found = explain_application(body, project.body() if project else None, hub.session.now())
    stuck = found.stuck_at
    if output in {"table", "wide"}:
        click.echo(format_explanation(found), nl=False)
    elif output == "name":
        click.echo(stuck.name if stuck else "")
    else:
        print_value(asdict(found) | {"stuck_at": stuck.name if stuck else None}, output=output)
    return ExitCode.OK if stuck is None else ExitCode.NEGATIVE
