"""The options of a sync: what an application asks for, and what a resource asks for itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from trimtab.core.manifest import Permission, ResourceOptions, has_option, resource_options

HELM_RESOURCE_POLICY = "helm.sh/resource-policy"


class Propagation(StrEnum):
    """What happens to dependents of a deleted object, in Kubernetes' words."""

    FOREGROUND = "Foreground"
    BACKGROUND = "Background"
    ORPHAN = "Orphan"


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """How a sync goes about its work.

    Args:
        prune: Delete what is no longer desired. Asked for by the operation or the sync policy.
        prune_permission: The application's default for resources that say nothing.
        delete_permission: The same, for deletion together with the application.
        prune_confirmed: A person has confirmed the prunes that need it.
        prune_last: Prune after everything else is done.
        prune_propagation: What happens to dependents of pruned objects.
        apply_out_of_sync_only: Unchanged objects of a wave are not waited for.
        replace: PUT instead of apply.
        force: Delete and create where an update is refused.
        server_side_apply: What Argo CD would use; here every apply is server-side.
        validate: Strict field validation.
        skip_dry_run_on_missing: No dry run while an object's kind is not served.
        respect_ignore_differences: Leave ignored fields to their other managers in an apply.
        create_namespace: Create the destination's namespace.
        fail_on_shared: Fail when another application has an object.
        migrate_ownership: Take over fields of client-side managers.
        dry_run: Nothing is written.
    """

    prune: bool = False
    prune_permission: Permission = Permission.ALLOWED
    delete_permission: Permission = Permission.ALLOWED
    prune_confirmed: bool = False
    prune_last: bool = False
    prune_propagation: Propagation = Propagation.FOREGROUND
    apply_out_of_sync_only: bool = False
    replace: bool = False
    force: bool = False
    server_side_apply: bool = False
    validate: bool = True
    skip_dry_run_on_missing: bool = False
    respect_ignore_differences: bool = False
    create_namespace: bool = False
    fail_on_shared: bool = False
    migrate_ownership: bool = True
    dry_run: bool = False


_FLAGS = {
    "ApplyOutOfSyncOnly": "apply_out_of_sync_only",
    "ClientSideApplyMigration": "migrate_ownership",
    "CreateNamespace": "create_namespace",
    "FailOnSharedResource": "fail_on_shared",
    "Force": "force",
    "PruneLast": "prune_last",
    "Replace": "replace",
    "RespectIgnoreDifferences": "respect_ignore_differences",
    "ServerSideApply": "server_side_apply",
    "SkipDryRunOnMissingResource": "skip_dry_run_on_missing",
    "Validate": "validate",
}
_PERMISSIONS = {"Prune": "prune_permission", "Delete": "delete_permission"}
PROPAGATION = "PrunePropagationPolicy"
_Value: TypeAlias = bool | Permission | Propagation


def parse_sync_options(entries: Iterable[str]) -> tuple[SyncOptions, tuple[str, ...]]:
    """Return the options that ``spec.syncPolicy.syncOptions`` names, and what means nothing.

    Args:
        entries: ``Name=value`` words; of two for one name the first wins.

    Returns:
        The options, with ``prune`` unset: that is the operation's. The unknown entries in order.
    """
    values: dict[str, _Value] = {}
    unknown: list[str] = []
    for entry in entries:
        name, _, value = (part.strip() for part in entry.partition("="))
        parsed = _parse_value(name, value)
        if parsed is None:
            unknown.append(entry)
        else:
            values.setdefault(*parsed)
    return SyncOptions(**values), tuple(unknown)  # pyright: ignore[reportArgumentType] -- by table


def _parse_value(name: str, value: str) -> tuple[str, _Value] | None:
    """Return the field of the options that an entry sets and its value, or None."""
    if name in _FLAGS and value in {"true", "false"}:
        return _FLAGS[name], value == "true"
    if name in _PERMISSIONS and value in set(Permission):
        return _PERMISSIONS[name], Permission(value)
    if name == PROPAGATION and value.capitalize() in set(Propagation):
        return "prune_propagation", Propagation(value.capitalize())
    return None


