"""``trimtab app manifests|diff``: render as the controllers do, on this machine."""

from contextlib import AbstractAsyncContextManager

import click

from trimtab.bootstrap.preview import Preview, open_preview, recorded_keys
from trimtab.cli.app.destination import open_destination
from trimtab.cli.app.objects import application
from trimtab.cli.errors import ExitCode
from trimtab.cli.offline.diff import print_differences
from trimtab.cli.output import output_option, print_value, say, to_yaml, without_managers
from trimtab.cli.session import Hub, HubCommand, with_hub
from trimtab.core import JsonObject
from trimtab.core.diff import hide_secret_data
from trimtab.core.manifest import GroupKind, LiveObject, key_of

_SECRET = GroupKind("", "Secret")

_revision = click.option("--revision", "revisions", multiple=True, help="One a source.")


@click.command(cls=HubCommand)
@click.argument("name")
@_revision
@output_option
@with_hub
async def diff(hub: Hub, name: str, revisions: tuple[str, ...], output: str) -> int:
    """Compare live objects with the desired ones, field by field and by manager.

    The values of Secrets are masked. Exit code 1: they differ.
    """
    live = await application(hub, name)
    async with _preview(hub, live, revisions) as preview:
        candidates = await preview.candidates()
        say(f"{name} at {preview.target.revision}")
    code = print_differences(candidates, output=output)
    if code == ExitCode.OK:
        say("live equals desired")
    return code


@click.command(cls=HubCommand)
@click.argument("name")
@_revision
@click.option("--source", type=click.Choice(["git", "live"]), default="git", show_default=True)
@click.option("--output", "-o", type=click.Choice(["yaml", "json", "name"]), default="yaml")
@with_hub
async def manifests(
    hub: Hub, name: str, revisions: tuple[str, ...], source: str, output: str
) -> int:
    """Print what an application's sources render to, or its live objects; Secrets masked."""
    live = await application(hub, name)
    if source == "live":
        bodies = await _live_objects(hub, live)
    else:
        async with _preview(hub, live, revisions) as preview:
            desired = await preview.desired()
        bodies = [manifest.body for manifest in (*desired.objects, *desired.hooks)]
    masked = [_masked(body) for body in bodies]
    if output == "yaml":
        click.echo("---\n".join(to_yaml(body) for body in masked), nl=False)
    elif output == "name":
        for body in masked:
            click.echo(str(key_of(body)))
    else:
        print_value(masked, output=output)
    return ExitCode.OK


def _preview(
    hub: Hub, app: LiveObject, revisions: tuple[str, ...]
) -> AbstractAsyncContextManager[Preview]:
    return open_preview(
        hub.cluster,
        app,
        namespace=hub.namespace,
        state_dir=hub.session.state_dir,
        revisions=revisions,
        progress=say,
    )


async def _live_objects(hub: Hub, app: LiveObject) -> list[JsonObject]:
    async with open_destination(hub, app) as cluster:
        found = [await cluster.get(key) for key in recorded_keys(app)]
    return [without_managers(live.body()) for live in found if live]


def _masked(body: JsonObject) -> JsonObject:
    if key_of(body).group_kind != _SECRET:
        return body
    hidden, _ = hide_secret_data(body, None)
    return hidden or body
