"""``trimtab crds``: print the CustomResourceDefinitions, or install those that are missing."""

import click

from trimtab.cli.errors import ExitCode
from trimtab.cli.output import say, to_yaml
from trimtab.cli.session import Hub, HubCommand, with_hub


@click.group(invoke_without_command=True)
@click.pass_context
def crds(ctx: click.Context) -> None:
    """Print the CustomResourceDefinitions as YAML."""
    if ctx.invoked_subcommand is None:
        from trimtab.crds.argoproj_v1alpha1.crd import definitions

        click.echo("---\n".join(to_yaml(body) for body in definitions()), nl=False)


@crds.command(cls=HubCommand)
@click.option("--dry-run", is_flag=True, help="Ask the server without storing.")
@with_hub
async def install(hub: Hub, dry_run: bool) -> int:
    """Create the definitions that the hub does not have; existing ones are left alone."""
    from trimtab.crds.argoproj_v1alpha1.crd import definitions
    from trimtab.services.definitions import install_crds

    for installed in await install_crds(hub.cluster, definitions(), dry_run=dry_run):
        done = "created" if installed.created else "is there already"
        click.echo(f"{installed.key.name} {done}{' (dry run)' if dry_run else ''}")
    say("existing definitions are never replaced")
    return ExitCode.OK
