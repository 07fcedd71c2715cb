"""``trimtab log``: the ledger, newest first, and whether it is whole."""

import asyncio
from dataclasses import asdict
from pathlib import Path

import click

from trimtab.bootstrap.ledger import read_ledger
from trimtab.cli.errors import ExitCode
from trimtab.cli.fields import local_time, text
from trimtab.cli.output import Column, output_option, print_items, print_value
from trimtab.cli.session import current_session
from trimtab.core import JsonObject
from trimtab.ports.ledger import Recorded, Verification

_SHORT_REVISION = 8

_COLUMNS = (
    Column("TIME", lambda item: local_time(text(item, "at"))),
    Column("DELIVERY", lambda item: text(item, "delivery")),
    Column("KIND", lambda item: text(item, "kind")),
    Column("OUTCOME", lambda item: text(item, "outcome")),
    Column("ACTOR", lambda item: text(item, "actor")),
    Column("REVISION", lambda item: text(item, "revision")[:_SHORT_REVISION]),
    Column("WHY", lambda item: text(item, "reason")),
    Column("SEQUENCE", lambda item: text(item, "sequence"), wide=True),
    Column("MANIFESTS", lambda item: text(item, "manifests_digest"), wide=True),
    Column("HASH", lambda item: text(item, "hash"), wide=True),
)

_ledger_option = click.option(
    "--ledger",
    type=click.Path(path_type=Path),
    help="The ledger's file; by default the one in the state folder.",
)


@click.group(invoke_without_command=True)
@click.option("--app", help="Only this application: NAME or NAMESPACE/NAME.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@click.option("--before", type=int, help="Only entries with a smaller sequence number.")
@_ledger_option
@output_option
@click.pass_context
def log(
    ctx: click.Context,
    app: str | None,
    limit: int,
    before: int | None,
    ledger: Path | None,
    output: str,
) -> None:
    """Show who changed what, when and why; newest first."""
    if ctx.invoked_subcommand:
        return
    session = current_session()
    delivery = app if not app or "/" in app else f"{session.namespace}/{app}"
    view = read_ledger(ledger or session.ledger_path)
    found = asyncio.run(view.read(delivery=delivery or "", limit=limit, before=before))
    print_items(
        [_shown(recorded) for recorded in found],
        output=output,
        columns=_COLUMNS,
        name=lambda item: text(item, "hash"),
    )


@log.command()
@_ledger_option
@output_option
def verify(ledger: Path | None, output: str) -> int:
    """Recompute every hash and checkpoint. The file is only read.

    Exit code 1: something was changed or removed.
    """
    path = ledger or current_session().ledger_path
    found = asyncio.run(read_ledger(path).verify())
    if output in {"table", "wide", "name"}:
        _print_verification(path, found)
    else:
        print_value(asdict(found) | {"ok": not found.problems}, output=output)
    return ExitCode.NEGATIVE if found.problems else ExitCode.OK


def _print_verification(path: Path, found: Verification) -> None:
    for problem in found.problems:
        click.echo(problem)
    counted = f"{found.entries} entries in {found.chains} chains"
    if found.problems:
        click.echo(f"{path}: {counted}: changed or incomplete, {len(found.problems)} problems")
    else:
        click.echo(f"{path}: {counted}: whole")


def _shown(recorded: Recorded) -> JsonObject:
    return {
        "sequence": recorded.sequence,
        **asdict(recorded.entry),
        "previous_hash": recorded.previous_hash,
        "hash": recorded.hash,
    }
