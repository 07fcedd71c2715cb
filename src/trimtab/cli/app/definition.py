"""An Application as described on the command line, by options or by a file."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from trimtab.cli.documents import described, read_documents
from trimtab.cli.errors import CommandError, ExitCode
from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest import key_of, with_metadata
from trimtab.services.requests import APPLICATION

C = TypeVar("C", bound=Callable[..., Any])


_BY_HAND = ("manual", "none")
_BY_ITSELF = ("automated", "auto", "automatic")


@dataclass(frozen=True, slots=True)
class Definition:
    """What the options of ``app create`` say; names as on the command line."""

    name: str | None
    file: str | None
    repo: str | None
    path: str | None
    chart: str | None
    revision: str | None
    dest_server: str | None
    dest_name: str | None
    dest_namespace: str | None
    project: str
    sync_policy: str
    auto_prune: bool
    self_heal: bool
    allow_empty: bool
    sync_option: tuple[str, ...]
    label: tuple[str, ...]
    directory_recurse: bool
    release_name: str | None
    values: tuple[str, ...]
    helm_set: tuple[str, ...]
    kustomize_image: tuple[str, ...]


_OPTIONS = (
    click.argument("name", required=False),
    click.option("--file", "-f", help="Application manifests; - is stdin."),
    click.option("--repo", help="Repository URL."),
    click.option("--path", help="Folder in the repository."),
    click.option("--helm-chart", "chart", help="Chart name, for Helm repositories."),
    click.option("--revision", help="Branch, tag, commit or chart version."),
    click.option("--dest-server", help="Destination by API server URL."),
    click.option("--dest-name", help="Destination by cluster name."),
    click.option("--dest-namespace", help="Default namespace of the objects."),
    click.option("--project", default="default", show_default=True),
    click.option(
        "--sync-policy",
        type=click.Choice([*_BY_HAND, *_BY_ITSELF]),
        default=_BY_HAND[0],
        help="Whether commits are synced by themselves; words that mean the same are Argo CD's.",
    ),
    click.option("--auto-prune", is_flag=True, help="Automated sync prunes."),
    click.option("--self-heal", is_flag=True, help="Undo changes in the cluster."),
    click.option("--allow-empty", is_flag=True, help="An empty render may prune everything."),
    click.option("--sync-option", multiple=True, help="For example CreateNamespace=true."),
    click.option("--label", multiple=True, metavar="KEY=VALUE"),
    click.option("--directory-recurse", is_flag=True),
    click.option("--release-name", help="Helm release name."),
    click.option("--values", multiple=True, help="Helm value file in the repository."),
    click.option("--helm-set", multiple=True, metavar="KEY=VALUE"),
    click.option("--kustomize-image", multiple=True),
)


def definition_options(command: C) -> C:
    """Add the options of ``Definition``, passed as ``definition``."""
    names = tuple(Definition.__dataclass_fields__)

    @functools.wraps(command)
    def gather(**kwargs: Any) -> Any:
        given = {name: kwargs.pop(name) for name in names}
        return command(definition=Definition(**given), **kwargs)

    decorated: Any = gather
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def read_definition(definition: Definition, namespace: str) -> list[JsonObject]:
    """Return the Applications that were described, each with a namespace.

    Raises:
        CommandError: The file holds something else, or an option is missing.
    """
    if not definition.file:
        return [build_application(definition, namespace)]
    bodies = read_documents(definition.file)
    where = "stdin" if definition.file == "-" else definition.file
    if not bodies:
        raise CommandError(ExitCode.USAGE, f"{where}: expected Applications, found nothing")
    for body in bodies:
        if key_of(body).group_kind != APPLICATION:
            raise CommandError(
                ExitCode.USAGE, f"{where}: expected Applications, found {described(body)}"
            )
    return [
        with_metadata(body, {"namespace": key_of(body).namespace or namespace}) for body in bodies
    ]


def build_application(definition: Definition, namespace: str) -> JsonObject:
    """Return the Application that the options describe.

    Raises:
        CommandError: An option is missing.
    """
    missing = [
        option
        for option, value in (
            ("NAME", definition.name),
            ("--repo", definition.repo),
            ("--path or --helm-chart", definition.path or definition.chart),
            ("--dest-server or --dest-name", definition.dest_server or definition.dest_name),
        )
        if not value
    ]
    if missing:
        raise CommandError(
            ExitCode.USAGE,
            f"expected {', '.join(missing)}, found nothing",
            hint="or give the whole manifest with --file",
        )
    spec: dict[str, JsonValue] = {
        "project": definition.project,
        "source": _source(definition),
        "destination": _kept(
            server=definition.dest_server,
            name=definition.dest_name,
            namespace=definition.dest_namespace,
        ),
    }
    if policy := _policy(definition):
        spec["syncPolicy"] = policy
    metadata: dict[str, JsonValue] = {"name": definition.name, "namespace": namespace}
    if definition.label:
        metadata["labels"] = dict(_pair(item, "--label") for item in definition.label)
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": metadata,
        "spec": spec,
    }


def _source(given: Definition) -> JsonObject:
    source = _kept(
        repoURL=given.repo, path=given.path, chart=given.chart, targetRevision=given.revision
    )
    parameters = [
        {"name": name, "value": value}
        for name, value in (_pair(item, "--helm-set") for item in given.helm_set)
    ]
    helm = _kept(
        releaseName=given.release_name, valueFiles=list(given.values), parameters=parameters
    )
    return source | _kept(
        helm=helm,
        kustomize=_kept(images=list(given.kustomize_image)),
        directory=_kept(recurse=given.directory_recurse),
    )


def _policy(given: Definition) -> dict[str, JsonValue]:
    policy: dict[str, JsonValue] = _kept(syncOptions=list(given.sync_option))
    if given.sync_policy in _BY_ITSELF:
        policy["automated"] = _kept(
            prune=given.auto_prune, selfHeal=given.self_heal, allowEmpty=given.allow_empty
        )
    return policy


def _kept(**values: Any) -> dict[str, JsonValue]:
    return {name: value for name, value in values.items() if value}


def _pair(text: str, option: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise CommandError(ExitCode.USAGE, f"{option}: expected KEY=VALUE, found {text!r}")
    return key, value
