"""Why an Application is not synced or not healthy: the chain from source to health, step by step.

The answer is made of what the Application and its project state, so it can be given without a
controller, and it names the first step that does not hold. Later steps are told as they were last.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from trimtab.core import JsonObject
from trimtab.core.conditions.condition import ConditionType
from trimtab.core.manifest import as_list, as_object, field_at, text_at, whole_at
from trimtab.core.policy import (
    Destination,
    WindowTarget,
    can_sync,
    check_application,
    parse_destination,
    parse_project,
)
from trimtab.services.catalogue import DEFAULT_PROJECT
from trimtab.services.explanation import Explanation, Step, StepName, StepState

_SHOWN_OBJECTS = 5
_REASON: Final = re.compile(r"^([A-Z][A-Za-z]+): ")
_SOURCE_REASONS: Final = frozenset(
    {
        "PathUnknown",
        "RepositoryDenied",
        "RepositoryUnreachable",
        "RevisionUnknown",
        "SourceTooLarge",
    }
)
_SPEC_CONDITIONS: Final = (ConditionType.INVALID_SPEC_ERROR,)
_WARNINGS: Final = (
    ConditionType.MANIFEST_WARNING,
    ConditionType.REPEATED_RESOURCE_WARNING,
    ConditionType.SHARED_RESOURCE_WARNING,
    ConditionType.UNSTABLE_RENDER,
    ConditionType.UNSUPPORTED_FIELD,
)


def explain_application(app: JsonObject, project: JsonObject | None, now: datetime) -> Explanation:
    """Return why an Application is as it is.

    Args:
        app: The Application with its status.
        project: Its AppProject, or None when that does not exist; ``default`` always does.
        now: For sync windows.
    """
    name = text_at(app, "metadata", "name")
    conditions = _conditions(app)
    if project is None and text_at(app, "spec", "project") in ("", "default"):
        project = DEFAULT_PROJECT
    return Explanation(
        name=name,
        sync=text_at(app, "status", "sync", "status") or "Unknown",
        health=text_at(app, "status", "health", "status") or "Unknown",
        steps=(
            _source(app, project, conditions),
            _render(app, conditions),
            _diff(app, conditions),
            _apply(app, project, conditions, now),
            _health(app),
        ),
        warnings=tuple(
            f"{kind}: {message}" for kind, message in conditions if kind in set(_WARNINGS)
        ),
    )


Conditions = Sequence[tuple[str, str]]


def _conditions(app: JsonObject) -> Conditions:
    found = map(as_object, as_list(field_at(app, "status", "conditions")))
    return [(text_at(item, "type"), text_at(item, "message")) for item in found]


def _of(conditions: Conditions, kinds: Iterable[str]) -> tuple[str, ...]:
    wanted = set(kinds)
    return tuple(message for kind, message in conditions if kind in wanted)


def _is_about_source(message: str) -> bool:
    reason = _REASON.match(message)
    return bool(reason) and reason[1] in _SOURCE_REASONS


def _source(app: JsonObject, project: JsonObject | None, conditions: Conditions) -> Step:
    name, wanted = StepName.SOURCE, text_at(app, "spec", "project")
    if project is None:
        return Step(
            name,
            StepState.FAILED,
            (f"expected AppProject {wanted or '(none named)'}, found none",),
            "create the project, or name another in spec.project",
        )
    violations = check_application(parse_project(project), _urls(app), _destination(app))
    if refused := (*_of(conditions, _SPEC_CONDITIONS), *(v.message for v in violations)):
        following = f"change spec, or what project {wanted} permits"
        return Step(name, StepState.FAILED, tuple(dict.fromkeys(refused)), following)
    errors = _of(conditions, [ConditionType.COMPARISON_ERROR])
    revision = _revision(app)
    if failed := tuple(e for e in errors if _is_about_source(e) or not revision):
        following = "look at repoURL, targetRevision, path and the repository's credentials"
        return Step(name, StepState.FAILED, failed, following)
    if not revision:
        return Step(
            name,
            StepState.UNKNOWN,
            ("not resolved yet",),
            f"is `trimtab serve` running? ask again with"
            f" `trimtab app refresh {text_at(app, 'metadata', 'name')}`",
        )
    return Step(name, StepState.OK, (f"{', '.join(_urls(app))} at {revision}",))


def _render(app: JsonObject, conditions: Conditions) -> Step:
    errors = _of(conditions, [ConditionType.COMPARISON_ERROR])
    failed = tuple(error for error in errors if not _is_about_source(error))
    if failed and _revision(app):
        following = "correct the commit; see it locally with `trimtab render`"
        return Step(StepName.RENDER, StepState.FAILED, failed, following)
    if errors or not _revision(app):
        return Step(StepName.RENDER, StepState.UNKNOWN)
    kind = text_at(app, "status", "sourceType")
    wanted = [item for item in _resources(app) if not item.get("requiresPruning")]
    counted = "1 object" if len(wanted) == 1 else f"{len(wanted)} objects"
    return Step(StepName.RENDER, StepState.OK, (f"{counted}, {kind}".rstrip(", "),))


def _diff(app: JsonObject, conditions: Conditions) -> Step:
    name = StepName.DIFF
    if unreachable := _of(conditions, [ConditionType.CLUSTER_UNREACHABLE]):
        following = "look at the cluster and its Secret: `trimtab cluster list`"
        return Step(name, StepState.FAILED, unreachable, following)
    match text_at(app, "status", "sync", "status"):
        case "Synced":
            return Step(name, StepState.OK, ("live equals desired",))
        case "OutOfSync":
            return Step(name, StepState.OK, _differences(app))
        case _:
            return Step(name, StepState.UNKNOWN, ("not compared",))


def _differences(app: JsonObject) -> tuple[str, ...]:
    differing = [item for item in _resources(app) if text_at(item, "status") == "OutOfSync"]
    said = [
        f"{_shown(item)}{' is to be pruned' if item.get('requiresPruning') else ' differs'}"
        for item in differing
    ]
    return (f"{len(differing)} of {len(_resources(app))} objects differ", *_limited(said))


def _apply(
    app: JsonObject, project: JsonObject | None, conditions: Conditions, now: datetime
) -> Step:
    application = text_at(app, "metadata", "name")
    if since := text_at(app, "metadata", "deletionTimestamp"):
        return _being_deleted(conditions, since)
    if budget := _of(conditions, [ConditionType.DELETION_BUDGET_EXCEEDED]):
        following = f"if it is meant: `trimtab app sync {application} --confirm DIGEST`"
        return Step(StepName.APPLY, StepState.FAILED, budget, following)
    if contended := _of(conditions, [ConditionType.DRIFT_CONTENDED]):
        following = "stop the other manager, or list its fields under ignoreDifferences"
        return Step(StepName.APPLY, StepState.FAILED, contended, following)
    phase = text_at(app, "status", "operationState", "phase")
    message = text_at(app, "status", "operationState", "message")
    if app.get("operation") or phase in {"Running", "Terminating"}:
        said = (message or "asked for, not begun",)
        following = f"wait: `trimtab app wait {application}`"
        return Step(StepName.APPLY, StepState.WAITING, said, following)
    errors = _of(conditions, [ConditionType.SYNC_ERROR])
    is_synced = text_at(app, "status", "sync", "status") == "Synced"
    if errors or (phase in {"Failed", "Error"} and not is_synced):
        said = tuple(dict.fromkeys(filter(None, (*errors, message, *_failed_results(app)))))
        following = "correct the commit or the cluster, then `trimtab app sync " + application + "`"
        return Step(StepName.APPLY, StepState.FAILED, said, following)
    if text_at(app, "status", "sync", "status") == "OutOfSync":
        return _not_applied(app, project, now)
    if phase in {"Failed", "Error"}:
        message = f"nothing to apply; the last operation ended with {phase}: {message}"
    return Step(StepName.APPLY, StepState.OK, (message or "nothing to apply",))


def _being_deleted(conditions: Conditions, since: str) -> Step:
    if errors := _of(conditions, [ConditionType.DELETION_ERROR]):
        following = "remove what is in the way; the deletion is tried again by itself"
        return Step(StepName.APPLY, StepState.FAILED, errors, following)
    said = (f"it is being deleted since {since}, with what its finalizers say",)
    return Step(StepName.APPLY, StepState.WAITING, said, "wait for the deletion")


def _not_applied(app: JsonObject, project: JsonObject | None, now: datetime) -> Step:
    application = text_at(app, "metadata", "name")
    automated = field_at(app, "spec", "syncPolicy", "automated")
    following = f"`trimtab app sync {application}`"
    if automated is None or as_object(automated).get("enabled") is False:
        said = "automated sync is off"
    elif closed := _closed_window(app, project, now):
        said, following = closed, "wait for the window"
    elif _only_prunes(app) and not as_object(automated).get("prune"):
        said, following = "pruning is off", f"`trimtab app sync {application} --prune`"
    elif _revision(app) == _last_synced(app) and not as_object(automated).get("selfHeal"):
        said = "this revision was synced before and selfHeal is off"
    else:
        said, following = "a sync is due", f"wait: `trimtab app wait {application} --sync`"
    return Step(StepName.APPLY, StepState.WAITING, (said,), following)


def _health(app: JsonObject) -> Step:
    status = text_at(app, "status", "health", "status") or "Unknown"
    ailing = [
        f"{_shown(item)} is {text_at(item, 'health', 'status')}"
        + (f": {text_at(item, 'health', 'message')}" if text_at(item, "health", "message") else "")
        for item in _resources(app)
        if text_at(item, "health", "status") not in {"", "Healthy"}
    ]
    said = tuple(filter(None, (status, text_at(app, "status", "health", "message"))))
    following = f"`trimtab app events {text_at(app, 'metadata', 'name')}`, or look at the objects"
    match status:
        case "Healthy":
            return Step(StepName.HEALTH, StepState.OK, (status,))
        case "Progressing":
            return Step(StepName.HEALTH, StepState.WAITING, (*said, *_limited(ailing)), "wait")
        case "Unknown":
            return Step(StepName.HEALTH, StepState.UNKNOWN, (*said, *_limited(ailing)))
        case _:
            messages = (*said, *_limited(ailing))
            return Step(StepName.HEALTH, StepState.FAILED, messages, following)


def _closed_window(app: JsonObject, project: JsonObject | None, now: datetime) -> str:
    if project is None:
        return ""
    destination = _destination(app)
    target = WindowTarget(
        text_at(app, "metadata", "name"),
        destination.namespace,
        destination.name,
        destination.server,
    )
    windows = parse_project(project).sync_windows
    return can_sync(windows, app=target, now=now, manual=False).reason


def _failed_results(app: JsonObject) -> tuple[str, ...]:
    results = field_at(app, "status", "operationState", "syncResult", "resources")
    failed = [
        f"{_shown(item)}: {text_at(item, 'message')}"
        for item in map(as_object, as_list(results))
        if text_at(item, "status") == "SyncFailed" or text_at(item, "hookPhase") == "Failed"
    ]
    return _limited(failed)


def _only_prunes(app: JsonObject) -> bool:
    differing = [item for item in _resources(app) if text_at(item, "status") == "OutOfSync"]
    return bool(differing) and all(item.get("requiresPruning") for item in differing)


def _last_synced(app: JsonObject) -> str:
    return text_at(app, "status", "operationState", "syncResult", "revision")


def _revision(app: JsonObject) -> str:
    many = as_list(field_at(app, "status", "sync", "revisions"))
    return text_at(app, "status", "sync", "revision") or ", ".join(str(item) for item in many)


def _urls(app: JsonObject) -> list[str]:
    sources = as_list(field_at(app, "spec", "sources")) or (field_at(app, "spec", "source"),)
    return list(dict.fromkeys(text_at(as_object(source), "repoURL") for source in sources))


def _destination(app: JsonObject) -> Destination:
    return parse_destination(as_object(field_at(app, "spec", "destination")))


def _resources(app: JsonObject) -> list[JsonObject]:
    return [as_object(item) for item in as_list(field_at(app, "status", "resources"))]


def _shown(item: JsonObject) -> str:
    where = "/".join(filter(None, (text_at(item, "namespace"), text_at(item, "name"))))
    wave = whole_at(item, "syncWave")
    return f"{text_at(item, 'kind')} {where}" + (f" (wave {wave})" if wave else "")


def _limited(messages: Sequence[str]) -> tuple[str, ...]:
    more = len(messages) - _SHOWN_OBJECTS
    return (*messages[:_SHOWN_OBJECTS], f"and {more} more") if more > 0 else tuple(messages)
