"""``trimtab cluster``: the clusters that applications are delivered to, as Argo CD's Secrets."""

import asyncio
from pathlib import Path

import click

from trimtab.bootstrap.client import connect_destination, settings_from_kubeconfig
from trimtab.cli.errors import CommandError, ExitCode
from trimtab.cli.fields import text
from trimtab.cli.output import Column, output_option, print_items
from trimtab.cli.session import Hub, HubCommand, with_hub
from trimtab.core import JsonObject
from trimtab.core.errors import TrimtabError
from trimtab.core.manifest import GroupKind, LiveObject, canonical_json, key_of
from trimtab.ports.cluster import AlreadyExists, ClusterSettings, Write
from trimtab.services.registry import (
    IN_CLUSTER_SERVER,
    SECRET_TYPE_LABEL,
    cluster_secret,
    cluster_settings,
    find_cluster,
    read_clusters,
)
from trimtab.services.requests import MANAGER

_COLUMNS = (
    Column("NAME", lambda item: text(item, "name")),
    Column("SERVER", lambda item: text(item, "server")),
    Column("PROJECT", lambda item: text(item, "project"), wide=True),
    Column("NAMESPACES", lambda item: text(item, "namespaces"), wide=True),
)
_CHECKED = (
    Column("STATE", lambda item: text(item, "state")),
    Column("VERSION", lambda item: text(item, "version")),
    Column("MESSAGE", lambda item: text(item, "message")),
)


@click.group()
def cluster() -> None:
    """Clusters that applications are delivered to."""


@cluster.command("list", cls=HubCommand)
@click.option("--check", is_flag=True, help="Connect to each.")
@output_option
@with_hub
async def list_(hub: Hub, check: bool, output: str) -> None:
    """List the registered clusters."""
    found = await read_clusters(hub.cluster, hub.namespace)
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(_shown(hub, settings, check=check)) for settings in found]
    items = [task.result() for task in asked]
    columns = (*_COLUMNS, *_CHECKED) if check else _COLUMNS
    print_items(items, output=output, columns=columns, name=_name)


@cluster.command(cls=HubCommand)
@click.argument("name")
@output_option
@with_hub
async def get(hub: Hub, name: str, output: str) -> int:
    """Show a cluster, by name or server URL, and connect to it.

    Exit code 1: it does not answer.
    """
    settings = _find(await read_clusters(hub.cluster, hub.namespace), name)
    item = await _shown(hub, settings, check=True)
    print_items([item], output=output, columns=(*_COLUMNS, *_CHECKED), name=_name, one=True)
    return ExitCode.NEGATIVE if text(item, "message") else ExitCode.OK


@cluster.command(cls=HubCommand)
@click.argument("context")
@click.option("--name", default="", help="Name in the fleet; by default the context's.")
@click.option("--from-kubeconfig", type=click.Path(path_type=Path), help="Where the context is.")
@click.option("--project", default="", help="Only for applications of this project.")
@click.option("--only-namespace", "namespaces", multiple=True, help="Restrict to it; repeatable.")
@click.option(
    "--cluster-resources", is_flag=True, help="Cluster-scoped objects too, if restricted."
)
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE")
@click.option("--upsert", is_flag=True, help="Change it if it is registered.")
@click.option("--dry-run", is_flag=True, help="Ask the server; change nothing.")
@with_hub
async def add(
    hub: Hub,
    context: str,
    name: str,
    from_kubeconfig: Path | None,
    project: str,
    namespaces: tuple[str, ...],
    cluster_resources: bool,
    labels: tuple[str, ...],
    upsert: bool,
    dry_run: bool,
) -> int:
    """Register the cluster of a kubeconfig context, with that context's credentials."""
    file = from_kubeconfig or hub.session.kubeconfig
    base = settings_from_kubeconfig(context, kubeconfig=file, name=name)
    settings = ClusterSettings(
        name=base.name,
        server=base.server,
        config=base.config,
        namespaces=namespaces,
        cluster_resources=cluster_resources or not namespaces,
        project=project,
        labels=dict(_pair(label) for label in labels),
    )
    await write_secret(
        hub,
        cluster_secret(settings, hub.namespace),
        what=f"cluster {settings.name}",
        upsert=upsert,
        dry_run=dry_run,
    )
    return ExitCode.OK


@cluster.command(cls=HubCommand)
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Ask the server; change nothing.")
@with_hub
async def remove(hub: Hub, name: str, dry_run: bool) -> int:
    """Forget a cluster, by name or server URL. Nothing in it is touched."""
    settings = _find(await read_clusters(hub.cluster, hub.namespace), name)
    if settings.server == IN_CLUSTER_SERVER:
        raise CommandError(ExitCode.USAGE, "expected a registered cluster, found the hub itself")
    secret = await _secret(hub, settings.server)
    await hub.cluster.delete(secret.key, uid=secret.meta.uid, dry_run=dry_run)
    click.echo(f"cluster {settings.name} removed{' (dry run)' if dry_run else ''}")
    return ExitCode.OK


async def write_secret(
    hub: Hub, body: JsonObject, *, what: str, upsert: bool, dry_run: bool
) -> None:
    """Create, or with ``upsert`` apply, a registering Secret.

    Raises:
        CommandError: It exists and was not to be changed.
    """
    key, write = key_of(body), Write(manager=MANAGER, dry_run=dry_run)
    put = hub.cluster.apply if upsert else hub.cluster.create
    try:
        await put(key, "v1", canonical_json(body), write)
    except AlreadyExists as error:
        raise CommandError(
            ExitCode.CONFLICT,
            f"{what}: expected it not to be registered, found Secret {key.name}",
            hint="--upsert changes it",
        ) from error
    click.echo(f"{what} {'applied' if upsert else 'added'}{' (dry run)' if dry_run else ''}")


async def _shown(hub: Hub, settings: ClusterSettings, *, check: bool) -> JsonObject:
    state, version, message = "", "", ""
    if check:
        try:
            async with connect_destination(
                hub.cluster, hub.namespace, server=settings.server
            ) as target:
                version = await target.server_version()
                state = "reachable"
        except TrimtabError as error:
            state, message = "unreachable", error.message
    return {
        "name": settings.name,
        "server": settings.server,
        "state": state,
        "version": version,
        "project": settings.project,
        "namespaces": ", ".join(settings.namespaces),
        "labels": dict(settings.labels or {}),
        "message": message,
    }


async def _secret(hub: Hub, server: str) -> LiveObject:
    found = await hub.cluster.list(
        GroupKind("", "Secret"),
        namespace=hub.namespace,
        label_selector=f"{SECRET_TYPE_LABEL}=cluster",
    )
    return next(secret for secret in found if cluster_settings(secret).server == server)


def _find(clusters: list[ClusterSettings], name: str) -> ClusterSettings:
    return (
        find_cluster(clusters, server=name) if "://" in name else find_cluster(clusters, name=name)
    )


def _name(item: JsonObject) -> str:
    return f"cluster/{text(item, 'name')}"


def _pair(label: str) -> tuple[str, str]:
    key, equals, value = label.partition("=")
    if not equals:
        raise CommandError(ExitCode.USAGE, f"--label: expected KEY=VALUE, found {label!r}")
    return key, value
