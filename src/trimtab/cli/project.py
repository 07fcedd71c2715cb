"""``trimtab project``: what the applications of a project may do."""

import click

from trimtab.cli.app.objects import require_kind
from trimtab.cli.errors import CommandError, ExitCode
from trimtab.cli.fields import objects, text
from trimtab.cli.output import Column, output_option, print_items
from trimtab.cli.session import Hub, HubCommand, with_hub
from trimtab.core import JsonObject
from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey
from trimtab.core.policy import (
    Destination,
    Project,
    destination_permitted,
    kind_permitted,
    parse_project,
    source_permitted,
)
from trimtab.services.registry import read_clusters
from trimtab.services.requests import PROJECT


def _listed(item: JsonObject, name: str) -> str:
    found = item.get("spec")
    values = found.get(name) if isinstance(found, dict) else None
    return ", ".join(map(str, values)) if isinstance(values, list) else ""


def _destinations(item: JsonObject) -> str:
    return ", ".join(
        f"{text(entry, 'server') or text(entry, 'name')}/{text(entry, 'namespace')}"
        for entry in objects(item, "spec", "destinations")
    )


_COLUMNS = (
    Column("NAME", lambda item: text(item, "metadata", "name")),
    Column("DESCRIPTION", lambda item: text(item, "spec", "description")),
    Column("DESTINATIONS", _destinations),
    Column("SOURCES", lambda item: _listed(item, "sourceRepos")),
    Column("NAMESPACES", lambda item: _listed(item, "sourceNamespaces"), wide=True),
    Column("ROLES", lambda item: str(len(objects(item, "spec", "roles"))), wide=True),
    Column("WINDOWS", lambda item: str(len(objects(item, "spec", "syncWindows"))), wide=True),
)


@click.group()
def project() -> None:
    """Projects and what they permit."""


@project.command("list", cls=HubCommand)
@output_option
@with_hub
async def list_(hub: Hub, output: str) -> None:
    """List projects."""
    await require_kind(hub, PROJECT)
    found = await hub.cluster.list(PROJECT, namespace=hub.namespace)
    bodies = [live.body() for live in sorted(found, key=lambda live: live.key)]
    print_items(bodies, output=output, columns=_COLUMNS, name=_name)


@project.command(cls=HubCommand)
@click.argument("name")
@output_option
@with_hub
async def get(hub: Hub, name: str, output: str) -> None:
    """Show a project."""
    body = (await _project(hub, name)).body()
    print_items([body], output=output, columns=_COLUMNS, name=_name, one=True)


@project.command(cls=HubCommand)
@click.argument("name")
@click.option("--source", help="A repository URL.")
@click.option("--destination", metavar="CLUSTER[/NAMESPACE]", help="Server URL or cluster name.")
@click.option("--kind", metavar="[GROUP/]KIND", help="A kind of object.")
@click.option("--cluster-scoped", is_flag=True, help="The kind does not live in namespaces.")
@click.option("--object-name", default="", help="Name of the object, for cluster-scoped kinds.")
@with_hub
async def can(
    hub: Hub,
    name: str,
    source: str | None,
    destination: str | None,
    kind: str | None,
    cluster_scoped: bool,
    object_name: str,
) -> int:
    """Say whether a project permits a source, a destination and a kind.

    Exit code 1: it denies one of them.
    """
    if not (source or destination or kind):
        raise CommandError(
            ExitCode.USAGE, "expected --source, --destination or --kind, found none of them"
        )
    found = parse_project((await _project(hub, name)).body())
    answers: list[tuple[str, bool]] = []
    if source:
        answers.append((f"source {source}", source_permitted(found, source)))
    if destination:
        answers.append((f"destination {destination}", await _reaches(hub, found, destination)))
    if kind:
        group, _, word = kind.rpartition("/")
        is_permitted = kind_permitted(
            found, GroupKind(group, word), namespaced=not cluster_scoped, name=object_name
        )
        answers.append((f"kind {kind}", is_permitted))
    for what, is_permitted in answers:
        click.echo(f"{'permitted' if is_permitted else 'denied'}: {what}")
    return ExitCode.OK if all(answer for _, answer in answers) else ExitCode.NEGATIVE


async def _reaches(hub: Hub, project: Project, wanted: str) -> bool:
    clusters = await read_clusters(hub.cluster, hub.namespace)
    # A server URL has slashes of its own: only what follows a known cluster is a namespace.
    for cluster in clusters:
        for identity in (cluster.server, cluster.name):
            if wanted == identity or wanted.startswith(f"{identity}/"):
                namespace = wanted[len(identity) :].strip("/")
                place = Destination(cluster.server, cluster.name, namespace)
                owned = [
                    Destination(c.server, c.name) for c in clusters if c.project == project.name
                ]
                return destination_permitted(project, place, project_clusters=owned)
    head, _, namespace = wanted.rpartition("/")
    is_url = "://" in wanted
    if is_url and head.endswith("/"):
        head, namespace = wanted, ""
    place = Destination(head if is_url else "", "" if is_url else head or wanted, namespace)
    return destination_permitted(project, place)


async def _project(hub: Hub, name: str) -> LiveObject:
    live = await hub.cluster.get(ObjectKey(PROJECT.group, PROJECT.kind, hub.namespace, name))
    if live is None:
        await require_kind(hub, PROJECT)
        raise CommandError(
            ExitCode.NOT_FOUND,
            f"expected project {name} in namespace {hub.namespace}, found none",
            hint="`trimtab project list` shows those there are",
        )
    return live


def _name(item: JsonObject) -> str:
    return f"appproject.argoproj.io/{text(item, 'metadata', 'name')}"
