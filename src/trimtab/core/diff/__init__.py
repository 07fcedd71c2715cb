"""Differences: what is not as desired, who changed it, and what an apply would do about it."""

from trimtab.core.diff.canonical import canonicalise, canonicalise_known_types
from trimtab.core.diff.changes import ABSENT, Absent, FieldChange, MaybeJson, managers_in, shown
from trimtab.core.diff.defaults import with_defaults
from trimtab.core.diff.fieldset import (
    FieldSet,
    Segments,
    entry_of,
    managers_of_path,
    owned_by,
    parse_fields,
)
from trimtab.core.diff.ignore import (
    IgnoreRule,
    IgnoreRules,
    IgnoreSettings,
    override_rule,
    parse_ignore_rules,
)
from trimtab.core.diff.ownership import (
    KNOWN_CLIENT_MANAGERS,
    merge_managers_patch,
    release_ownership_patch,
)
from trimtab.core.diff.paths import display_path
from trimtab.core.diff.predicted import diff_predicted, drift_managers, owns_like
from trimtab.core.diff.removal import leave_out_ignored, remove_pointers
from trimtab.core.diff.secrets import hide_secret_data, normalise_secret
from trimtab.core.diff.serverside import diff_server_side, exclude_owned_ancestors
from trimtab.core.diff.structured import diff_structured
from trimtab.core.diff.threeway import DiffResult, diff_three_way
from trimtab.core.diff.trusted import diff_state, leave_out_ignored_pair, leave_out_trusted
from trimtab.core.diff.unknown import leave_out_unknown
from trimtab.core.diff.verdict import (
    DIFFERS,
    IN_SYNC,
    NEEDS_DRY_RUN,
    Comparison,
    ComparisonState,
    compare_desired,
    pre_key,
    verdict_key,
)

__all__ = [
    "ABSENT",
    "DIFFERS",
    "IN_SYNC",
    "KNOWN_CLIENT_MANAGERS",
    "NEEDS_DRY_RUN",
    "Absent",
    "Comparison",
    "ComparisonState",
    "DiffResult",
    "FieldChange",
    "FieldSet",
    "IgnoreRule",
    "IgnoreRules",
    "IgnoreSettings",
    "MaybeJson",
    "Segments",
    "canonicalise",
    "canonicalise_known_types",
    "compare_desired",
    "diff_predicted",
    "diff_server_side",
    "diff_state",
    "diff_structured",
    "diff_three_way",
    "display_path",
    "drift_managers",
    "entry_of",
    "exclude_owned_ancestors",
    "hide_secret_data",
    "leave_out_ignored",
    "leave_out_ignored_pair",
    "leave_out_trusted",
    "leave_out_unknown",
    "managers_in",
    "managers_of_path",
    "merge_managers_patch",
    "normalise_secret",
    "override_rule",
    "owned_by",
    "owns_like",
    "parse_fields",
    "parse_ignore_rules",
    "pre_key",
    "release_ownership_patch",
    "remove_pointers",
    "shown",
    "verdict_key",
    "with_defaults",
]
