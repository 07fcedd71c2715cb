"""``trimtab lint``."""

from collections.abc import Iterator

import click

from trimtab.cli.documents import read_documents
from trimtab.cli.errors import ExitCode
from trimtab.cli.fields import objects, text
from trimtab.cli.offline.pairs import is_namespaced
from trimtab.cli.output import Column, output_option, print_items
from trimtab.core import JsonObject
from trimtab.core.manifest import as_list, field_at, key_of, normalise_manifests
from trimtab.core.plan import parse_sync_options
from trimtab.core.policy import parse_project, validate_project
from trimtab.services.requests import APPLICATION, PROJECT

_COLUMNS = (
    Column("OBJECT", lambda item: text(item, "object")),
    Column("LEVEL", lambda item: text(item, "level")),
    Column("MESSAGE", lambda item: text(item, "message")),
)


@click.command()
@click.argument("files", nargs=-1, required=True)
@output_option
def lint(files: tuple[str, ...], output: str) -> int:
    """Check manifests, Applications and AppProjects (``-`` is stdin).

    Exit code 1: something is wrong; warnings alone are fine.
    """
    found = list(find_problems(read_documents(*files)))
    print_items(found, output=output, columns=_COLUMNS, name=lambda item: text(item, "object"))
    is_wrong = any(text(item, "level") == "problem" for item in found)
    return ExitCode.NEGATIVE if is_wrong else ExitCode.OK


def find_problems(bodies: list[JsonObject]) -> Iterator[JsonObject]:
    """Yield what is wrong with objects, in their order."""
    normalised = normalise_manifests(
        bodies, default_namespace="default", is_namespaced=is_namespaced
    )
    for problem in normalised.problems:
        level = "warning" if problem.is_warning else "problem"
        yield _finding(str(problem.key), problem.message, level)
    for body in bodies:
        key = key_of(body)
        if key.group_kind == APPLICATION:
            yield from _application(str(key), body)
        elif key.group_kind == PROJECT:
            for message in validate_project(parse_project(body)):
                yield _finding(str(key), message)


def _application(name: str, body: JsonObject) -> Iterator[JsonObject]:
    has_one, many = field_at(body, "spec", "source") is not None, objects(body, "spec", "sources")
    if not has_one and not many and field_at(body, "spec", "sourceHydrator") is None:
        yield _finding(name, "expected spec.source or spec.sources, found neither")
    if not text(body, "spec", "project"):
        yield _finding(name, "expected spec.project, found none")
    server = text(body, "spec", "destination", "server")
    by_name = text(body, "spec", "destination", "name")
    if bool(server) == bool(by_name):
        found = "both" if server else "neither"
        yield _finding(
            name, f"expected spec.destination.server or spec.destination.name, found {found}"
        )
    entries = [str(item) for item in as_list(field_at(body, "spec", "syncPolicy", "syncOptions"))]
    for option in parse_sync_options(entries)[1]:
        yield _finding(name, f"sync option {option} means nothing", "warning")


def _finding(name: str, message: str, level: str = "problem") -> JsonObject:
    return {"object": name, "level": level, "message": message}
