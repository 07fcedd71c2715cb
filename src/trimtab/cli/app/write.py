"""``trimtab app create|delete|refresh|terminate``."""

import sys
from datetime import timedelta

import click

from trimtab.cli.app.definition import Definition, definition_options, read_definition
from trimtab.cli.app.facts import state_line
from trimtab.cli.app.objects import application, application_name, refused, require_kind
from trimtab.cli.app.serving import tell_if_unserved
from trimtab.cli.app.wait import DEFAULT_TIMEOUT_S, refresh_and_wait, until
from trimtab.cli.errors import CommandError, ExitCode
from trimtab.cli.output import say
from trimtab.cli.session import Hub, HubCommand, with_hub
from trimtab.core import JsonObject
from trimtab.core.manifest import ObjectKey, canonical_json, key_of
from trimtab.ports.cluster import AlreadyExists, Propagation, Write
from trimtab.services.operations import terminate_patch
from trimtab.services.requests import (
    APPLICATION,
    MANAGER,
    RequestRefused,
    edit,
    finalizer_patch,
    refresh_patch,
)

_dry_run = click.option("--dry-run", is_flag=True, help="Ask the server; change nothing.")


@click.command(cls=HubCommand)
@definition_options
@click.option("--upsert", is_flag=True, help="Change it if it exists.")
@_dry_run
@with_hub
async def create(hub: Hub, definition: Definition, upsert: bool, dry_run: bool) -> int:
    """Create an application, from options or from a file (``-f -`` reads stdin)."""
    await require_kind(hub, APPLICATION)
    code = ExitCode.OK
    for body in read_definition(definition, hub.namespace):
        await _create(hub, body, upsert=upsert, dry_run=dry_run)
    return code


async def _create(hub: Hub, body: JsonObject, *, upsert: bool, dry_run: bool) -> None:
    key = key_of(body)
    write = Write(manager=MANAGER, dry_run=dry_run)
    content = canonical_json(body)
    try:
        if upsert:
            await hub.cluster.apply(key, "v1alpha1", content, write)
        else:
            await hub.cluster.create(key, "v1alpha1", content, write)
    except AlreadyExists as error:
        raise CommandError(
            ExitCode.CONFLICT,
            f"application {key.name}: expected none in namespace {key.namespace}, found one",
            hint="--upsert changes it",
        ) from error
    done = "applied" if upsert else "created"
    click.echo(f"{application_name(body)} {done}{_marked(dry_run=dry_run)}")


@click.command(cls=HubCommand)
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--cascade/--no-cascade", default=True, show_default=True, help="Delete resources too."
)
@click.option("--background", is_flag=True, help="Do not wait for dependents of each resource.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--wait", is_flag=True, help="Until it is gone.")
@click.option("--timeout", type=click.FloatRange(0), default=DEFAULT_TIMEOUT_S, show_default=True)
@_dry_run
@with_hub
async def delete(
    hub: Hub,
    names: tuple[str, ...],
    cascade: bool,
    background: bool,
    yes: bool,
    wait: bool,
    timeout: float,
    dry_run: bool,
) -> int:
    """Delete applications; by default with every resource that they delivered."""
    for name in names:
        live = await application(hub, name)
        if not dry_run:
            _confirm(live.key.name, cascade=cascade, yes=yes)
        edited = await edit(
            hub.cluster,
            live.key,
            lambda app: finalizer_patch(app, cascade=cascade, background=background),
            dry_run=dry_run,
        )
        await hub.cluster.delete(
            live.key,
            uid=edited.meta.uid,
            propagation=Propagation.BACKGROUND,
            dry_run=dry_run,
        )
        if cascade and not dry_run:
            await tell_if_unserved(hub)
        done = "deleted" if wait and not dry_run else "asked to be deleted"
        if wait and not dry_run:
            await _until_gone(hub, live.key, timeout)
        click.echo(f"application.argoproj.io/{live.key.name} {done}{_marked(dry_run=dry_run)}")
    return ExitCode.OK


async def _until_gone(hub: Hub, key: ObjectKey, timeout_s: float) -> None:
    try:
        await until(hub, key, lambda _: False, timeout=timedelta(seconds=timeout_s))
    except CommandError as error:
        if error.code is not ExitCode.NOT_FOUND:
            raise


def _marked(*, dry_run: bool) -> str:
    return " (dry run)" if dry_run else ""


def _confirm(name: str, *, cascade: bool, yes: bool) -> None:
    if yes:
        return
    what = f"application {name}" + (" and every resource that it delivered" if cascade else "")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandError(
            ExitCode.USAGE,
            f"expected a confirmation to delete {what}, found no terminal",
            hint="--yes",
        )
    click.confirm(f"Delete {what}?", abort=True, err=True)


@click.command(cls=HubCommand)
@click.argument("name")
@click.option("--hard", is_flag=True, help="Render again, too.")
@click.option("--wait", is_flag=True, help="Until it was compared.")
@click.option("--timeout", type=click.FloatRange(0), default=60, show_default=True)
@_dry_run
@with_hub
async def refresh(
    hub: Hub, name: str, hard: bool, wait: bool, timeout: float, dry_run: bool
) -> int:
    """Compare an application with Git now."""
    live = await application(hub, name)
    if wait and not dry_run:
        await tell_if_unserved(hub)
        compared = await refresh_and_wait(hub, live.key, hard=hard, timeout_s=timeout)
        say(f"{name}: {state_line(compared.body())}")
    else:
        await edit(
            hub.cluster, live.key, lambda app: refresh_patch(app, hard=hard), dry_run=dry_run
        )
        say(f"asked for a {'hard ' if hard else ''}refresh of {name}{_marked(dry_run=dry_run)}")
        await tell_if_unserved(hub)
    return ExitCode.OK


@click.command(cls=HubCommand)
@click.argument("name")
@_dry_run
@with_hub
async def terminate(hub: Hub, name: str, dry_run: bool) -> int:
    """End the operation in progress. Exit code 7: there is none."""
    live = await application(hub, name)
    try:
        await edit(hub.cluster, live.key, terminate_patch, dry_run=dry_run)
    except RequestRefused as error:
        raise refused(error) from error
    say(f"asked {name} to end its operation{_marked(dry_run=dry_run)}")
    return ExitCode.OK
