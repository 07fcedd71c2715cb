"""The operation and the history in an Application's status: a pure function of what was done."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trimtab.controllers.application.model import Observation, SyncOutcome
from trimtab.core.manifest import ObjectKey, images_of
from trimtab.core.plan import ObjectResult, ResultCode, revision_history_limit
from trimtab.crds.argoproj_v1alpha1.application import (
    Application,
    OperationState,
    ResourceResult,
    RevisionHistory,
    SyncResult,
)
from trimtab.runtime import format_time

if TYPE_CHECKING:
    from trimtab.controllers.application.report.write_report import Report


def operation_of(
    app: Application, report: "Report"
) -> tuple[OperationState | None, tuple[RevisionHistory, ...]]:
    """Return operationState and history that a report leads to, from those that are there."""
    before, outcome = app.status, report.outcome
    if outcome is None:
        return before.operation_state, before.history
    is_retried = outcome.retry_at is not None
    is_running = outcome.finished_at is None or is_retried
    intent = outcome.intent
    state = OperationState(
        operation=intent.operation,
        phase="Running" if is_retried else outcome.phase,
        started_at=format_time(intent.started_at),
        message=outcome.message,
        sync_result=_sync_result(app, outcome, _images_by_key(report.observation)),
        finished_at=""
        if is_running or outcome.finished_at is None
        else format_time(outcome.finished_at),
        retry_count=intent.retry_count + (1 if is_retried else 0),
    )
    return state, _history(app, outcome)


def _images_by_key(observation: Observation | None) -> Mapping[ObjectKey, tuple[str, ...]]:
    if observation is None:
        return {}
    desired = observation.desired
    return {
        manifest.key: images_of(manifest.body) for manifest in (*desired.objects, *desired.hooks)
    }


def _sync_result(
    app: Application, outcome: SyncOutcome, images: Mapping[ObjectKey, tuple[str, ...]]
) -> SyncResult:
    target, policy = outcome.target, app.spec.sync_policy
    single = len(target.wire) == 1
    return SyncResult(
        resources=tuple(_result(result, images) for result in outcome.results),
        revision=target.revision if single else "",
        revisions=() if single else target.revisions,
        source=target.wire[0] if single else None,
        sources=() if single else target.wire,
        managed_namespace_metadata=policy.managed_namespace_metadata if policy else None,
    )


def _result(result: ObjectResult, images: Mapping[ObjectKey, tuple[str, ...]]) -> ResourceResult:
    key = result.key
    return ResourceResult(
        group=key.group,
        version=result.version,
        kind=key.kind,
        namespace=key.namespace,
        name=key.name,
        status=str(result.status),
        message=result.message,
        hook_type=str(result.phase) if result.is_hook else "",
        hook_phase=str(result.state) if result.is_hook else _phase_of(result),
        sync_phase=str(result.phase),
        images=images.get(key, ()),
    )


def _phase_of(result: ObjectResult) -> str:
    return "Failed" if result.status is ResultCode.SYNC_FAILED else str(result.state)


def _history(app: Application, outcome: SyncOutcome) -> tuple[RevisionHistory, ...]:
    """Return the history with this sync added, if it was whole and succeeded."""
    before, intent, target = app.status.history, outcome.intent, outcome.target
    partial = intent.only is not None or intent.options.dry_run
    if outcome.phase != "Succeeded" or partial or outcome.finished_at is None:
        return before
    limit = revision_history_limit(app.spec.revision_history_limit)
    if limit == 0:
        return ()
    single = len(target.wire) == 1
    last = before[-1].id if before else -1
    entry = RevisionHistory(
        id=(last if isinstance(last, int) else -1) + 1,
        deployed_at=format_time(outcome.finished_at),
        deploy_started_at=format_time(intent.started_at),
        revision=target.revision if single else "",
        revisions=() if single else target.revisions,
        source=target.wire[0] if single else None,
        sources=() if single else target.wire,
        initiated_by=intent.operation.initiated_by,
    )
    return (*before, entry)[-limit:]
