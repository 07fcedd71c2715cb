"""``trimtab health``."""

import click

from trimtab.cli.documents import read_documents
from trimtab.cli.errors import ExitCode
from trimtab.cli.fields import text
from trimtab.cli.output import Column, output_option, print_items
from trimtab.core import JsonObject
from trimtab.core.health import HealthStatus, assess_health
from trimtab.core.manifest import key_of

_COLUMNS = (
    Column("KIND", lambda item: text(item, "kind")),
    Column("NAMESPACE", lambda item: text(item, "namespace")),
    Column("NAME", lambda item: text(item, "name")),
    Column("HEALTH", lambda item: text(item, "health", "status")),
    Column("MESSAGE", lambda item: text(item, "health", "message")),
)


@click.command()
@click.argument("files", nargs=-1, required=True)
@output_option
def health(files: tuple[str, ...], output: str) -> int:
    """Assess the health of live objects in files (``-`` is stdin).

    Exit code 1: one of them is not healthy. Objects without health have an empty one.
    """
    items = [_assessed(body) for body in read_documents(*files)]
    print_items(
        items,
        output=output,
        columns=_COLUMNS,
        name=lambda item: f"{text(item, 'kind').lower()}/{text(item, 'name')}",
    )
    fine = {"", HealthStatus.HEALTHY, HealthStatus.SUSPENDED}
    is_fine = all(text(item, "health", "status") in fine for item in items)
    return ExitCode.OK if is_fine else ExitCode.NEGATIVE


def _assessed(body: JsonObject) -> JsonObject:
    key, found = key_of(body), assess_health(body, with_applications=True)
    return {
        "group": key.group,
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "health": {"status": str(found.status), "message": found.message} if found else None,
    }
