"""Health of what runs pods: Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, Pod.

Source:
    gitops-engine's built-in checks, which follow ``kubectl rollout status``.
"""

from collections.abc import Iterable

from trimtab.core import JsonObject
from trimtab.core.health.health import HEALTHY, Health, HealthStatus
from trimtab.core.manifest import annotations_of, as_list, as_object, field_at, is_hook
from trimtab.core.manifest import text_at as text
from trimtab.core.manifest import whole_at as whole

IGNORE_RESTART_POLICY = "argocd.argoproj.io/ignore-restart-policy"


def condition_of(body: JsonObject, kind: str) -> JsonObject | None:
    """Return a status condition by type, or None."""
    conditions = (as_object(item) for item in as_list(field_at(body, "status", "conditions")))
    return next((condition for condition in conditions if condition.get("type") == kind), None)


def _progressing(message: str) -> Health:
    return Health(HealthStatus.PROGRESSING, message)


def _is_unobserved(body: JsonObject) -> bool:
    return whole(body, "metadata", "generation") > whole(body, "status", "observedGeneration")


def assess_deployment(body: JsonObject) -> Health:
    """Return a Deployment's health."""
    if field_at(body, "spec", "paused") is True:
        return Health(HealthStatus.SUSPENDED, "Deployment is paused")
    waiting = "Waiting for rollout to finish: "
    if _is_unobserved(body):
        reason = "observed deployment generation less than desired generation"
        return _progressing(waiting + reason)
    progress = condition_of(body, "Progressing")
    if progress is not None and progress.get("reason") == "ProgressDeadlineExceeded":
        name = text(body, "metadata", "name")
        message = f'Deployment "{name}" exceeded its progress deadline'
        return Health(HealthStatus.DEGRADED, message)
    wanted = field_at(body, "spec", "replicas")
    updated = whole(body, "status", "updatedReplicas")
    total = whole(body, "status", "replicas")
    available = whole(body, "status", "availableReplicas")
    if isinstance(wanted, int) and updated < wanted:
        message = f"{updated} out of {wanted} new replicas have been updated..."
        return _progressing(waiting + message)
    if total > updated:
        message = f"{total - updated} old replicas are pending termination..."
        return _progressing(waiting + message)
    if available < updated:
        message = f"{available} of {updated} updated replicas are available..."
        return _progressing(waiting + message)
    return HEALTHY


def assess_stateful_set(body: JsonObject) -> Health:
    """Return a StatefulSet's health."""
    if whole(body, "status", "observedGeneration") == 0 or _is_unobserved(body):
        return _progressing("Waiting for statefulset spec update to be observed...")
    wanted = field_at(body, "spec", "replicas")
    ready = whole(body, "status", "readyReplicas")
    updated = whole(body, "status", "updatedReplicas")
    if isinstance(wanted, int) and ready < wanted:
        return _progressing(f"Waiting for {wanted - ready} pods to be ready...")
    strategy = text(body, "spec", "updateStrategy", "type")
    rolling = field_at(body, "spec", "updateStrategy", "rollingUpdate")
    if strategy == "RollingUpdate" and rolling is not None:
        return _assess_partition(wanted, as_object(rolling).get("partition"), updated)
    if strategy == "OnDelete":
        message = f"statefulset has {ready} ready pods ({updated} updated)"
        return Health(HealthStatus.HEALTHY, message)
    revision = text(body, "status", "updateRevision")
    current = text(body, "status", "currentRevision")
    if revision != current:
        rolled = f"complete {updated} pods at revision {revision}..."
        return _progressing(f"waiting for statefulset rolling update to {rolled}")
    count = whole(body, "status", "currentReplicas")
    message = f"statefulset rolling update complete {count} pods at revision {current}..."
    return Health(HealthStatus.HEALTHY, message)


def _assess_partition(wanted: object, partition: object, updated: int) -> Health:
    if isinstance(wanted, int) and isinstance(partition, int) and updated < wanted - partition:
        rolled = f"{updated} out of {wanted - partition} new pods have been updated..."
        return _progressing(f"Waiting for partitioned roll out to finish: {rolled}")
    message = f"partitioned roll out complete: {updated} new pods have been updated..."
    return Health(HealthStatus.HEALTHY, message)


