"""What a resource's own annotations ask of a sync and of a comparison.

An annotation holds a comma list of words and ``name=value`` pairs. Spaces around an entry do not
count, a repeated entry counts once, and of two values for one name the first wins.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
COMPARE_OPTIONS = "argocd.argoproj.io/compare-options"


class Permission(StrEnum):
    """Whether something may be deleted: freely, never, or when a person has confirmed it."""

    ALLOWED = "true"
    FORBIDDEN = "false"
    CONFIRM = "confirm"


def annotation_values(annotations: Mapping[str, str], key: str) -> tuple[str, ...]:
    """Return the entries of a comma list, trimmed, in order, without empty or repeated ones."""
    entries = (entry.strip() for entry in annotations.get(key, "").split(","))
    return tuple(dict.fromkeys(entry for entry in entries if entry))


def has_option(annotations: Mapping[str, str], key: str, option: str) -> bool:
    """Return whether the comma list holds exactly this entry."""
    return option in annotation_values(annotations, key)


def option_value(annotations: Mapping[str, str], key: str, name: str) -> str | None:
    """Return the value of the list's first ``name=value`` entry, or None without one."""
    for entry in annotation_values(annotations, key):
        option, equals, value = entry.partition("=")
        if equals and option.strip() == name:
            return value.strip()
    return None


@dataclass(frozen=True, slots=True)
class ResourceOptions:
    """The sync options of one resource; None where the resource says nothing.

    Args:
        prune: May it be pruned?
        delete: May it be deleted together with its delivery?
        replace: PUT instead of apply.
        force: Delete and create where an update is refused.
        server_side_apply: What Argo CD would use; here every apply is server-side.
        validate: Strict field validation.
        skip_dry_run_on_missing: No dry run while the kind is not served.
        prune_last: Pruned after everything else.
        migrate_ownership: Take over fields of client-side managers.
        unknown: Entries that mean nothing here, in order.
    """

    prune: Permission | None = None
    delete: Permission | None = None
    replace: bool | None = None
    force: bool | None = None
    server_side_apply: bool | None = None
    validate: bool | None = None
    skip_dry_run_on_missing: bool | None = None
    prune_last: bool | None = None
    migrate_ownership: bool | None = None
    unknown: tuple[str, ...] = ()


_FLAGS = {
    "Replace": "replace",
    "Force": "force",
    "ServerSideApply": "server_side_apply",
    "Validate": "validate",
    "SkipDryRunOnMissingResource": "skip_dry_run_on_missing",
    "PruneLast": "prune_last",
    "ClientSideApplyMigration": "migrate_ownership",
}
_PERMISSIONS = {"Prune": "prune", "Delete": "delete"}


def resource_options(annotations: Mapping[str, str]) -> ResourceOptions:
    """Return what a resource's sync-options annotation says."""
    permissions: dict[str, Permission] = {}
    flags: dict[str, bool] = {}
    unknown: list[str] = []
    for entry in annotation_values(annotations, SYNC_OPTIONS):
        name, _, value = (part.strip() for part in entry.partition("="))
        if name in _PERMISSIONS and value in set(Permission):
            permissions.setdefault(_PERMISSIONS[name], Permission(value))
        elif name in _FLAGS and value in {"true", "false"}:
            flags.setdefault(_FLAGS[name], value == "true")
        else:
            unknown.append(entry)
    return ResourceOptions(
        prune=permissions.get("prune"),
        delete=permissions.get("delete"),
        replace=flags.get("replace"),
        force=flags.get("force"),
        server_side_apply=flags.get("server_side_apply"),
        validate=flags.get("validate"),
        skip_dry_run_on_missing=flags.get("skip_dry_run_on_missing"),
        prune_last=flags.get("prune_last"),
        migrate_ownership=flags.get("migrate_ownership"),
        unknown=tuple(unknown),
    )


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """The compare options of one resource.

    Args:
        ignore_extraneous: It does not make its delivery OutOfSync when it should be pruned.
        server_side_diff: Compare by dry run; None where the resource says nothing.
        include_mutation_webhook: Count what admission webhooks change as a difference.
    """

    ignore_extraneous: bool = False
    server_side_diff: bool | None = None
    include_mutation_webhook: bool = False


def compare_options(annotations: Mapping[str, str]) -> CompareOptions:
    """Return what a resource's compare-options annotation says."""
    by_dry_run = option_value(annotations, COMPARE_OPTIONS, "ServerSideDiff")
    return CompareOptions(
        ignore_extraneous=has_option(annotations, COMPARE_OPTIONS, "IgnoreExtraneous"),
        server_side_diff={"true": True, "false": False}.get(by_dry_run or ""),
        include_mutation_webhook=has_option(
            annotations, COMPARE_OPTIONS, "IncludeMutationWebhook=true"
        ),
    )
