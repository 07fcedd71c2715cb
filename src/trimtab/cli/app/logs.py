"""``trimtab app logs``."""

import click

from trimtab.cli.app.objects import application
from trimtab.cli.errors import CommandError, ExitCode
from trimtab.cli.session import Hub, HubCommand, with_hub


@click.command(cls=HubCommand)
@click.argument("name")
@with_hub
async def logs(hub: Hub, name: str) -> int:
    """Print logs of an application's pods (not yet)."""
    await application(hub, name)
    raise CommandError(
        ExitCode.ERROR,
        "expected a way to read pod logs, found that this version has none yet",
        hint="kubectl logs, on the destination cluster",
    )
