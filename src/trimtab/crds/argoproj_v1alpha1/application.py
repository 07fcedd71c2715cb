"""Argo CD's Application: spec, operation and the status that its tools read.

Source: argoproj.io/v1alpha1 of Argo CD 3.x. Read only except the status structs, which are written
whole by ``controllers/application/report.py``.
"""

from typing import Literal

import msgspec

from trimtab.core.manifest import ObjectMeta
from trimtab.crds.argoproj_v1alpha1.source import (
    ApplicationSource,
    NameValue,
    SourceHydrator,
)


class _Wire(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Camel-case names on the wire, defaults left out."""


class Destination(_Wire, frozen=True):
    """A cluster, by URL or by name, and the default namespace."""

    server: str = ""
    namespace: str = ""
    name: str = ""


class Automated(_Wire, frozen=True):
    """When syncs happen by themselves."""

    prune: bool = False
    self_heal: bool = False
    allow_empty: bool = False
    enabled: bool | None = None


class Backoff(_Wire, frozen=True):
    """Delay between retries; durations in Go's notation or plain seconds."""

    duration: str = ""
    factor: int | None = None
    max_duration: str = ""


class Retry(_Wire, frozen=True):
    """How often a failed sync is tried again; a negative limit means for ever."""

    limit: int = 0
    backoff: Backoff | None = None
    refresh: bool = False


class ManagedNamespaceMetadata(_Wire, frozen=True):
    """Labels and annotations of the namespace that CreateNamespace makes."""

    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class SyncPolicy(_Wire, frozen=True):
    """When and how to sync."""

    automated: Automated | None = None
    sync_options: tuple[str, ...] = ()
    retry: Retry | None = None
    managed_namespace_metadata: ManagedNamespaceMetadata | None = None


class IgnoreDifference(_Wire, frozen=True):
    """Fields that are no drift."""

    kind: str = ""
    group: str = ""
    name: str = ""
    namespace: str = ""
    json_pointers: tuple[str, ...] = ()
    jq_path_expressions: tuple[str, ...] = ()
    managed_fields_managers: tuple[str, ...] = ()


class ApplicationSpec(_Wire, frozen=True):
    """The desired state of an Application."""

    destination: Destination = Destination()
    project: str = ""
    source: ApplicationSource | None = None
    sources: tuple[ApplicationSource, ...] = ()
    source_hydrator: SourceHydrator | None = None
    sync_policy: SyncPolicy | None = None
    ignore_differences: tuple[IgnoreDifference, ...] = ()
    info: tuple[NameValue, ...] = ()
    revision_history_limit: int | None = None


class InitiatedBy(_Wire, frozen=True):
    """Who asked for an operation."""

    username: str = ""
    automated: bool = False


class SyncStrategyApply(_Wire, frozen=True):
    """Apply without hooks."""

    force: bool = False


class SyncStrategyHook(_Wire, frozen=True):
    """Apply with hooks: the default."""

    force: bool = False


class SyncStrategy(_Wire, frozen=True):
    """With or without hooks."""

    apply: SyncStrategyApply | None = None
    hook: SyncStrategyHook | None = None


class SyncResource(_Wire, frozen=True):
    """One object of a selective sync."""

    kind: str = ""
    name: str = ""
    group: str = ""
    namespace: str = ""
    exclude: bool = False


class SyncOperation(_Wire, frozen=True):
    """A sync that somebody asked for."""

    revision: str = ""
    prune: bool = False
    dry_run: bool = False
    sync_strategy: SyncStrategy | None = None
    resources: tuple[SyncResource, ...] = ()
    source: ApplicationSource | None = None
    manifests: tuple[str, ...] = ()
    sync_options: tuple[str, ...] = ()
    sources: tuple[ApplicationSource, ...] = ()
    revisions: tuple[str, ...] = ()
    auto_heal_attempts_count: int = 0


class Operation(_Wire, frozen=True):
    """The top-level ``operation`` field: taken up, then removed."""

    sync: SyncOperation | None = None
    initiated_by: InitiatedBy = InitiatedBy()
    info: tuple[NameValue, ...] = ()
    retry: Retry | None = None


SyncCode = Literal["Synced", "OutOfSync", "Unknown"]
OperationPhase = Literal["Running", "Terminating", "Failed", "Error", "Succeeded"]


class HealthStatus(_Wire, frozen=True):
    """Health as Argo CD's tools read it."""

    status: str = ""
    message: str = ""
    last_transition_time: str = ""


class ComparedTo(_Wire, frozen=True):
    """What a verdict was made against."""

    destination: Destination | msgspec.UnsetType = msgspec.UNSET
    source: ApplicationSource | None = None
    sources: tuple[ApplicationSource, ...] = ()
    ignore_differences: tuple[IgnoreDifference, ...] = ()


class SyncStatus(_Wire, frozen=True):
    """Whether live equals desired, and at which revision."""

    status: SyncCode | msgspec.UnsetType = msgspec.UNSET
    compared_to: ComparedTo = ComparedTo()
    revision: str = ""
    revisions: tuple[str, ...] = ()


class ResourceStatus(_Wire, frozen=True):
    """One object of the delivery: its inventory entry, sync state and health."""

    group: str = ""
    version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    status: str = ""
    health: HealthStatus | None = None
    hook: bool = False
    requires_pruning: bool = False
    requires_deletion_confirmation: bool = False
    sync_wave: int = 0


class ResourceResult(_Wire, frozen=True):
    """What a sync did to one object. The required fields are written even when empty."""

    group: str | msgspec.UnsetType = msgspec.UNSET
    version: str | msgspec.UnsetType = msgspec.UNSET
    kind: str | msgspec.UnsetType = msgspec.UNSET
    namespace: str | msgspec.UnsetType = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    status: str = ""
    message: str = ""
    hook_type: str = ""
    hook_phase: str = ""
    sync_phase: str = ""
    images: tuple[str, ...] = ()


class SyncResult(_Wire, frozen=True):
    """The outcome of a sync, object by object."""

    resources: tuple[ResourceResult, ...] = ()
    revision: str | msgspec.UnsetType = msgspec.UNSET
    revisions: tuple[str, ...] = ()
    source: ApplicationSource | None = None
    sources: tuple[ApplicationSource, ...] = ()
    managed_namespace_metadata: ManagedNamespaceMetadata | None = None


class OperationState(_Wire, frozen=True):
    """A running or finished operation."""

    operation: Operation | msgspec.UnsetType = msgspec.UNSET
    phase: str | msgspec.UnsetType = msgspec.UNSET
    started_at: str | msgspec.UnsetType = msgspec.UNSET
    message: str = ""
    sync_result: SyncResult | None = None
    finished_at: str = ""
    retry_count: int = 0


class RevisionHistory(_Wire, frozen=True):
    """One successful sync, for rollback."""

    id: int | msgspec.UnsetType = msgspec.UNSET
    deployed_at: str | msgspec.UnsetType = msgspec.UNSET
    deploy_started_at: str = ""
    revision: str = ""
    revisions: tuple[str, ...] = ()
    source: ApplicationSource | None = None
    sources: tuple[ApplicationSource, ...] = ()
    initiated_by: InitiatedBy = InitiatedBy()


class ApplicationCondition(_Wire, frozen=True):
    """Something a person should know."""

    type: str | msgspec.UnsetType = msgspec.UNSET
    message: str | msgspec.UnsetType = msgspec.UNSET
    last_transition_time: str = ""


class ApplicationSummary(_Wire, frozen=True):
    """Images and links."""

    external_urls: tuple[str, ...] = msgspec.field(default=(), name="externalURLs")
    images: tuple[str, ...] = ()
    is_app_of_apps: bool = False


class ApplicationStatus(_Wire, frozen=True):
    """The observed state, no more than Argo CD's own definition has a place for."""

    resources: tuple[ResourceStatus, ...] = ()
    sync: SyncStatus = SyncStatus()
    health: HealthStatus = HealthStatus()
    history: tuple[RevisionHistory, ...] = ()
    conditions: tuple[ApplicationCondition, ...] = ()
    reconciled_at: str = ""
    operation_state: OperationState | None = None
    observed_at: str = ""
    source_type: str = ""
    summary: ApplicationSummary = ApplicationSummary()
    resource_health_source: str = ""
    source_types: tuple[str, ...] = ()
    controller_namespace: str = ""


class Application(msgspec.Struct, frozen=True, rename="camel"):
    """An Application, decoded. ``status`` is what some controller wrote last."""

    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)
    spec: ApplicationSpec = ApplicationSpec()
    operation: Operation | None = None
    status: ApplicationStatus = ApplicationStatus()
