"""Health by kind, and the health of many."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.builders import HOOK, body
from trimtab.core.health import (
    HEALTHY,
    MISSING,
    Health,
    HealthStatus,
    HookState,
    aggregate_health,
    assess_health,
    counts_in_application,
    hook_state,
    worst,
)
from trimtab.core.manifest import GroupKind

_DEGRADED, _HEALTHY = HealthStatus.DEGRADED, HealthStatus.HEALTHY
_PROGRESSING, _SUSPENDED = HealthStatus.PROGRESSING, HealthStatus.SUSPENDED
_UNKNOWN = HealthStatus.UNKNOWN


def _deployment(
    spec: dict[str, Any], status: dict[str, Any], generation: int = 2
) -> dict[str, Any]:
    made = body("Deployment", "web", api="apps/v1", spec=spec)
    made["metadata"]["generation"] = generation
    return {**made, "status": {"observedGeneration": 2, **status}}


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        (_deployment({"paused": True}, {}), _SUSPENDED, "paused"),
        (_deployment({"replicas": 1}, {}, generation=3), _PROGRESSING, "observed"),
        (
            _deployment(
                {"replicas": 1},
                {"conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]},
            ),
            _DEGRADED,
            '"web" exceeded its progress deadline',
        ),
        (
            _deployment({"replicas": 3}, {"updatedReplicas": 1}),
            _PROGRESSING,
            "1 out of 3 new replicas have been updated",
        ),
        (
            _deployment({"replicas": 1}, {"updatedReplicas": 1, "replicas": 3}),
            _PROGRESSING,
            "2 old replicas are pending termination",
        ),
        (
            _deployment({"replicas": 2}, {"updatedReplicas": 2, "replicas": 2}),
            _PROGRESSING,
            "0 of 2 updated replicas are available",
        ),
        (
            _deployment(
                {"replicas": 2}, {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}
            ),
            _HEALTHY,
            "",
        ),
    ],
    ids=[
        "paused is suspended",
        "an unobserved change is in progress",
        "a passed deadline is degraded",
        "too few new replicas",
        "old replicas are left",
        "new replicas are not available",
        "all there is healthy",
    ],
)
def test_deployment(found: dict[str, Any], status: HealthStatus, words: str) -> None:
    health = assess_health(found)
    assert health is not None
    assert (health.status, words in health.message) == (status, True)


def _set(kind: str, spec: dict[str, Any], status: dict[str, Any]) -> HealthStatus | None:
    health = assess_health(body(kind, api="apps/v1", spec=spec, status=status))
    return health.status if health else None


def test_stateful_set() -> None:
    seen = {"observedGeneration": 1, "readyReplicas": 2}
    assert _set("StatefulSet", {"replicas": 2}, {}) is _PROGRESSING
    assert _set("StatefulSet", {"replicas": 3}, seen) is _PROGRESSING
    turning = {**seen, "currentRevision": "a", "updateRevision": "b"}
    assert _set("StatefulSet", {"replicas": 2}, turning) is _PROGRESSING
    on_delete = {"replicas": 2, "updateStrategy": {"type": "OnDelete"}}
    assert _set("StatefulSet", on_delete, turning) is _HEALTHY
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    partitioned = {"replicas": 2, "updateStrategy": rolling}
    assert _set("StatefulSet", partitioned, turning) is _PROGRESSING
    assert _set("StatefulSet", partitioned, {**turning, "updatedReplicas": 1}) is _HEALTHY
    assert _set("StatefulSet", {"replicas": 2}, seen) is _HEALTHY


def test_daemon_set_and_replica_set() -> None:
    wanted = {"desiredNumberScheduled": 2}
    assert _set("DaemonSet", {}, wanted) is _PROGRESSING
    assert _set("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, wanted) is _HEALTHY
    updated = {**wanted, "updatedNumberScheduled": 2}
    assert _set("DaemonSet", {}, updated) is _PROGRESSING
    assert _set("DaemonSet", {}, {**updated, "numberAvailable": 2}) is _HEALTHY
    failure = {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "quota"}]}
    assert _set("ReplicaSet", {"replicas": 1}, failure) is _DEGRADED
    assert _set("ReplicaSet", {"replicas": 1}, {}) is _PROGRESSING
    assert _set("ReplicaSet", {"replicas": 1}, {"availableReplicas": 1}) is _HEALTHY


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], Health(_PROGRESSING)),
        ([("Complete", "True")], Health(_HEALTHY, "Complete!")),
        ([("Failed", "True")], Health(_DEGRADED, "Failed!")),
        ([("Complete", "True"), ("Failed", "True")], Health(_DEGRADED, "Failed!")),
        ([("Suspended", "True")], Health(_SUSPENDED, "Suspended!")),
        ([("Suspended", "False")], Health(_PROGRESSING)),
    ],
    ids=["running", "complete", "failed", "failed beats complete", "held back", "resumed"],
)
def test_job(conditions: list[tuple[str, str]], expected: Health) -> None:
    rows = [{"type": t, "status": s, "message": f"{t}!"} for t, s in conditions]
    assert assess_health(body("Job", api="batch/v1", status={"conditions": rows})) == expected


def _pod(policy: str, phase: str, notes: dict[str, str] | None = None, **status: Any) -> Health:
    found = body(
        "Pod", spec={"restartPolicy": policy}, status={"phase": phase, **status}, notes=notes
    )
    health = assess_health(found)
    assert health is not None
    return health


def test_pod() -> None:
    ready = [{"type": "Ready", "status": "True"}]
    stuck = [{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no image"}}}]
    fell = [{"lastState": {"terminated": {"exitCode": 1}}}]
    lifted = {"argocd.argoproj.io/ignore-restart-policy": "true"}
    assert _pod("Always", "Running", conditions=ready) == HEALTHY
    assert _pod("Always", "Running") == Health(_PROGRESSING)
    assert _pod("Always", "Running", containerStatuses=fell).status is _DEGRADED
    assert _pod("Always", "Pending", containerStatuses=stuck) == Health(_DEGRADED, "no image")
    assert _pod("Never", "Pending", containerStatuses=stuck).status is _PROGRESSING
    assert _pod("Never", "Running", conditions=ready).status is _PROGRESSING
    assert _pod("Never", "Running", lifted, conditions=ready).status is _HEALTHY
    assert (
        _pod("Never", "Running", {**lifted, HOOK: "Sync"}, conditions=ready).status is _PROGRESSING
    )
    assert _pod("Never", "Succeeded").status is _HEALTHY
    assert _pod("Never", "").status is _UNKNOWN


@pytest.mark.parametrize(
    ("terminated", "message"),
    [
        ({"message": "said so", "exitCode": 3}, "said so"),
        ({"reason": "OOMKilled", "exitCode": 137}, "OOMKilled"),
        ({"exitCode": 3}, 'container "main" failed with exit code 3'),
        ({"exitCode": 0}, ""),
    ],
)
def test_a_failed_pod_says_why(terminated: dict[str, Any], message: str) -> None:
    container = {"name": "main", "state": {"terminated": terminated}}
    assert _pod("Never", "Failed", containerStatuses=[container]) == Health(_DEGRADED, message)


@pytest.mark.parametrize(
    ("kind", "api", "rest", "status"),
    [
        ("Service", "v1", {"spec": {"type": "ClusterIP"}}, _HEALTHY),
        ("Service", "v1", {"spec": {"type": "LoadBalancer"}}, _PROGRESSING),
        (
            "Ingress",
            "networking.k8s.io/v1",
            {"status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}},
            _HEALTHY,
        ),
        ("Ingress", "networking.k8s.io/v1", {}, _PROGRESSING),
        ("PersistentVolumeClaim", "v1", {"status": {"phase": "Lost"}}, _DEGRADED),
        ("PersistentVolumeClaim", "v1", {"status": {"phase": "Bound"}}, _HEALTHY),
        ("PersistentVolumeClaim", "v1", {}, _UNKNOWN),
        ("APIService", "apiregistration.k8s.io/v1", {}, _PROGRESSING),
        ("Workflow", "argoproj.io/v1alpha1", {"status": {"phase": "Error"}}, _DEGRADED),
        ("Workflow", "argoproj.io/v1alpha1", {"status": {"phase": "Odd"}}, _UNKNOWN),
        ("CronJob", "batch/v1", {}, None),
        ("ConfigMap", "v1", {}, None),
        (
            "Application",
            "argoproj.io/v1alpha1",
            {"status": {"health": {"status": "Degraded"}}},
            None,
        ),
        ("Service", "serving.knative.dev/v1", {}, None),
    ],
)
def test_other_kinds(
    kind: str, api: str, rest: dict[str, Any], status: HealthStatus | None
) -> None:
    health = assess_health(body(kind, api=api, **rest))
    assert (health.status if health else None) is status


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ([], _PROGRESSING),
        ([("AbleToScale", "True", ""), ("ScalingLimited", "True", "")], _HEALTHY),
        ([("AbleToScale", "True", ""), ("ScalingLimited", "False", "")], _PROGRESSING),
        ([("AbleToScale", "True", ""), ("ScalingActive", "False", "InvalidSelector")], _DEGRADED),
    ],
)
def test_autoscaler(conditions: list[tuple[str, str, str]], status: HealthStatus) -> None:
    rows = [{"type": t, "status": s, "reason": r} for t, s, r in conditions]
    health = assess_health(
        body("HorizontalPodAutoscaler", api="autoscaling/v2", status={"conditions": rows})
    )
    assert health is not None
    assert health.status is status


def test_a_broken_autoscaler_annotation_is_unknown_and_says_so() -> None:
    notes = {"autoscaling.alpha.kubernetes.io/conditions": "{"}
    health = assess_health(body("HorizontalPodAutoscaler", api="autoscaling/v1", notes=notes))
    assert health is not None
    assert health.status is _UNKNOWN
    assert "is not JSON" in health.message


def test_what_is_being_deleted_is_in_progress_unless_only_our_finalizer_holds_it() -> None:
    job = body("Job", api="batch/v1", status={"conditions": [{"type": "Complete"}]})
    job["metadata"]["deletionTimestamp"] = "2026-03-01T00:00:00Z"
    assert assess_health(job) == Health(_PROGRESSING, "Pending deletion")
    job["metadata"]["finalizers"] = ["argocd.argoproj.io/hook-finalizer"]
    assert assess_health(job) == HEALTHY


def test_an_application_has_the_health_that_it_states_when_asked_for() -> None:
    stated = {"health": {"status": "Degraded", "message": "web"}}
    app = body("Application", api="argoproj.io/v1alpha1", status=stated)
    assert assess_health(app, with_applications=True) == Health(_DEGRADED, "web")
    assert assess_health({**app, "status": {}}, with_applications=True) is None


def test_the_order_of_statuses() -> None:
    names = ["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"]
    assert [str(status) for status in HealthStatus] == names
    for better, worse in itertools.pairwise(HealthStatus):
        assert worse.is_worse_than(better)
        assert not better.is_worse_than(worse)


def test_an_application_is_as_healthy_as_its_worst_resource() -> None:
    assert aggregate_health([]) is _HEALTHY
    assert aggregate_health([None, HEALTHY]) is _HEALTHY
    assert aggregate_health([HEALTHY, MISSING, Health(_PROGRESSING)]) is HealthStatus.MISSING


def test_a_child_application_that_nobody_has_seen_does_not_turn_its_parent() -> None:
    child, other = GroupKind("argoproj.io", "Application"), GroupKind("apps", "Deployment")
    assert not counts_in_application(child, MISSING)
    assert counts_in_application(child, Health(_DEGRADED))
    assert counts_in_application(other, MISSING)
    assert not counts_in_application(other, None)


@given(st.lists(st.sampled_from(list(HealthStatus))), st.sampled_from(list(HealthStatus)))
def test_one_more_resource_never_makes_it_better(
    statuses: list[HealthStatus], one: HealthStatus
) -> None:
    assert not worst(statuses).is_worse_than(worst([*statuses, one]))
    assert worst(reversed(statuses)) is worst(statuses)


def test_hooks_end_by_the_health_of_their_objects() -> None:
    assert hook_state(None) is HookState.SUCCEEDED
    assert hook_state(HEALTHY) is HookState.SUCCEEDED
    assert hook_state(Health(_DEGRADED)) is HookState.FAILED
    assert hook_state(Health(_SUSPENDED)) is HookState.RUNNING


@given(
    st.sampled_from(["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "Pod"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(
                    ["conditions", "type", "replicas", "spec", "status", "containerStatuses"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=6,
    ),
)
def test_no_shape_of_object_is_an_exception(kind: str, anything: Any) -> None:
    api = {"Job": "batch/v1", "Pod": "v1"}.get(kind, "apps/v1")
    health = assess_health(body(kind, api=api, spec=anything, status=anything))
    assert health is not None