def assess_daemon_set(body: JsonObject) -> Health:
    """Return a DaemonSet's health."""
    if _is_unobserved(body):
        reason = "observed daemon set generation less than desired generation"
        return _progressing(f"Waiting for rollout to finish: {reason}")
    wanted = whole(body, "status", "desiredNumberScheduled")
    updated = whole(body, "status", "updatedNumberScheduled")
    available = whole(body, "status", "numberAvailable")
    if text(body, "spec", "updateStrategy", "type") == "OnDelete":
        message = f"daemon set {updated} out of {wanted} new pods have been updated"
        return Health(HealthStatus.HEALTHY, message)
    waiting = f'Waiting for daemon set "{text(body, "metadata", "name")}" rollout to finish: '
    if updated < wanted:
        return _progressing(f"{waiting}{updated} out of {wanted} new pods have been updated...")
    if available < wanted:
        return _progressing(f"{waiting}{available} of {wanted} updated pods are available...")
    return HEALTHY


def assess_replica_set(body: JsonObject) -> Health:
    """Return a ReplicaSet's health."""
    waiting = "Waiting for rollout to finish: "
    if _is_unobserved(body):
        return _progressing(
            waiting + "observed replica set generation less than desired generation"
        )
    failure = condition_of(body, "ReplicaFailure")
    if failure is not None and failure.get("status") == "True":
        return Health(HealthStatus.DEGRADED, str(failure.get("message") or ""))
    wanted = field_at(body, "spec", "replicas")
    available = whole(body, "status", "availableReplicas")
    if isinstance(wanted, int) and available < wanted:
        message = f"{available} out of {wanted} new replicas are available..."
        return _progressing(waiting + message)
    return HEALTHY


def assess_job(body: JsonObject) -> Health:
    """Return a Job's health: Progressing while it runs, Suspended while it is held back."""
    failed = condition_of(body, "Failed")
    if failed is not None:
        return Health(HealthStatus.DEGRADED, str(failed.get("message") or ""))
    suspended = condition_of(body, "Suspended")
    if suspended is not None and suspended.get("status") == "True":
        return Health(HealthStatus.SUSPENDED, str(suspended.get("message") or ""))
    complete = condition_of(body, "Complete")
    if complete is not None:
        return Health(HealthStatus.HEALTHY, str(complete.get("message") or ""))
    return _progressing("")


def assess_pod(body: JsonObject) -> Health:
    """Return a Pod's health.

    A pod that is not restarted for ever is Progressing while it runs: it is most likely a hook,
    whose end the sync waits for. An annotation lifts that for pods that are no hooks.
    """
    message = text(body, "status", "message")
    is_lifted = IGNORE_RESTART_POLICY in annotations_of(body) and not is_hook(body)
    is_kept_running = is_lifted or text(body, "spec", "restartPolicy") in {"Always", ""}
    # Not for pods with an end: a hook whose image is late must not fail and then run after all.
    if is_kept_running:
        stuck = _stuck_messages(_containers(body, "containerStatuses"))
        if stuck is not None:
            return Health(HealthStatus.DEGRADED, stuck)
    match text(body, "status", "phase"):
        case "Pending":
            return _progressing(message)
        case "Succeeded":
            return Health(HealthStatus.HEALTHY, message)
        case "Failed":
            return Health(HealthStatus.DEGRADED, message or _failure_message(body))
        case "Running":
            if is_kept_running:
                return _assess_running_pod(body, message)
            return _progressing(message)
        case _:
            return Health(HealthStatus.UNKNOWN, message)


def _assess_running_pod(body: JsonObject, message: str) -> Health:
    ready = condition_of(body, "Ready")
    if ready is not None and ready.get("status") == "True":
        return Health(HealthStatus.HEALTHY, message)
    for container in _containers(body, "containerStatuses"):
        if field_at(container, "lastState", "terminated") is not None:
            return Health(HealthStatus.DEGRADED, message)
    return _progressing(message)


def _containers(body: JsonObject, field: str) -> tuple[JsonObject, ...]:
    return tuple(as_object(item) for item in as_list(field_at(body, "status", field)))


def _stuck_messages(containers: Iterable[JsonObject]) -> str | None:
    """Return why containers cannot start, or None when none says so."""
    messages: list[str] = []
    for container in containers:
        reason = text(container, "state", "waiting", "reason")
        if reason.startswith("Err") or reason.endswith(("Error", "BackOff")):
            messages.append(text(container, "state", "waiting", "message"))
    return ", ".join(messages) if messages else None


def _failure_message(body: JsonObject) -> str:
    statuses = (
        *_containers(body, "initContainerStatuses"),
        *_containers(body, "containerStatuses"),
    )
    messages = (_exit_message(status) for status in statuses)
    return next((message for message in messages if message), "")


def _exit_message(container: JsonObject) -> str:
    said = text(container, "state", "terminated", "message")
    if said:
        return said
    if text(container, "state", "terminated", "reason") == "OOMKilled":
        return "OOMKilled"
    code = whole(container, "state", "terminated", "exitCode")
    name = text(container, "name")
    return f'container "{name}" failed with exit code {code}' if code else ""
