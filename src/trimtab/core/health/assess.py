"""Health of one object by its kind. The rules are a table from kind to function.

A kind that is not in the table has no health: it neither helps nor harms its application.
"""

from collections.abc import Callable, Mapping

import msgspec

from trimtab.core import JsonObject, JsonValue
from trimtab.core.health.health import HEALTHY, Health, HealthStatus
from trimtab.core.health.workloads import (
    assess_daemon_set,
    assess_deployment,
    assess_job,
    assess_pod,
    assess_replica_set,
    assess_stateful_set,
    condition_of,
)
from trimtab.core.manifest import (
    HOOK_FINALIZER,
    GroupKind,
    annotations_of,
    as_list,
    as_object,
    field_at,
    key_of,
    text_at,
)

IGNORE_HEALTH = "argocd.argoproj.io/ignore-healthcheck"
_HPA_CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"


def assess_health(body: JsonObject, *, with_applications: bool = False) -> Health | None:
    """Return an object's health, or None for a kind without.

    Args:
        body: The object as the API server sent it, status included.
        with_applications: Give Argo CD's Application the health that its own status states, for
            applications made of applications. The engine itself has none for it.

    Source:
        gitops-engine, pkg/health. An object that is being deleted is Progressing, except one that
        only our hook finalizer holds: its own state still tells how the hook ended.
    """
    if field_at(body, "metadata", "deletionTimestamp") is not None:
        held = as_list(field_at(body, "metadata", "finalizers"))
        if HOOK_FINALIZER not in held:
            return Health(HealthStatus.PROGRESSING, "Pending deletion")
    group_kind = key_of(body).group_kind
    if with_applications and group_kind == APPLICATION:
        return assess_application(body)
    rule = RULES.get(group_kind)
    return rule(body) if rule else None


def is_health_ignored(annotations: Mapping[str, str]) -> bool:
    """Return whether an object asks to be left out of its application's health."""
    return annotations.get(IGNORE_HEALTH) == "true"


def counts_in_application(group_kind: GroupKind, health: Health | None) -> bool:
    """Return whether an object's health is part of its application's.

    A child application that has not been looked at yet, or whose cluster is away, does not turn
    its parent: nothing in the parent is wrong.

    Source:
        Argo CD, setApplicationHealth.
    """
    if health is None:
        return False
    is_unclear = health.status in {HealthStatus.MISSING, HealthStatus.UNKNOWN}
    return not (group_kind == APPLICATION and is_unclear)


def assess_service(body: JsonObject) -> Health:
    """Return a Service's health: a load balancer waits for its address."""
    if text_at(body, "spec", "type") != "LoadBalancer":
        return HEALTHY
    return assess_load_balancer(body)


def assess_load_balancer(body: JsonObject) -> Health:
    """Return the health of what waits for an address in status.loadBalancer, as an Ingress."""
    if as_list(field_at(body, "status", "loadBalancer", "ingress")):
        return HEALTHY
    return Health(HealthStatus.PROGRESSING)


_CLAIMS = {
    "Bound": HealthStatus.HEALTHY,
    "Lost": HealthStatus.DEGRADED,
    "Pending": HealthStatus.PROGRESSING,
}


def assess_claim(body: JsonObject) -> Health:
    """Return a PersistentVolumeClaim's health."""
    return Health(_CLAIMS.get(text_at(body, "status", "phase"), HealthStatus.UNKNOWN))


def assess_api_service(body: JsonObject) -> Health:
    """Return an APIService's health: whether it is Available."""
    condition = condition_of(body, "Available")
    if condition is None:
        return Health(HealthStatus.PROGRESSING, "Waiting to be processed")
    is_available = condition.get("status") == "True"
    status = HealthStatus.HEALTHY if is_available else HealthStatus.PROGRESSING
    return Health(status, f"{condition.get('reason', '')}: {condition.get('message', '')}")


