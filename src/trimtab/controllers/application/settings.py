"""What the Application controller is told once, at start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from trimtab.core import JsonObject
from trimtab.core.manifest import INSTANCE_LABEL, GroupKind, TrackingMethod
from trimtab.core.plan import DEFAULT_BUDGET, Deadlines, DeletionBudget
from trimtab.services.installation import InstallationSettings

APPLICATION = GroupKind("argoproj.io", "Application")
APP_PROJECT = GroupKind("argoproj.io", "AppProject")
SECRET = GroupKind("", "Secret")
NAMESPACE = GroupKind("", "Namespace")
REFRESH = "argocd.argoproj.io/refresh"
CONFIRM_PLAN = "trimtab.dev/confirm-plan"
STATUS_MANAGER = "trimtab-status"


def _no_overrides() -> Mapping[str, JsonObject]:
    return {}


@dataclass(frozen=True, slots=True)
class ApplicationSettings:
    """Settings of the Application controller.

    Args:
        namespace: The controller's own; Applications live here.
        manager: Field manager of applied objects.
        tracking: How objects are marked.
        label_key: The label of trackings by label.
        build_options: Flags of ``kustomize.buildOptions``.
        installation_id: Tells apart several controllers of one cluster.
        overrides: ignoreDifferences of argocd-cm, by group/Kind.
        budget: Deletion budget.
        deadlines: Of syncs, waves and hooks.
        sync_timeout: How long the first LIST of a kind may take.
        observe_only: Decide and report nothing, write nothing.
        refresh_every: How often an Application is looked at when nothing happens.
    """

    namespace: str = "argocd"
    manager: str = "trimtab"
    tracking: TrackingMethod = TrackingMethod.ANNOTATION
    label_key: str = INSTANCE_LABEL
    build_options: tuple[str, ...] = ()
    installation_id: str = ""
    overrides: Mapping[str, JsonObject] = field(default_factory=_no_overrides)
    budget: DeletionBudget = DEFAULT_BUDGET
    deadlines: Deadlines = field(default_factory=Deadlines)
    sync_timeout: timedelta = timedelta(seconds=15)
    observe_only: bool = False
    refresh_every: timedelta = timedelta(minutes=10)


def application_settings(
    installation: InstallationSettings, namespace: str, *, observe_only: bool = False
) -> ApplicationSettings:
    """Return the controller's settings in an installation."""
    return ApplicationSettings(
        namespace=namespace,
        tracking=installation.tracking,
        label_key=installation.label_key,
        installation_id=installation.installation_id,
        overrides=installation.overrides or {},
        build_options=installation.build_options,
        observe_only=observe_only,
    )
