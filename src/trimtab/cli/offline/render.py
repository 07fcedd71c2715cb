"""``trimtab render``."""

import asyncio
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click

from trimtab.bootstrap.offline import open_renderer
from trimtab.cli.documents import described
from trimtab.cli.errors import CommandError, ExitCode
from trimtab.cli.output import print_value, say, to_yaml
from trimtab.core import JsonObject
from trimtab.core.errors import Stalled
from trimtab.core.manifest import key_of
from trimtab.core.render import (
    DirectoryRequest,
    HelmParameter,
    HelmRequest,
    KustomizeOptions,
    SourceSpec,
    SourceType,
    detect_source_type,
)
from trimtab.ports.renderer import EngineError
from trimtab.services.render_local import render_local
from trimtab.services.render_requests import RenderContext

_TIMEOUT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class _Given:
    name: str
    namespace: str
    values: tuple[str, ...]
    parameters: tuple[str, ...]
    images: tuple[str, ...]
    kube_version: str
    api_versions: tuple[str, ...]
    recurse: bool


@click.command()
@click.argument("folder")
@click.option("--root", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--name", default="", help="Release name; by default the folder's.")
@click.option("--dest-namespace", "namespace", default="default", show_default=True)
@click.option("--values", multiple=True, help="Helm value file, relative to FOLDER.")
@click.option("--set", "parameters", multiple=True, metavar="KEY=VALUE", help="Helm parameter.")
@click.option("--image", "images", multiple=True, help="Kustomize image, as in Argo CD.")
@click.option("--kube-version", default="")
@click.option("--api-version", "api_versions", multiple=True)
@click.option("--recurse", is_flag=True, help="Plain directories: folders below, too.")
@click.option(
    "--output",
    "-o",
    type=click.Choice(["yaml", "json", "name"]),
    default="yaml",
    show_default=True,
)
def render(folder: str, root: Path | None, output: str, **given: object) -> int:
    """Render a chart, a kustomization or plain manifests, as a delivery would.

    Nothing outside of --root is read; by default that is the Git repository around FOLDER.
    ``-`` reads plain manifests from stdin.
    """
    if folder == "-":
        objects = asyncio.run(_parse(sys.stdin.read()))
    elif not Path(folder).is_dir():
        raise CommandError(ExitCode.NOT_FOUND, f"expected a folder, found none: {folder}")
    else:
        objects = _render_folder(Path(folder).resolve(), root, _Given(**given))  # type: ignore[arg-type]
    if output == "name":
        for body in objects:
            click.echo(str(key_of(body)))
    elif output == "json":
        print_value(objects, output="json")
    else:
        click.echo("---\n".join(to_yaml(body) for body in objects), nl=False)
    return ExitCode.OK


async def _parse(text: str) -> tuple[JsonObject, ...]:
    async with open_renderer(progress=say) as renderer:
        try:
            found = await renderer.parse(text, timeout=_TIMEOUT)
        except EngineError as error:
            message = f"stdin: {error.message} ({error.reason})"
            raise CommandError(ExitCode.ERROR, message) from error
    for number, body in enumerate(found, 1):
        key = key_of(body)
        if not key.kind or not key.name:
            raise CommandError(
                ExitCode.ERROR,
                f"stdin: document {number}: expected kind and metadata.name, found"
                f" {described(body)}",
            )
    return tuple(found)


def _render_folder(folder: Path, root: Path | None, given: _Given) -> tuple[JsonObject, ...]:
    top = root.resolve() if root else _repository(folder)
    if not folder.is_relative_to(top):
        raise CommandError(ExitCode.USAGE, f"expected a folder below {top}, found {folder}")
    context = RenderContext(
        given.name or folder.name, given.namespace, given.kube_version, given.api_versions
    )
    spec = _source(folder, folder.relative_to(top).as_posix(), given)
    return asyncio.run(_render(top, spec, context))


async def _render(root: Path, spec: SourceSpec, context: RenderContext) -> tuple[JsonObject, ...]:
    async with open_renderer(progress=say) as renderer:
        try:
            rendered = await render_local(renderer, root, spec, context)
        except Stalled as error:
            raise CommandError(ExitCode.ERROR, f"{error.message} ({error.reason})") from error
    return rendered.objects


def _repository(folder: Path) -> Path:
    for parent in (folder, *folder.parents):
        if (parent / ".git").exists():
            return parent
    return folder


def _source(folder: Path, path: str, given: _Given) -> SourceSpec:
    helm = HelmRequest(
        path="",
        release_name="",
        namespace="",
        value_files=given.values,
        parameters=tuple(_parameter(item) for item in given.parameters),
    )
    names = [entry.name for entry in folder.iterdir()]
    has_helm, has_kustomize = bool(given.values or given.parameters), bool(given.images)
    kind = detect_source_type(names, has_helm=has_helm, has_kustomize=has_kustomize)
    goes_below = given.recurse and kind is SourceType.DIRECTORY
    return SourceSpec(
        "",
        path=path,
        helm=helm if has_helm else None,
        kustomize=KustomizeOptions(images=given.images) if has_kustomize else None,
        directory=DirectoryRequest(path="", recurse=True) if goes_below else None,
    )


def _parameter(item: str) -> HelmParameter:
    name, equals, value = item.partition("=")
    if not equals:
        raise CommandError(ExitCode.USAGE, f"--set: expected KEY=VALUE, found {item!r}")
    return HelmParameter(name, value)
