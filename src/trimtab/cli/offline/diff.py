"""``trimtab diff``."""

import click

from trimtab.cli.documents import read_documents
from trimtab.cli.errors import ExitCode
from trimtab.cli.offline.pairs import normalised, pair
from trimtab.cli.output import output_option, print_value
from trimtab.core import JsonObject
from trimtab.core.plan import Candidate


@click.command()
@click.argument("live")
@click.argument("desired")
@click.option("--dest-namespace", default="", help="For objects that name none.")
@output_option
def diff(live: str, desired: str, dest_namespace: str, output: str) -> int:
    """Compare LIVE objects with DESIRED ones, field by field (``-`` is stdin).

    Only fields that DESIRED sets count, as in a server-side apply. Exit code 1: they differ.
    """
    candidates = pair(
        normalised(read_documents(desired), dest_namespace),
        normalised(read_documents(live), dest_namespace),
    )
    return print_differences(candidates, output=output)


def print_differences(candidates: list[Candidate], *, output: str) -> int:
    """Print what differs and return the exit code: 1 when something does."""
    found = [item for item in map(_difference, candidates) if item]
    if output in {"table", "wide"}:
        for item in found:
            click.echo(f"{item['change']} {item['object']}")
            for line in item["fields"]:  # type: ignore[union-attr]
                click.echo(f"    {line}")
    elif output == "name":
        for item in found:
            click.echo(item["object"])
    else:
        print_value(found, output=output)
    return ExitCode.NEGATIVE if found else ExitCode.OK


def _difference(candidate: Candidate) -> JsonObject | None:
    if candidate.manifest is None and candidate.live is not None:
        return {"change": "-", "object": str(candidate.live.key), "fields": []}
    if candidate.manifest is None or (candidate.live and not candidate.differs):
        return None
    fields = [str(change) for change in candidate.field_changes]
    sign = "~" if candidate.live else "+"
    return {"change": sign, "object": str(candidate.manifest.key), "fields": fields}
