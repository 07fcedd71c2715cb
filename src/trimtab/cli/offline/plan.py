"""``trimtab plan``."""

import dataclasses

import click

from trimtab.cli.documents import read_documents
from trimtab.cli.errors import ExitCode
from trimtab.cli.offline.pairs import normalised, pair
from trimtab.cli.output import say
from trimtab.core.manifest import split_hooks
from trimtab.core.plan import format_plan, parse_sync_options, plan_sync


@click.command()
@click.argument("desired", nargs=-1, required=True)
@click.option("--live", help="What is there now: a file, a folder or -; by default nothing.")
@click.option("--dest-namespace", default="", help="For objects that name none.")
@click.option("--prune", is_flag=True, help="Delete what is live and not desired.")
@click.option("--sync-option", "options", multiple=True, help="As in syncOptions; repeatable.")
@click.option("--revision", default="", help="Shown in the plan.")
def plan(
    desired: tuple[str, ...],
    live: str | None,
    dest_namespace: str,
    prune: bool,
    options: tuple[str, ...],
    revision: str,
) -> int:
    """Show the phases and waves in which a sync would bring DESIRED about."""
    settings, unknown = parse_sync_options(options)
    for option in unknown:
        say(f"warning: sync option {option} means nothing")
    split = split_hooks(normalised(read_documents(*desired), dest_namespace))
    held = normalised(read_documents(live), dest_namespace) if live else ()
    found = plan_sync(
        changes=pair(split.objects, held),
        hooks=split.hooks,
        options=dataclasses.replace(settings, prune=prune),
        revision=revision,
    )
    click.echo(format_plan(found), nl=False)
    return ExitCode.OK
