"""The kinds that a fake cluster serves: the built-in ones, and those of its CRDs."""

from typing import cast

from trimtab.core import JsonObject
from trimtab.core.manifest import GroupKind
from trimtab.ports.cluster import ResourceType

_VERBS = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
NAMESPACE = GroupKind("", "Namespace")
SECRET = GroupKind("", "Secret")

# kind, plural, namespaced, has a status subresource
_TABLE: dict[tuple[str, str], tuple[tuple[str, str, bool, bool], ...]] = {
    ("", "v1"): (
        ("ConfigMap", "configmaps", True, False),
        ("Event", "events", True, False),
        ("LimitRange", "limitranges", True, False),
        ("Namespace", "namespaces", False, True),
        ("Node", "nodes", False, True),
        ("PersistentVolume", "persistentvolumes", False, True),
        ("PersistentVolumeClaim", "persistentvolumeclaims", True, True),
        ("Pod", "pods", True, True),
        ("ReplicationController", "replicationcontrollers", True, True),
        ("ResourceQuota", "resourcequotas", True, True),
        ("Secret", "secrets", True, False),
        ("Service", "services", True, True),
        ("ServiceAccount", "serviceaccounts", True, False),
    ),
    ("admissionregistration.k8s.io", "v1"): (
        ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations", False, False),
        ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False, False),
    ),
    ("apiextensions.k8s.io", "v1"): (
        ("CustomResourceDefinition", "customresourcedefinitions", False, True),
    ),
    ("apiregistration.k8s.io", "v1"): (("APIService", "apiservices", False, True),),
    ("apps", "v1"): (
        ("ControllerRevision", "controllerrevisions", True, False),
        ("DaemonSet", "daemonsets", True, True),
        ("Deployment", "deployments", True, True),
        ("ReplicaSet", "replicasets", True, True),
        ("StatefulSet", "statefulsets", True, True),
    ),
    ("autoscaling", "v2"): (("HorizontalPodAutoscaler", "horizontalpodautoscalers", True, True),),
    ("batch", "v1"): (("CronJob", "cronjobs", True, True), ("Job", "jobs", True, True)),
    ("coordination.k8s.io", "v1"): (("Lease", "leases", True, False),),
    ("discovery.k8s.io", "v1"): (("EndpointSlice", "endpointslices", True, False),),
    ("networking.k8s.io", "v1"): (
        ("Ingress", "ingresses", True, True),
        ("IngressClass", "ingressclasses", False, False),
        ("NetworkPolicy", "networkpolicies", True, False),
    ),
    ("policy", "v1"): (("PodDisruptionBudget", "poddisruptionbudgets", True, True),),
    ("rbac.authorization.k8s.io", "v1"): (
        ("ClusterRole", "clusterroles", False, False),
        ("ClusterRoleBinding", "clusterrolebindings", False, False),
        ("Role", "roles", True, False),
        ("RoleBinding", "rolebindings", True, False),
    ),
    ("storage.k8s.io", "v1"): (("StorageClass", "storageclasses", False, False),),
}


def built_in_kinds() -> dict[GroupKind, ResourceType]:
    """Return the kinds of a cluster without any CRD."""
    return {
        GroupKind(group, kind): ResourceType(
            group=group,
            version=version,
            kind=kind,
            plural=plural,
            namespaced=namespaced,
            verbs=_VERBS,
            subresources=frozenset({"status"} if has_status else ()),
            versions=(version,),
        )
        for (group, version), rows in _TABLE.items()
        for kind, plural, namespaced, has_status in rows
    }


def crd_kind(crd: JsonObject) -> ResourceType:
    """Return the kind that a CustomResourceDefinition declares."""
    spec = cast("JsonObject", crd["spec"])
    names = cast("JsonObject", spec["names"])
    versions = [v for v in cast("list[JsonObject]", spec["versions"]) if v.get("served", True)]
    first = versions[0]
    subresources = cast("JsonObject", first.get("subresources") or {})
    return ResourceType(
        group=str(spec["group"]),
        version=str(first["name"]),
        kind=str(names["kind"]),
        plural=str(names["plural"]),
        namespaced=spec.get("scope") == "Namespaced",
        verbs=_VERBS,
        subresources=frozenset(subresources),
        versions=tuple(str(version["name"]) for version in versions),
    )


def custom_kind(
    group: str, version: str, kind: str, *, namespaced: bool = True, has_status: bool = False
) -> ResourceType:
    """Return a custom kind, for tests that need no CRD object behind it."""
    return ResourceType(
        group=group,
        version=version,
        kind=kind,
        plural=f"{kind.lower()}s",
        namespaced=namespaced,
        verbs=_VERBS,
        subresources=frozenset({"status"} if has_status else ()),
        versions=(version,),
    )
