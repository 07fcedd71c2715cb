"""Operations that a user asks of an Application: a sync, a rollback, the end of a running one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest import LiveObject
from trimtab.services.requests import Patch, Refusal, RequestRefused, annotate, at_version

CONFIRM_ANNOTATION: Final = "trimtab.dev/confirm-plan"


@dataclass(frozen=True, slots=True)
class Selected:
    """One resource of a selective sync."""

    group: str
    kind: str
    name: str
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """A sync that somebody asks for.

    Args:
        username: Who asks.
        revision: Another than the target revision; empty for that one.
        prune: Delete what is no longer in Git.
        dry_run: Only look at what would happen.
        resources: Only these; empty means all.
        force: Delete and create what cannot be changed in place.
        strategy: ``hook`` (Argo CD's default) or ``apply``, which runs no hooks.
        confirm: Digest of a plan that stopped at the deletion budget; it prunes if that did.
        options: Sync options beside those of spec.syncPolicy.
    """

    username: str
    revision: str = ""
    prune: bool = False
    dry_run: bool = False
    resources: tuple[Selected, ...] = ()
    force: bool = False
    strategy: str = "hook"
    confirm: str = ""
    options: tuple[str, ...] = ()


def sync_patch(app: LiveObject, request: SyncRequest) -> Patch:
    """Return the patch that asks for a sync.

    Raises:
        RequestRefused: Another operation is in progress, or automation would undo the revision.

    Source:
        Argo CD's server, Application Sync.
    """
    body = app.body()
    _refuse_while_busy(app, body)
    target = _at(body, "spec", "source", "targetRevision")
    is_other = request.revision and request.revision != target
    if is_other and is_automated(body) and not request.dry_run:
        raise RequestRefused(
            Refusal.REVISION_NOT_TARGET,
            f"application {app.key.name}: automated sync follows {target or 'HEAD'}, so a sync to"
            f" {request.revision} would be undone; change targetRevision or disable automation",
        )
    sync = _sync_operation(body, request)
    operation = _operation(body, sync, request.username)
    patch = [at_version(app), {"op": "add", "path": "/operation", "value": operation}]
    if request.confirm:
        patch += annotate(app, CONFIRM_ANNOTATION, request.confirm)
    return patch


def rollback_patch(
    app: LiveObject,
    *,
    username: str,
    history_id: int | None = None,
    prune: bool = False,
    dry_run: bool = False,
) -> Patch:
    """Return the patch that asks for a sync to an entry of the history.

    Args:
        app: The Application.
        username: Who asks.
        history_id: ``id`` of the entry; None means the one before the newest.
        prune: Delete what that entry did not have.
        dry_run: Only look.

    Raises:
        RequestRefused: Automated sync is on, an operation is in progress, or there is no entry.
    """
    body = app.body()
    if is_automated(body):
        raise RequestRefused(
            Refusal.AUTOMATED,
            f"application {app.key.name}: expected automated sync to be off, found it on; it would"
            " undo the rollback: disable it (syncPolicy.automated) or revert the commit in Git",
        )
    _refuse_while_busy(app, body)
    entry = history_entry(body, history_id, app.key.name)
    sync: dict[str, JsonValue] = {
        key: entry[key] for key in ("revision", "revisions", "source", "sources") if entry.get(key)
    }
    sync |= {"syncStrategy": {"apply": {}}}
    sync |= _flags(prune=prune, dryRun=dry_run)
    if options := _at(body, "spec", "syncPolicy", "syncOptions"):
        sync["syncOptions"] = options
    operation: JsonObject = {"initiatedBy": {"username": username}, "sync": sync}
    return [at_version(app), {"op": "add", "path": "/operation", "value": operation}]


def history_entry(body: JsonObject, history_id: int | None, name: str) -> JsonObject:
    """Return an entry of status.history.

    Raises:
        RequestRefused: There is none with this id, or no entry before the newest.
    """
    history = _at(body, "status", "history")
    entries = [item for item in _items(history) if isinstance(item, Mapping)]
    known = ", ".join(str(entry.get("id", 0)) for entry in entries) or "none"
    if history_id is None:
        if len(entries) > 1:
            return entries[-2]
        wanted = "two deployments in the history"
    else:
        for entry in entries:
            if entry.get("id", 0) == history_id:
                return entry
        wanted = f"deployment {history_id} in the history"
    raise RequestRefused(
        Refusal.HISTORY_UNKNOWN, f"application {name}: expected {wanted}, found ids: {known}"
    )


def terminate_patch(app: LiveObject) -> Patch:
    """Return the patch that asks for the running operation to end.

    Raises:
        RequestRefused: No operation is in progress.
    """
    body = app.body()
    operation = body.get("operation")
    if _at(body, "status", "operationState", "phase") == "Running":
        change: JsonObject = {
            "op": "replace",
            "path": "/status/operationState/phase",
            "value": "Terminating",
        }
    elif operation:
        # Asked for and not begun: taking the request back is all there is to end.
        change = {"op": "remove", "path": "/operation"}
    else:
        raise RequestRefused(
            Refusal.NO_OPERATION,
            f"application {app.key.name}: expected an operation in progress, found none",
        )
    return [at_version(app), change]


def is_automated(body: JsonObject) -> bool:
    """Return whether automated sync is on."""
    automated = _at(body, "spec", "syncPolicy", "automated")
    return isinstance(automated, Mapping) and automated.get("enabled") is not False


def _sync_operation(body: JsonObject, request: SyncRequest) -> JsonObject:
    sync: dict[str, JsonValue] = {}
    if request.revision:
        sync["revision"] = request.revision
    sync |= _flags(prune=request.prune or _would_prune(body, request), dryRun=request.dry_run)
    if request.resources:
        sync["resources"] = [_selected(item) for item in request.resources]
    options = [*_items(_at(body, "spec", "syncPolicy", "syncOptions")), *request.options]
    if options:
        sync["syncOptions"] = list(dict.fromkeys(str(option) for option in options))
    sync["syncStrategy"] = {request.strategy: {"force": True} if request.force else {}}
    return sync


def _would_prune(body: JsonObject, request: SyncRequest) -> bool:
    """Whether the plan that is confirmed prunes: another plan would stop again."""
    stopped = _at(body, "status", "operationState", "operation", "sync", "prune")
    return bool(request.confirm) and stopped is True


def _operation(body: JsonObject, sync: JsonObject, username: str) -> JsonObject:
    operation: dict[str, JsonValue] = {"initiatedBy": {"username": username}, "sync": sync}
    if retry := _at(body, "spec", "syncPolicy", "retry"):
        operation["retry"] = retry
    return operation


def _refuse_while_busy(app: LiveObject, body: JsonObject) -> None:
    if body.get("operation"):
        raise RequestRefused(
            Refusal.OPERATION_IN_PROGRESS,
            f"application {app.key.name}: another operation is in progress; wait for it with"
            f" `trimtab app wait {app.key.name} --operation` or end it with"
            f" `trimtab app terminate {app.key.name}`",
        )


def _selected(item: Selected) -> JsonObject:
    shown = {
        "group": item.group,
        "kind": item.kind,
        "name": item.name,
        "namespace": item.namespace,
    }
    return {key: value for key, value in shown.items() if value}


def _flags(**flags: bool) -> dict[str, JsonValue]:
    return {name: True for name, value in flags.items() if value}


def _items(value: JsonValue) -> Sequence[JsonValue]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _at(value: JsonValue, *path: str) -> JsonValue:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
