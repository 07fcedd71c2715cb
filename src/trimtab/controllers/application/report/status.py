"""The status of an Application, as Argo CD's tools read it: a pure function of what was found."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from trimtab.controllers.application.model import Observation, Seen, SyncOutcome
from trimtab.controllers.application.report.operation_status import operation_of
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
    compare_options,
    external_urls,
    images_of,
    resource_options,
    sync_wave,
)
from trimtab.crds.argoproj_v1alpha1.application import (
    Application,
    ApplicationCondition,
    ApplicationStatus,
    ApplicationSummary,
    ComparedTo,
    HealthStatus,
    ResourceStatus,
    SyncStatus,
)
from trimtab.runtime import format_time, parse_time

if TYPE_CHECKING:
    from trimtab.controllers.application.report.write_report import Report

_OURS = frozenset(str(kind) for kind in ConditionType)


def build_status(app: Application, report: "Report") -> ApplicationStatus:
    """Return the status that a report leads to, starting from the one that is there."""
    before, observation = app.status, report.observation
    resources = before.resources if observation is None else _resources(observation)
    if report.is_unreachable:
        resources = tuple(_unknown(resource) for resource in resources)
    operation_state, history = operation_of(app, report)
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
    found += [_hook(seen) for seen in observation.hooks]
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


def _hook(seen: Seen) -> ResourceStatus:
    """Return a live hook's entry: it is part of the delivery, and neither in sync nor out of it."""
    entry = _resource(seen)
    return msgspec.structs.replace(entry, status="", hook=True, requires_pruning=False)


def _annotations(seen: Seen) -> Mapping[str, str]:
    if seen.manifest is not None:
        return annotations_of(seen.manifest.body)
    return seen.live.annotations if seen.live else {}


def _wire_health(health: Health | None) -> HealthStatus | None:
    return None if health is None else HealthStatus(str(health.status), health.message)


def _unknown(resource: ResourceStatus) -> ResourceStatus:
    return msgspec.structs.replace(
        resource,
        status="Unknown" if resource.status else "",
        health=HealthStatus("Unknown") if resource.health else None,
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


def _summary(observation: Observation) -> ApplicationSummary:
    images: set[str] = set()
    for seen in observation.seen:
        if seen.manifest is not None:
            images |= set(images_of(seen.manifest.body))
    is_parent = any(
        seen.key.group == "argoproj.io" and seen.key.kind == "Application"
        for seen in observation.seen
    )
    urls = {
        url
        for seen in observation.seen
        if seen.live is not None
        for url in external_urls(seen.live)
    }
    return ApplicationSummary(
        external_urls=tuple(sorted(urls)),
        images=tuple(sorted(images)),
        is_app_of_apps=is_parent,
    )
