"""The status of an Application, as Argo CD's tools read it: a pure function of what was found."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from trimtab.controllers.application.model import Observation, Seen, SyncOutcome
from trimtab.core.conditions import Condition, ConditionType, merge_conditions
from trimtab.core.health import (
    Health,
    aggregate_health,
    is_health_ignored,
)
from trimtab.core.health import (
    HealthStatus as HealthWord,
)
from trimtab.core.manifest import (
    Permission,
    annotations_of,
    as_list,
    as_object,
    compare_options,
    field_at,
    resource_options,
    sync_wave,
)
from trimtab.core.plan import ObjectResult, ResultCode, revision_history_limit
from trimtab.crds.argoproj_v1alpha1.application import (
    Application,
    ApplicationCondition,
    ApplicationStatus,
    ApplicationSummary,
    ComparedTo,
    HealthStatus,
    OperationState,
    ResourceResult,
    ResourceStatus,
    RevisionHistory,
    SyncResult,
    SyncStatus,
)
from trimtab.runtime import format_time, parse_time

if TYPE_CHECKING:
    from trimtab.controllers.application.report import Report

_OURS = frozenset(str(kind) for kind in ConditionType)


def build_status(app: Application, report: "Report") -> ApplicationStatus:
    """Return the status that a report leads to, starting from the one that is there."""
    before, observation = app.status, report.observation
    resources = before.resources if observation is None else _resources(observation)
    if report.is_unreachable:
        resources = tuple(_unknown(resource) for resource in resources)
    operation_state, history = _operation(app, report)
    sync = _sync(app, report)
    health = _health(before.health, report)
    return ApplicationStatus(
        resources=resources,
        sync=sync,
        health=health,
        history=history,
        conditions=_conditions(before.conditions, report),
        reconciled_at=format_time(report.now),
        operation_state=operation_state,
        source_type=_source_types(before, observation)[0] if not app.spec.sources else "",
        source_types=_source_types(before, observation) if app.spec.sources else (),
        summary=before.summary if observation is None else _summary(observation),
        controller_namespace=app.metadata.namespace,
    )


def _source_types(before: ApplicationStatus, seen: Observation | None) -> tuple[str, ...]:
    if seen is None:
        return before.source_types or (before.source_type,)
    return seen.desired.source_types or ("",)


def _resources(observation: Observation) -> tuple[ResourceStatus, ...]:
    found = [_resource(seen) for seen in observation.seen]
    return tuple(sorted(found, key=lambda r: (r.group, r.kind, r.namespace, r.name)))


def _resource(seen: Seen) -> ResourceStatus:
    key = seen.key
    annotations = _annotations(seen)
    version = seen.manifest.version if seen.manifest else seen.live.version if seen.live else ""
    health = seen.health
    if seen.live is None:
        health = Health(HealthWord.MISSING)
    options = resource_options(annotations)
    confirms = Permission.CONFIRM in (options.prune, options.delete)
    return ResourceStatus(
        group=key.group,
        version=version,
        kind=key.kind,
        namespace=key.namespace,
        name=key.name,
        status="OutOfSync" if seen.differs else "Synced",
        health=_wire_health(health),
        requires_pruning=seen.manifest is None,
        requires_deletion_confirmation=confirms,
        sync_wave=sync_wave(annotations),
    )


def _annotations(seen: Seen) -> Mapping[str, str]:
    if seen.manifest is not None:
        return annotations_of(seen.manifest.body)
    return seen.live.annotations if seen.live else {}


def _wire_health(health: Health | None) -> HealthStatus | None:
    return None if health is None else HealthStatus(str(health.status), health.message)


def _unknown(resource: ResourceStatus) -> ResourceStatus:
    return msgspec.structs.replace(
        resource, status="Unknown", health=HealthStatus("Unknown") if resource.health else None
    )


def _sync(app: Application, report: "Report") -> SyncStatus:
    spec, observation = app.spec, report.observation
    compared = ComparedTo(
        destination=spec.destination,
        source=spec.source if not spec.sources else None,
        sources=spec.sources,
        ignore_differences=spec.ignore_differences,
    )
    if observation is None:
        before = app.status.sync
        return SyncStatus("Unknown", compared, before.revision, before.revisions)
    counted = [seen for seen in observation.seen if _counts(seen)]
    status = "OutOfSync" if any(seen.differs for seen in counted) else "Synced"
    target = observation.target
    if spec.sources:
        return SyncStatus(status, compared, "", target.revisions)
    return SyncStatus(status, compared, target.revision)


def _counts(seen: Seen) -> bool:
    """Whether an object says anything about the Application being in sync."""
    if seen.manifest is not None or seen.live is None:
        return True
    return not compare_options(seen.live.annotations).ignore_extraneous


def _health(before: HealthStatus, report: "Report") -> HealthStatus:
    if report.is_unreachable:
        status = HealthWord.UNKNOWN
    elif report.observation is None:
        return before if before.status else HealthStatus("Unknown", "", format_time(report.now))
    else:
        status = aggregate_health(
            Health(HealthWord.MISSING) if seen.live is None else seen.health
            for seen in report.observation.seen
            if seen.manifest is not None and not is_health_ignored(_annotations(seen))
        )
    since = before.last_transition_time if before.status == str(status) else ""
    return HealthStatus(str(status), "", since or format_time(report.now))


def _conditions(
    before: tuple[ApplicationCondition, ...], report: "Report"
) -> tuple[ApplicationCondition, ...]:
    previous = [
        Condition(str(c.type), str(c.message), since=parse_time(c.last_transition_time))
        for c in before
    ]
    current = list(report.conditions)
    if report.observation is not None:
        current += report.observation.conditions
    if report.outcome is not None:
        current += report.outcome.conditions
        current += _sync_error(report.outcome)
    merged = merge_conditions(previous, current, report.now, managed_types=_OURS)
    return tuple(
        ApplicationCondition(c.type, c.message, format_time(c.since or report.now)) for c in merged
    )


def _sync_error(outcome: SyncOutcome) -> list[Condition]:
    if outcome.phase not in ("Failed", "Error") and outcome.retry_at is None:
        return []
    return [Condition(ConditionType.SYNC_ERROR, outcome.message)]


def _operation(
    app: Application, report: "Report"
) -> tuple[OperationState | None, tuple[RevisionHistory, ...]]:
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
        sync_result=_sync_result(app, outcome),
        finished_at=""
        if is_running or outcome.finished_at is None
        else format_time(outcome.finished_at),
        retry_count=intent.retry_count + (1 if is_retried else 0),
    )
    return state, _history(app, outcome)


def _sync_result(app: Application, outcome: SyncOutcome) -> SyncResult:
    target, policy = outcome.target, app.spec.sync_policy
    single = len(target.wire) == 1
    return SyncResult(
        resources=tuple(_result(result) for result in outcome.results),
        revision=target.revision if single else "",
        revisions=() if single else target.revisions,
        source=target.wire[0] if single else None,
        sources=() if single else target.wire,
        managed_namespace_metadata=policy.managed_namespace_metadata if policy else None,
    )


def _result(result: ObjectResult) -> ResourceResult:
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


def _summary(observation: Observation) -> ApplicationSummary:
    images: set[str] = set()
    for seen in observation.seen:
        if seen.manifest is not None:
            images |= set(_images(seen.manifest.body.get("spec")))
    is_parent = any(
        seen.key.group == "argoproj.io" and seen.key.kind == "Application"
        for seen in observation.seen
    )
    return ApplicationSummary(images=tuple(sorted(images)), is_app_of_apps=is_parent)


def _images(spec: object) -> Iterable[str]:
    """Yield the images of a pod spec, or of the pod template in a workload's spec."""
    body = as_object(spec)  # pyright: ignore[reportArgumentType] -- any JSON
    pod = as_object(field_at(body, "template", "spec")) or body
    nested = as_object(field_at(body, "jobTemplate", "spec", "template", "spec"))
    for holder in (pod, nested):
        for name in ("initContainers", "containers"):
            for container in as_list(holder.get(name)):
                image = as_object(container).get("image")
                if isinstance(image, str):
                    yield image