def parse_propagation(text: str) -> Propagation:
    """Return the propagation that an option's value names, in any case; foreground for others."""
    named = text.capitalize()
    return Propagation(named) if named in set(Propagation) else Propagation.FOREGROUND


class Verb(StrEnum):
    """How an object is written."""

    APPLY = "apply"
    CREATE = "create"
    REPLACE = "replace"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class WriteChoice:
    """How one object is to be written.

    Args:
        verb: ``update`` is a PUT that can never end in a deletion; ``replace`` may, with force.
        force: Delete and create where the write is refused.
        server_side_apply: What Argo CD would do on ``apply``.
        validate: Strict field validation.
    """

    verb: Verb
    force: bool
    server_side_apply: bool
    validate: bool


NEVER_RECREATED = frozenset(
    {("", "Namespace"), ("apiextensions.k8s.io", "CustomResourceDefinition")}
)
"""Kinds whose deletion would take everything in them along: replaced by PUT, whatever is asked."""


def choose_write(
    *,
    group: str,
    kind: str,
    desired: Mapping[str, str],
    live: Mapping[str, str] | None,
    options: SyncOptions,
    is_dry_run: bool = False,
) -> WriteChoice:
    """Return how an object is to be written.

    Args:
        group: API group.
        kind: Kind.
        desired: Annotations of the desired object.
        live: Annotations of the live object, or None when there is none. Replace and Force may
            be asked for by either.
        options: The sync's.
        is_dry_run: This write is a dry run.

    Source:
        Argo CD, sync options of gitops-engine: Replace beats ServerSideApply.
    """
    wanted = resource_options(desired)
    present = resource_options(live or {})
    replaces = bool(options.replace or wanted.replace or present.replace)
    if not replaces:
        verb = Verb.APPLY
    elif live is None:
        verb = Verb.CREATE
    elif (group, kind) in NEVER_RECREATED:
        verb = Verb.UPDATE
    else:
        verb = Verb.REPLACE
    return WriteChoice(
        verb=verb,
        force=bool(options.force or wanted.force or present.force),
        server_side_apply=uses_server_side_apply(wanted, options, is_dry_run=is_dry_run),
        validate=options.validate and wanted.validate is not False,
    )


def uses_server_side_apply(
    resource: ResourceOptions, options: SyncOptions, *, is_dry_run: bool = False
) -> bool:
    """Return whether Argo CD would apply on the server side; never in a dry run."""
    if options.dry_run or is_dry_run or resource.server_side_apply is False:
        return False
    return bool(options.server_side_apply or resource.server_side_apply)


def prune_permission(annotations: Mapping[str, str], options: SyncOptions) -> Permission:
    """Return whether an object may be pruned: what it says itself, else the application's."""
    return resource_options(annotations).prune or options.prune_permission


def delete_permission(annotations: Mapping[str, str], options: SyncOptions) -> Permission:
    """Return whether an object may be deleted with its application.

    Source:
        Argo CD, which keeps what Helm was told to keep.
    """
    stated = resource_options(annotations).delete
    if stated is None and has_option(annotations, HELM_RESOURCE_POLICY, "keep"):
        return Permission.FORBIDDEN
    return stated or options.delete_permission


@dataclass(frozen=True, slots=True)
class DryRunChoice:
    """Whether an object is dry-run before the first write, and whether it can be tried at all."""

    is_run: bool
    is_possible: bool


def choose_dry_run(
    annotations: Mapping[str, str],
    options: SyncOptions,
    *,
    is_served: bool,
    is_defined_by_plan: bool,
) -> DryRunChoice:
    """Return whether an object of a possibly missing kind is dry-run.

    Args:
        annotations: Of the desired object.
        options: The sync's.
        is_served: The cluster serves the kind.
        is_defined_by_plan: A CustomResourceDefinition of the same plan defines it.

    Returns:
        Not possible means that the sync must stop: nobody will ever serve the kind.
    """
    if is_served:
        return DryRunChoice(is_run=True, is_possible=True)
    asked = resource_options(annotations).skip_dry_run_on_missing
    may_skip = bool(asked or options.skip_dry_run_on_missing or is_defined_by_plan)
    return DryRunChoice(is_run=False, is_possible=may_skip)
