"""The cheap verdict: is an object in sync, as far as that can be told without asking a server?

Desired and live are walked together with the tree of what our Apply entry owns. In sync means that
an apply would change nothing: every desired value is there, and we own exactly what desired sets.
A difference is certain where nothing an API server does on its own can explain it; whatever
canonicalisation, defaulting or a webhook of our own apply could explain needs a dry run.

Source:
    DESIGN section 4.5; structured-merge-diff for what an apply owns.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from trimtab.core import JsonObject, JsonValue
from trimtab.core.diff.changes import FieldChange
from trimtab.core.diff.fieldset import MEMBER, Node, entry_of, parse_fields
from trimtab.core.diff.findings import Findings
from trimtab.core.diff.ignore import IgnoreRules
from trimtab.core.diff.paths import find_item
from trimtab.core.diff.walk import Walk
from trimtab.core.manifest import LiveObject, as_list, as_object, canonical_json, join_api_version


class ComparisonState(StrEnum):
    """What the cheap comparison can say."""

    IN_SYNC = "InSync"
    DIFFERS = "Differs"
    NEEDS_DRY_RUN = "NeedsDryRun"


IN_SYNC = ComparisonState.IN_SYNC
DIFFERS = ComparisonState.DIFFERS
NEEDS_DRY_RUN = ComparisonState.NEEDS_DRY_RUN


@dataclass(frozen=True, slots=True)
class Comparison:
    """The verdict on one object.

    Args:
        state: What can be said.
        changes: The certain differences; for NEEDS_DRY_RUN those that a dry run may confirm.
            Sorted by path; always empty when in sync.
    """

    state: ComparisonState
    changes: tuple[FieldChange, ...] = ()


def compare_desired(
    desired: JsonObject,
    live: LiveObject,
    *,
    manager: str,
    ignore: IgnoreRules | None = None,
    live_body: JsonObject | None = None,
) -> Comparison:
    """Compare what we would apply with what is there.

    Args:
        desired: The body to apply, tracking metadata included.
        live: The object in the cluster.
        manager: Our field manager.
        ignore: ignoreDifferences; a difference at an ignored path does not count.
        live_body: The decoded live object, where the caller has it already, or with the results
            of jq paths removed (remove them from ``desired`` too).
    """
    if live.partial:
        return Comparison(NEEDS_DRY_RUN)
    entry = entry_of(live.meta.managed_fields, manager)
    body = live.body() if live_body is None else live_body
    owned = parse_fields(entry.fields_v1) if entry else None
    findings = Findings(live, body, desired, manager)
    Walk(findings, owned, leftovers_count=live_body is None).walk(desired, body)
    version = str(desired.get("apiVersion"))
    is_same_version = version == join_api_version(live.key.group, live.version) and (
        entry is None or not entry.api_version or entry.api_version == version
    )
    if not findings and entry and is_same_version:
        return Comparison(IN_SYNC)
    settings = ignore.matching(live.key) if ignore else None
    certain, possible = findings.judged(settings)
    if certain:
        return Comparison(DIFFERS, certain)
    if possible is None and entry and is_same_version:
        return Comparison(IN_SYNC)
    return Comparison(NEEDS_DRY_RUN, possible or ())


def verdict_key(desired_digest: str, live: LiveObject, manager: str) -> bytes:
    """Return the key under which a verdict on an object stays valid.

    It covers the manifest, our Apply entry and the live values at every path we own. What an
    apply would do is decided by these: status writes, foreign annotations and fields that others
    own do not change it.

    Args:
        desired_digest: The manifest's digest.
        live: The object in the cluster.
        manager: Our field manager.

    Returns:
        16 bytes; equal keys mean equal verdicts for one schema and one set of ignore rules.
    """
    key = blake2b(desired_digest.encode(), digest_size=16)
    entry = entry_of(live.meta.managed_fields, manager)
    if entry is None or live.partial:
        key.update(live.meta.resource_version.encode())
        return key.digest()
    raw = bytes(entry.fields_v1)
    key.update(entry.api_version.encode())
    key.update(raw)
    values: list[JsonValue] = []
    _collect(live.body(), parse_fields(raw).root, values)
    key.update(canonical_json(values))
    return key.digest()


def pre_key(desired_digest: str, live: LiveObject) -> tuple[str, str]:
    """Return the cheapest key: while neither side changed at all, no verdict does."""
    return live.meta.resource_version, desired_digest


def _collect(value: JsonValue, node: Node, into: list[JsonValue]) -> None:
    """Append the values at a node's members, in the set's own order; ``[]`` marks an absent one."""
    items: tuple[JsonValue, ...] | None = None
    for segment, child in node.items():
        if segment == MEMBER:
            continue
        if segment[0] == "f":
            fields = as_object(value)
            name = segment[2:]
            if name not in fields:
                into.append([])
                continue
            below = fields[name]
        else:
            items = as_list(value) if items is None else items
            position = find_item(items, segment)
            if position is None:
                into.append([])
                continue
            into.append(position)
            below = items[position]
        if not child:
            into.append([below])
        elif below is None:
            into.append(None)
        else:
            _collect(below, child, into)
