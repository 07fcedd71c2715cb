"""``trimtab repo``: repositories and their credentials, as Argo CD's Secrets."""

import sys
from typing import IO

import click

from trimtab.cli.cluster import write_secret
from trimtab.cli.errors import CommandError, ExitCode
from trimtab.cli.fields import text
from trimtab.cli.output import Column, output_option, print_items, say
from trimtab.cli.session import Hub, HubCommand, with_hub
from trimtab.core import JsonObject
from trimtab.core.manifest import LiveObject
from trimtab.ports.source import Repository, RepositoryCredentials
from trimtab.services.registry import (
    read_repositories,
    registration_of,
    repository_secret,
    secret_data,
    secret_type,
)

_SECRETS = ("password", "bearerToken", "sshPrivateKey", "tlsClientCertKey", "githubAppPrivateKey")

_COLUMNS = (
    Column("URL", lambda item: text(item, "url")),
    Column("KIND", lambda item: text(item, "kind")),
    Column("TYPE", lambda item: text(item, "type")),
    Column("USER", lambda item: text(item, "username")),
    Column("CREDENTIALS", lambda item: text(item, "credentials")),
    Column("NOT SUPPORTED", lambda item: text(item, "unsupported")),
    Column("PROJECT", lambda item: text(item, "project"), wide=True),
    Column("SECRET", lambda item: text(item, "secret"), wide=True),
)


@click.group()
def repo() -> None:
    """Repositories and their credentials."""


@repo.command("list", cls=HubCommand)
@output_option
@with_hub
async def list_(hub: Hub, output: str) -> None:
    """List registered repositories and credential templates; never a secret value."""
    found = await read_repositories(hub.cluster, hub.namespace)
    items = [_shown(secret) for secret in found]
    print_items(items, output=output, columns=_COLUMNS, name=lambda item: text(item, "url"))


@repo.command(cls=HubCommand)
@click.argument("url")
@click.option("--type", "kind", type=click.Choice(["git", "helm", "oci"]), default="git")
@click.option("--username", default="")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.option("--ssh-private-key", type=click.File(), help="File; - is stdin.")
@click.option("--insecure", is_flag=True, help="Do not verify the server.")
@click.option("--project", default="", help="Only for applications of this project.")
@click.option("--upsert", is_flag=True, help="Change it if it is registered.")
@click.option("--dry-run", is_flag=True, help="Ask the server; change nothing.")
@with_hub
async def add(
    hub: Hub,
    url: str,
    kind: str,
    username: str,
    password_stdin: bool,
    ssh_private_key: IO[str] | None,
    insecure: bool,
    project: str,
    upsert: bool,
    dry_run: bool,
) -> int:
    """Register a repository. Secrets come from stdin or a file, never from the command line."""
    password = sys.stdin.read().rstrip("\n") if password_stdin else ""
    if username and not password_stdin:
        raise CommandError(
            ExitCode.USAGE,
            "expected --password-stdin with --username, found none",
            hint="pipe it in",
        )
    credentials = RepositoryCredentials(
        username=username,
        password=password,
        ssh_private_key=ssh_private_key.read() if ssh_private_key else "",
        insecure=insecure,
    )
    body = repository_secret(Repository(url, credentials, kind), hub.namespace, project=project)
    await write_secret(hub, body, what=f"repository {url}", upsert=upsert, dry_run=dry_run)
    return ExitCode.OK


@repo.command(cls=HubCommand)
@click.argument("url")
@click.option("--revision", default="HEAD", show_default=True)
@with_hub
async def check(hub: Hub, url: str, revision: str) -> int:
    """Connect to a repository with its registered credentials and resolve a revision."""
    from trimtab.bootstrap.preview import open_source
    from trimtab.services.registry import read_book

    repository = (await read_book(hub.cluster, hub.namespace)).find(url)
    async with open_source(hub.session.state_dir) as source:
        resolved = await source.resolve(repository, revision, fresh=True)
    click.echo(f"{url}: {revision} is {resolved.commit}")
    for name in repository.unsupported:
        say(f"{url}: {name} of its Secret is not supported and has no effect")
    return ExitCode.OK


def _shown(secret: LiveObject) -> JsonObject:
    data = secret_data(secret)
    return {
        "url": data.get("url", ""),
        "kind": secret_type(secret),
        "type": data.get("type") or "git",
        "username": data.get("username", ""),
        "credentials": ", ".join(name for name in _SECRETS if data.get(name)) or "none",
        "project": data.get("project", ""),
        "unsupported": ", ".join(registration_of(secret).unsupported),
        "secret": secret.key.name,
    }
