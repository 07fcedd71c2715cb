"""The ``trimtab`` command itself: global options and the names of its groups."""

from pathlib import Path

import click

from trimtab import __version__
from trimtab.cli.lazy import Lazy, LazyGroup
from trimtab.cli.session import Session, default_state_dir

_COMMANDS = {
    "app": Lazy("trimtab.cli.app:app", "Applications: list, get, sync, diff, explain, roll back …"),
    "cluster": Lazy("trimtab.cli.cluster:cluster", "Clusters that applications are delivered to."),
    "completion": Lazy("trimtab.cli.completion:completion", "Print a shell's completion script."),
    "crds": Lazy("trimtab.cli.crds:crds", "Print or install the CustomResourceDefinitions."),
    "demo": Lazy("trimtab.cli.demo:demo", "Run the main job on real control planes."),
    "diff": Lazy("trimtab.cli.offline.diff:diff", "Compare two sets of manifests, offline."),
    "doctor": Lazy("trimtab.cli.doctor:doctor", "Check this machine and the hub."),
    "fleet": Lazy("trimtab.cli.fleet:fleet", "Real control planes on this machine."),
    "health": Lazy("trimtab.cli.offline.health:health", "Assess objects' health, offline."),
    "lint": Lazy("trimtab.cli.offline.lint:lint", "Check manifests and Applications, offline."),
    "log": Lazy("trimtab.cli.log:log", "Who changed what, when and why."),
    "plan": Lazy("trimtab.cli.offline.plan:plan", "Show a sync's phases and waves, offline."),
    "project": Lazy("trimtab.cli.project:project", "Projects and what they permit."),
    "release-ownership": Lazy(
        "trimtab.cli.release:release_ownership", "Give fields back to Argo CD, kubectl or Helm."
    ),
    "render": Lazy("trimtab.cli.offline.render:render", "Render a source to manifests, offline."),
    "repo": Lazy("trimtab.cli.repo:repo", "Repositories and their credentials."),
    "serve": Lazy("trimtab.cli.serve:serve", "Run the controllers."),
    "version": Lazy("trimtab.cli.version:version", "Print versions."),
}

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=LazyGroup, lazy=_COMMANDS, context_settings=_SETTINGS)
@click.version_option(__version__, "--version", message="trimtab %(version)s")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="The hub's kubeconfig.")
@click.option("--context", help="Context in the kubeconfig.")
@click.option(
    "--namespace",
    "-n",
    default="argocd",
    envvar="TRIMTAB_NAMESPACE",
    show_default=True,
    help="Namespace of Applications and settings in the hub.",
)
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="TRIMTAB_STATE_DIR",
    help="Folder of the ledger and caches.",
)
@click.pass_context
def root(
    ctx: click.Context,
    kubeconfig: Path | None,
    context: str | None,
    namespace: str,
    state_dir: Path | None,
) -> None:
    """GitOps for Kubernetes fleets: Git is the only hand on the helm."""
    before = ctx.obj if isinstance(ctx.obj, Session) else Session()
    ctx.obj = before.with_options(
        kubeconfig=kubeconfig,
        context=context,
        namespace=namespace,
        state_dir=state_dir or default_state_dir(),
    )
