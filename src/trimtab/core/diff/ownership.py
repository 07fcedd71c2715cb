"""Taking over the fields that other tools' managers own, and handing them back.

A field that kubectl or Helm wrote stays theirs after our first apply, so deleting it in Git would
never delete it in the cluster. Merging their entries into our Apply entry, before that apply, makes
the whole object ours. It is one JSON patch of managedFields, guarded by the resourceVersion.

Source:
    client-go, util/csaupgrade.
"""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from trimtab.core import JsonObject, JsonValue
from trimtab.core.diff.fieldset import FieldSet, Segments, parse_fields
from trimtab.core.diff.owned import owned_object
from trimtab.core.manifest import LiveObject, ManagedFieldsEntry, canonical_json

KNOWN_CLIENT_MANAGERS: tuple[str, ...] = (
    "kubectl-client-side-apply",
    "kubectl",
    "kubectl-create",
    "kubectl-replace",
    "helm",
    "Helm",
    "argocd-controller",
    "argocd-application-controller",
    "before-first-apply",
)
"""Managers whose fields came from the same manifests that we now apply. ``kubectl-edit``,
``kubectl-patch`` and ``kubectl-scale`` are people's own changes, and not among them."""

LAST_APPLIED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
LAST_APPLIED: Segments = ("f:metadata", "f:annotations", f"f:{LAST_APPLIED_ANNOTATION}")
_Entry: TypeAlias = "dict[str, JsonValue | msgspec.Raw]"


def merge_managers_patch(
    live: LiveObject, *, into: str, known: Sequence[str] = KNOWN_CLIENT_MANAGERS
) -> bytes | None:
    """Return the JSON patch that merges other managers' entries into our Apply entry.

    Args:
        live: The object in the cluster.
        into: Our field manager.
        known: The managers to merge; ours is never among them.

    Returns:
        A patch that tests the resourceVersion (a stale one answers 422), or None when no known
        manager owns anything. Entries of subresources stay. The last-applied annotation is not
        taken over: it would vanish with the next apply, and going back would be harder.
    """
    names = set(known) - {into}
    entries = live.meta.managed_fields or ()
    theirs = [e for e in entries if e.manager in names and not e.subresource]
    if not theirs:
        return None
    ours = [e for e in entries if _is_apply_of(e, into)]
    fields = FieldSet({})
    for entry in (*ours, *theirs):
        fields |= parse_fields(entry.fields_v1)
    model = ours[0] if ours else _model(theirs, live)
    merged = _entry(model, manager=into, operation="Apply", fields=fields.without(LAST_APPLIED))
    replaced = {id(entry) for entry in (*ours, *theirs)}
    kept = [_as_it_is(entry) for entry in entries if id(entry) not in replaced]
    return _patch(live, [merged, *kept])


def release_ownership_patch(
    live: LiveObject,
    *,
    manager: str,
    to: str,
    operation: str = "Apply",
    last_applied: bool = False,
) -> bytes | None:
    """Return the JSON patch that hands our Apply entry to another manager.

    Args:
        live: The object in the cluster.
        manager: Our field manager.
        to: Who gets the fields: ``argocd-controller``, ``kubectl-client-side-apply``, ``helm``.
        operation: ``Apply`` for a manager that applies server-side, else ``Update``.
        last_applied: Write kubectl's annotation too, from which a client-side apply knows what to
            remove. The write must be made in the name of ``to``, which then owns it.

    Returns:
        None when we own nothing.
    """
    entries = live.meta.managed_fields or ()
    ours = [e for e in entries if _is_apply_of(e, manager)]
    if not ours or to == manager:
        return None
    theirs = [
        e for e in entries if e.manager == to and e.operation == operation and not e.subresource
    ]
    fields = FieldSet({})
    for entry in (*ours, *theirs):
        fields |= parse_fields(entry.fields_v1)
    released = _entry(ours[0], manager=to, operation=operation, fields=fields)
    replaced = {id(entry) for entry in (*ours, *theirs)}
    kept = [_as_it_is(entry) for entry in entries if id(entry) not in replaced]
    annotation = _last_applied(live, fields) if last_applied else ()
    return _patch(live, [released, *kept], annotation)


def _last_applied(live: LiveObject, fields: FieldSet) -> Sequence[JsonObject]:
    """Return the changes that write kubectl's annotation."""
    config = canonical_json(owned_object(live, fields.without(LAST_APPLIED))).decode()
    if live.meta.annotations is None:
        value = {LAST_APPLIED_ANNOTATION: config}
        return [{"op": "add", "path": "/metadata/annotations", "value": value}]
    escaped = LAST_APPLIED_ANNOTATION.replace("/", "~1")
    return [{"op": "add", "path": f"/metadata/annotations/{escaped}", "value": config}]


def _is_apply_of(entry: ManagedFieldsEntry, manager: str) -> bool:
    return entry.manager == manager and entry.operation == "Apply" and not entry.subresource


def _model(theirs: Sequence[ManagedFieldsEntry], live: LiveObject) -> ManagedFieldsEntry:
    """Prefer the entry written at the version we read, since its paths are the ones we apply."""
    version = f"{live.key.group}/{live.version}".lstrip("/")
    return next((entry for entry in theirs if entry.api_version == version), theirs[0])


def _entry(model: ManagedFieldsEntry, *, manager: str, operation: str, fields: FieldSet) -> _Entry:
    raw = msgspec.Raw(msgspec.json.encode(fields.root))
    return _as_it_is(
        msgspec.structs.replace(model, manager=manager, operation=operation, fields_v1=raw)
    )


def _as_it_is(entry: ManagedFieldsEntry) -> _Entry:
    wire: _Entry = {
        "manager": entry.manager,
        "operation": entry.operation,
        "apiVersion": entry.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": entry.fields_v1,
    }
    if entry.time:
        wire["time"] = entry.time
    if entry.subresource:
        wire["subresource"] = entry.subresource
    return wire


def _patch(live: LiveObject, entries: Sequence[_Entry], more: Sequence[JsonObject] = ()) -> bytes:
    return msgspec.json.encode(
        [
            {
                "op": "test",
                "path": "/metadata/resourceVersion",
                "value": live.meta.resource_version,
            },
            {"op": "replace", "path": "/metadata/managedFields", "value": entries},
            *more,
        ]
    )
