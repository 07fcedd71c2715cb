"""What an API server fills in for the built-in kinds where a manifest says nothing.

Data first: a place in the object and the values that are set where they are missing. Rules that
depend on other fields are functions. It serves the two- and three-way diff, where no server is
asked; it does not try to be complete for kinds that people rarely write.

Source:
    Kubernetes, pkg/apis/*/v1/defaults.go.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from trimtab.core import JsonObject, JsonValue
from trimtab.core.diff.canonical import CONTAINER_LISTS, POD_SPECS
from trimtab.core.diff.places import Pattern, change_at, pattern
from trimtab.core.manifest import GroupKind, as_object, key_of

_Fill: TypeAlias = Callable[[JsonObject], JsonObject]
_Rule: TypeAlias = tuple[Pattern, "JsonObject | _Fill"]

_PROBE: JsonObject = {
    "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
}  # fmt: skip
_ROLLING: JsonObject = {"maxSurge": "25%", "maxUnavailable": "25%"}
_FIELD_REF: JsonObject = {"apiVersion": "v1"}
_FILE_MODE: JsonObject = {"defaultMode": 420}


def _container(container: JsonObject) -> JsonObject:
    image = str(container.get("image") or "")
    name = image.partition("@")[0]
    tag = name.rpartition(":")[2] if ":" in name.rpartition("/")[2] else ""
    is_latest = tag == "latest" or (not tag and "@" not in image)
    return {
        "imagePullPolicy": "Always" if is_latest else "IfNotPresent",
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }


def _deployment(spec: JsonObject) -> JsonObject:
    kind = as_object(spec.get("strategy")).get("type") or "RollingUpdate"
    return {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "strategy": {"type": kind, **_rolling(kind, _ROLLING)},
    }


def _stateful_set(spec: JsonObject) -> JsonObject:
    kind = as_object(spec.get("updateStrategy")).get("type") or "RollingUpdate"
    return {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": kind, **_rolling(kind, {"partition": 0})},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    }


def _daemon_set(spec: JsonObject) -> JsonObject:
    kind = as_object(spec.get("updateStrategy")).get("type") or "RollingUpdate"
    rolling = {"maxSurge": 0, "maxUnavailable": 1}
    return {
        "revisionHistoryLimit": 10,
        "updateStrategy": {"type": kind, **_rolling(kind, rolling)},
    }


def _rolling(kind: JsonValue, values: JsonObject) -> JsonObject:
    return {"rollingUpdate": values} if kind == "RollingUpdate" else {}


def _service_port(port: JsonObject) -> JsonObject:
    return {"protocol": "TCP", "targetPort": port.get("port")}


def _service(spec: JsonObject) -> JsonObject:
    filled: dict[str, JsonValue] = {"sessionAffinity": "None", "type": "ClusterIP"}
    if spec.get("type") != "ExternalName":
        filled["internalTrafficPolicy"] = "Cluster"
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        filled["externalTrafficPolicy"] = "Cluster"
    if spec.get("type") == "LoadBalancer":
        filled["allocateLoadBalancerNodePorts"] = True
    if spec.get("sessionAffinity") == "ClientIP":
        filled["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 10800}}
    return filled


def _job(spec: JsonObject) -> JsonObject:
    once: JsonObject = {"completions": 1, "parallelism": 1}
    rest: JsonObject = {"parallelism": spec.get("parallelism", 1)}
    has_neither = "completions" not in spec and "parallelism" not in spec
    return {
        "backoffLimit": 6, "completionMode": "NonIndexed", "suspend": False,
        **(once if has_neither else rest),
    }  # fmt: skip


def _subject(subject: JsonObject) -> JsonObject:
    is_account = subject.get("kind") == "ServiceAccount"
    return {} if is_account else {"apiGroup": "rbac.authorization.k8s.io"}


_WEBHOOK_V1: JsonObject = {
    "failurePolicy": "Fail", "matchPolicy": "Equivalent", "timeoutSeconds": 10,
    "namespaceSelector": {}, "objectSelector": {},
}  # fmt: skip
_WEBHOOK_BETA: JsonObject = {
    "failurePolicy": "Ignore", "matchPolicy": "Exact", "timeoutSeconds": 30,
    "sideEffects": "Unknown", "admissionReviewVersions": ["v1beta1"],
    "namespaceSelector": {}, "objectSelector": {},
}  # fmt: skip
_MUTATING: JsonObject = {"reinvocationPolicy": "Never"}
_WEBHOOK_PARTS: tuple[_Rule, ...] = (
    (pattern("webhooks[].rules[]"), {"scope": "*"}),
    (pattern("webhooks[].clientConfig.service"), {"port": 443}),
)
_WEBHOOKS: Mapping[str, tuple[_Rule, ...]] = {
    "MutatingWebhookConfiguration": ((pattern("webhooks[]"), _MUTATING), *_WEBHOOK_PARTS),
    "ValidatingWebhookConfiguration": _WEBHOOK_PARTS,
}

_POD_RULES: tuple[_Rule, ...] = (
    (
        (),
        {
            "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "securityContext": {},
            "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30,
        },
    ),
    *(
        (pattern(f"{name}[]{tail}"), values)
        for name in CONTAINER_LISTS
        for tail, values in (
            ("", _container),
            (".ports[]", {"protocol": "TCP"}),
            (".env[].valueFrom.fieldRef", _FIELD_REF),
            (".livenessProbe", _PROBE),
            (".readinessProbe", _PROBE),
            (".startupProbe", _PROBE),
            (".livenessProbe.httpGet", {"scheme": "HTTP"}),
            (".readinessProbe.httpGet", {"scheme": "HTTP"}),
            (".startupProbe.httpGet", {"scheme": "HTTP"}),
            (".lifecycle.postStart.httpGet", {"scheme": "HTTP"}),
            (".lifecycle.preStop.httpGet", {"scheme": "HTTP"}),
        )
    ),
    (pattern("volumes[].configMap"), _FILE_MODE),
    (pattern("volumes[].secret"), _FILE_MODE),
    (pattern("volumes[].projected"), _FILE_MODE),
    (pattern("volumes[].downwardAPI"), _FILE_MODE),
    (pattern("volumes[].hostPath"), {"type": ""}),
)  # fmt: skip
_RULES: Mapping[GroupKind, tuple[_Rule, ...]] = {
    GroupKind("", "Service"): (
        (("spec",), _service),
        (pattern("spec.ports[]"), _service_port),
    ),
    GroupKind("", "Endpoints"): ((pattern("subsets[].ports[]"), {"protocol": "TCP"}),),
    GroupKind("", "PersistentVolumeClaim"): ((("spec",), {"volumeMode": "Filesystem"}),),
    GroupKind("", "PersistentVolume"): (
        (("spec",), {"volumeMode": "Filesystem", "persistentVolumeReclaimPolicy": "Retain"}),
    ),
    GroupKind("", "ReplicationController"): ((("spec",), {"replicas": 1}),),
    GroupKind("apps", "Deployment"): ((("spec",), _deployment),),
    GroupKind("apps", "StatefulSet"): ((("spec",), _stateful_set),),
    GroupKind("apps", "DaemonSet"): ((("spec",), _daemon_set),),
    GroupKind("apps", "ReplicaSet"): ((("spec",), {"replicas": 1}),),
    GroupKind("autoscaling", "HorizontalPodAutoscaler"): ((("spec",), {"minReplicas": 1}),),
    GroupKind("batch", "Job"): ((("spec",), _job),),
    GroupKind("batch", "CronJob"): (
        (
            ("spec",),
            {
                "concurrencyPolicy": "Allow", "suspend": False,
                "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1,
            },
        ),
        (pattern("spec.jobTemplate.spec"), _job),
    ),
    GroupKind("networking.k8s.io", "NetworkPolicy"): (
        (pattern("spec.ingress[].ports[]"), {"protocol": "TCP"}),
        (pattern("spec.egress[].ports[]"), {"protocol": "TCP"}),
    ),
    GroupKind("rbac.authorization.k8s.io", "ClusterRoleBinding"): (
        (pattern("subjects[]"), _subject),
        (("roleRef",), {"apiGroup": "rbac.authorization.k8s.io"}),
    ),
    GroupKind("rbac.authorization.k8s.io", "RoleBinding"): (
        (pattern("subjects[]"), _subject),
        (("roleRef",), {"apiGroup": "rbac.authorization.k8s.io"}),
    ),
    GroupKind("storage.k8s.io", "StorageClass"): (
        ((), {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}),
    ),
}  # fmt: skip


def with_defaults(body: JsonObject) -> JsonObject:
    """Return an object of a built-in kind with the API server's defaults; others as they are."""
    group_kind = key_of(body).group_kind
    rules = list(_RULES.get(group_kind, ()))
    if group_kind.group == "admissionregistration.k8s.io":
        rules += _webhook_rules(group_kind.kind, str(body.get("apiVersion")))
    pod = POD_SPECS.get(group_kind)
    if pod and isinstance(body.get(pod[0]), Mapping):
        rules += [((*pod, *place), values) for place, values in _POD_RULES]
    return _fill_all(body, rules)


def _webhook_rules(kind: str, api_version: str) -> tuple[_Rule, ...]:
    parts = _WEBHOOKS.get(kind)
    if parts is None:
        return ()
    values = _WEBHOOK_BETA if api_version.endswith("beta1") else _WEBHOOK_V1
    return (pattern("webhooks[]"), values), *parts


def _fill_all(body: JsonObject, rules: Iterable[_Rule]) -> JsonObject:
    for place, values in rules:
        body = change_at(body, place, _filling(values))
    return body


def _filling(values: "JsonObject | _Fill") -> Callable[[JsonValue], JsonValue]:
    def filled(value: JsonValue) -> JsonValue:
        if not isinstance(value, Mapping):
            return value
        return _merged(value, values(value) if callable(values) else values)

    return filled


def _merged(value: JsonObject, defaults: JsonObject) -> JsonObject:
    filled = dict(value)
    for name, default in defaults.items():
        current = filled.get(name)
        if current is None or current == "":
            filled[name] = default
        elif isinstance(current, Mapping) and isinstance(default, Mapping):
            filled[name] = _merged(current, default)
    return filled
