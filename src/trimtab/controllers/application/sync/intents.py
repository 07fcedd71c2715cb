"""What is to be synced, and how: from an operation that a person or automation asked for.

Source:
    Argo CD, setOperationState and its retries.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from trimtab.controllers.application.model import Intent
from trimtab.controllers.application.sync.approval import is_approved
from trimtab.controllers.application.sync.progress import progress_of
from trimtab.core.manifest import ObjectKey
from trimtab.core.plan import (
    SyncOptions,
    SyncProgress,
    parse_retry_duration,
    parse_sync_options,
    retry_delay,
)
from trimtab.crds.argoproj_v1alpha1.application import (
    Application,
    Operation,
    OperationState,
    SyncOperation,
    SyncPolicy,
    SyncResource,
)
from trimtab.runtime import parse_time


def is_automated(app: Application) -> bool:
    """Return whether syncs of an Application happen by themselves."""
    policy = app.spec.sync_policy
    automated = policy.automated if policy else None
    return automated is not None and automated.enabled is not False


def policy_of(app: Application) -> SyncPolicy:
    """Return an Application's sync policy; an empty one where it states none."""
    return app.spec.sync_policy or SyncPolicy()


def running_operation(app: Application) -> OperationState | None:
    """Return the operation that was begun and has not ended, or None."""
    state = app.status.operation_state
    if state is None or state.finished_at or state.phase not in ("Running", "Terminating"):
        return None
    return state


def requested_intent(app: Application, now: datetime) -> Intent | None:
    """Return the sync that a person asks for, or that runs already; None for neither."""
    state = running_operation(app)
    if state is not None:
        return _resumed(app, state, now)
    operation = app.operation
    if operation is None or operation.sync is None:
        return None
    sync = operation.sync
    is_rollback = sync.source is not None or bool(sync.sources)
    return Intent(
        operation=operation,
        kind="rollback" if is_rollback else "sync",
        started_at=now,
        options=merge_options(app, sync),
        progress=SyncProgress(started_at=now),
        only=_selected(sync.resources),
        is_user=not operation.initiated_by.automated,
    )


def _resumed(app: Application, state: OperationState, now: datetime) -> Intent:
    operation = state.operation if isinstance(state.operation, Operation) else Operation()
    sync = operation.sync or SyncOperation()
    started = parse_time(str(state.started_at or "")) or now
    kept = progress_of(app)
    progress = kept.sync or SyncProgress(started_at=started)
    if state.phase == "Terminating":
        progress = replace(progress, is_terminating=True)
    approved = is_approved(app.metadata.annotations, since=started)
    return Intent(
        operation=operation,
        kind="self-heal" if sync.auto_heal_attempts_count else "sync",
        started_at=started,
        options=replace(merge_options(app, sync), prune_confirmed=approved),
        progress=progress,
        retry_count=state.retry_count,
        only=_selected(sync.resources),
        is_user=not operation.initiated_by.automated,
        is_new=False,
        superseded=kept.superseded,
    )


def merge_options(app: Application, sync: SyncOperation) -> SyncOptions:
    """Return the options of a sync: the operation's own, else the policy's."""
    entries = sync.sync_options or policy_of(app).sync_options
    options, _ = parse_sync_options(entries)
    strategy = sync.sync_strategy
    forced = strategy is not None and bool(
        (strategy.apply and strategy.apply.force) or (strategy.hook and strategy.hook.force)
    )
    return replace(
        options,
        prune=sync.prune,
        dry_run=sync.dry_run,
        force=options.force or forced,
    )


def _selected(resources: tuple[SyncResource, ...]) -> frozenset[ObjectKey] | None:
    if not resources:
        return None
    return frozenset(ObjectKey(r.group, r.kind, r.namespace, r.name) for r in resources)


def is_selected(only: frozenset[ObjectKey] | None, key: ObjectKey) -> bool:
    """Return whether a selective sync includes an object; a missing namespace matches any."""
    if only is None:
        return True
    return key in only or key.with_namespace("") in only


def next_attempt(intent: Intent, now: datetime) -> datetime | None:
    """Return when a failed sync is tried again, or None when it is not."""
    retry = intent.operation.retry
    if retry is None or intent.progress.is_terminating:
        return None
    if retry.limit >= 0 and intent.retry_count >= retry.limit:
        return None
    backoff = retry.backoff
    delay = retry_delay(
        intent.retry_count,
        duration=_duration(backoff.duration if backoff else "", timedelta(seconds=5)),
        factor=backoff.factor if backoff else None,
        maximum=longest_retry_wait(intent.operation),
    )
    return now + delay


def longest_retry_wait(operation: Operation | None) -> timedelta:
    """Return the longest time between two attempts of an operation."""
    retry = operation.retry if operation else None
    backoff = retry.backoff if retry else None
    return _duration(backoff.max_duration if backoff else "", timedelta(minutes=3))


def _duration(text: str, default: timedelta) -> timedelta:
    try:
        return parse_retry_duration(text) if text else default
    except ValueError:
        return default