_HPA_DEGRADED = frozenset(
    {
        ("AbleToScale", "FailedGetScale"),
        ("AbleToScale", "FailedUpdateScale"),
        ("ScalingActive", "FailedGetResourceMetric"),
        ("ScalingActive", "InvalidSelector"),
    }
)
_HPA_HEALTHY = frozenset({"AbleToScale", "ScalingLimited"})
_HPA_WAITING = Health(HealthStatus.PROGRESSING, "Waiting to Autoscale")


def assess_autoscaler(body: JsonObject) -> Health:
    """Return a HorizontalPodAutoscaler's health; version 1 keeps conditions in an annotation."""
    if text_at(body, "apiVersion") == "autoscaling/v1":
        text = annotations_of(body).get(_HPA_CONDITIONS)
        try:
            conditions: object = msgspec.json.decode(text) if text else ()
        except msgspec.DecodeError as error:
            message = f"annotation {_HPA_CONDITIONS} is not JSON: {error}"
            return Health(HealthStatus.UNKNOWN, message)
        if not as_list(conditions):
            return _HPA_WAITING
    else:
        conditions = field_at(body, "status", "conditions")
    return _assess_scaling([as_object(item) for item in as_list(conditions)])


def _assess_scaling(conditions: list[JsonObject]) -> Health:
    messages: list[str] = []
    for condition in conditions:
        kind, message = condition.get("type"), str(condition.get("message") or "")
        if (kind, condition.get("reason")) in _HPA_DEGRADED:
            return Health(HealthStatus.DEGRADED, message)
        if kind in _HPA_HEALTHY and condition.get("status") == "True":
            messages.append(message)
    if conditions and len(messages) == len(conditions):
        return Health(HealthStatus.HEALTHY, ",".join(messages))
    return _HPA_WAITING


_WORKFLOW_PHASES = {
    "": HealthStatus.PROGRESSING,
    "Error": HealthStatus.DEGRADED,
    "Failed": HealthStatus.DEGRADED,
    "Pending": HealthStatus.PROGRESSING,
    "Running": HealthStatus.PROGRESSING,
    "Succeeded": HealthStatus.HEALTHY,
}


def assess_workflow(body: JsonObject) -> Health:
    """Return an Argo Workflow's health by its phase."""
    status = _WORKFLOW_PHASES.get(text_at(body, "status", "phase"), HealthStatus.UNKNOWN)
    return Health(status, text_at(body, "status", "message"))


def assess_application(body: JsonObject) -> Health | None:
    """Return the health that an Application's status states, or None when it states none."""
    stated: JsonValue = field_at(body, "status", "health", "status")
    if not isinstance(stated, str) or stated not in set(HealthStatus):
        return None
    return Health(HealthStatus(stated), text_at(body, "status", "health", "message"))


APPLICATION = GroupKind("argoproj.io", "Application")
RULES: Mapping[GroupKind, Callable[[JsonObject], Health | None]] = {
    GroupKind("", "PersistentVolumeClaim"): assess_claim,
    GroupKind("", "Pod"): assess_pod,
    GroupKind("", "Service"): assess_service,
    GroupKind("apiregistration.k8s.io", "APIService"): assess_api_service,
    GroupKind("apps", "DaemonSet"): assess_daemon_set,
    GroupKind("apps", "Deployment"): assess_deployment,
    GroupKind("apps", "ReplicaSet"): assess_replica_set,
    GroupKind("apps", "StatefulSet"): assess_stateful_set,
    GroupKind("argoproj.io", "Workflow"): assess_workflow,
    GroupKind("autoscaling", "HorizontalPodAutoscaler"): assess_autoscaler,
    GroupKind("batch", "Job"): assess_job,
    GroupKind("extensions", "Ingress"): assess_load_balancer,
    GroupKind("networking.k8s.io", "Ingress"): assess_load_balancer,
}
"""The kinds with health."""
