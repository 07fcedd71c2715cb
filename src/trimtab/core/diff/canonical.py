"""Canonical forms of built-in kinds: quantities as the API server prints them, and null times.

This is what is general enough for pure code. Whatever only an API server knows is left to a dry
run, or to the engines' normalisation.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from trimtab.core import JsonObject, JsonValue
from trimtab.core.diff.places import Pattern, change_at, pattern
from trimtab.core.diff.quantities import canonical_duration, canonical_quantity
from trimtab.core.diff.secrets import normalise_secret
from trimtab.core.manifest import GroupKind, as_object, canonical_json, key_of

_Change: TypeAlias = Callable[[JsonValue], JsonValue]

TEMPLATE: Pattern = ("spec", "template", "spec")
POD_SPECS: Mapping[GroupKind, Pattern] = {
    GroupKind("", "Pod"): ("spec",),
    GroupKind("", "PodTemplate"): ("template", "spec"),
    GroupKind("", "ReplicationController"): TEMPLATE,
    GroupKind("apps", "DaemonSet"): TEMPLATE,
    GroupKind("apps", "Deployment"): TEMPLATE,
    GroupKind("apps", "ReplicaSet"): TEMPLATE,
    GroupKind("apps", "StatefulSet"): TEMPLATE,
    GroupKind("batch", "CronJob"): ("spec", "jobTemplate", *TEMPLATE),
    GroupKind("batch", "Job"): TEMPLATE,
    GroupKind("extensions", "DaemonSet"): TEMPLATE,
    GroupKind("extensions", "Deployment"): TEMPLATE,
}
CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")

_RESOURCES = (pattern("resources.requests.*"), pattern("resources.limits.*"))
_POD_QUANTITIES: tuple[Pattern, ...] = (
    *((name, "*", *tail) for name in CONTAINER_LISTS for tail in _RESOURCES),
    pattern("overhead.*"),
    *_RESOURCES,
    pattern("volumes[].emptyDir.sizeLimit"),
    pattern("volumes[].ephemeral.volumeClaimTemplate.spec.resources.requests.*"),
)
_QUANTITIES: Mapping[GroupKind, tuple[Pattern, ...]] = {
    GroupKind("", "PersistentVolumeClaim"): tuple(("spec", *tail) for tail in _RESOURCES),
    GroupKind("", "PersistentVolume"): (pattern("spec.capacity.*"),),
    GroupKind("", "ResourceQuota"): (pattern("spec.hard.*"),),
    GroupKind("", "LimitRange"): tuple(
        pattern(f"spec.limits[].{name}.*")
        for name in ("default", "defaultRequest", "max", "min", "maxLimitRequestRatio")
    ),
    GroupKind("apps", "StatefulSet"): tuple(
        (*pattern("spec.volumeClaimTemplates[].spec"), *tail) for tail in _RESOURCES
    ),
    GroupKind("autoscaling", "HorizontalPodAutoscaler"): tuple(
        pattern(f"spec.metrics[].{source}.target.{name}")
        for source in ("resource", "containerResource", "pods", "object", "external")
        for name in ("averageValue", "value")
    ),
}
_BUILT_IN_GROUPS = frozenset(
    {"", "apps", "autoscaling", "batch", "extensions", "policy", "apiregistration.k8s.io"}
)
_SECRET = GroupKind("", "Secret")
_ENDPOINTS = GroupKind("", "Endpoints")

_KNOWN_TYPES: Mapping[str, tuple[Pattern, ...]] = {
    "core/Quantity": ((),),
    "core/v1/Container": _RESOURCES,
    "core/v1/PersistentVolumeClaim": tuple(("spec", *tail) for tail in _RESOURCES),
    "core/v1/PodSpec": _POD_QUANTITIES,
    "core/v1/PodTemplateSpec": tuple(("spec", *tail) for tail in _POD_QUANTITIES),
    "core/v1/ResourceList": (("*",),),
    "core/v1/ResourceRequirements": (pattern("requests.*"), pattern("limits.*")),
}


def is_built_in(group_kind: GroupKind) -> bool:
    """Return whether a kind is one of Kubernetes' own, with lists that merge by known keys."""
    return group_kind.group in _BUILT_IN_GROUPS or group_kind.group.endswith(".k8s.io")


def canonicalise(body: JsonObject) -> JsonObject:
    """Return an object in the form in which an API server would print it, as far as is known.

    Unknown fields, kinds and values that cannot be read stay as they are.
    """
    group_kind = key_of(body).group_kind
    if group_kind == _SECRET:
        body = normalise_secret(body)
    elif group_kind == _ENDPOINTS:
        body = change_at(body, ("subsets",), _sorted_items)
    for place in _QUANTITIES.get(group_kind, ()):
        body = change_at(body, place, canonical_quantity)
    pod = POD_SPECS.get(group_kind)
    if pod:
        for place in _POD_QUANTITIES:
            body = change_at(body, (*pod, *place), canonical_quantity)
        body = change_at(body, (*pod[:-1], "metadata"), _without_null_time)
    return change_at(body, ("metadata",), _without_null_time)


def canonicalise_known_types(body: JsonObject, fields: Iterable[tuple[str, str]]) -> JsonObject:
    """Return a custom object with some fields treated as Kubernetes types.

    Args:
        body: The object.
        fields: Dotted field path and type (``core/v1/PodSpec``, ``core/Quantity``,
            ``meta/v1/Duration``); lists on the way are walked into; other types change nothing.
    """
    for path, type_name in fields:
        place = tuple(path.split("."))
        if type_name == "meta/v1/Duration":
            body = _through_lists(body, place, canonical_duration)
        for tail in _KNOWN_TYPES.get(type_name, ()):
            body = _through_lists(body, (*place, *tail), canonical_quantity)
    return body


def _through_lists(body: JsonObject, place: Pattern, change: _Change) -> JsonObject:
    def walk(value: JsonValue, rest: Pattern) -> JsonValue:
        if isinstance(value, list | tuple):
            return [walk(item, rest) for item in value]
        if not rest:
            return change(value)
        if rest[0] == "*" and isinstance(value, Mapping):
            return {name: walk(item, rest[1:]) for name, item in value.items()}
        if isinstance(value, Mapping) and rest[0] in value:
            return {**value, rest[0]: walk(value[rest[0]], rest[1:])}
        return value

    return as_object(walk(body, place))


def _sorted_items(value: JsonValue) -> JsonValue:
    """Endpoints' subsets are sets: the controller repacks them in an order of its own."""
    if isinstance(value, list | tuple):
        return sorted((_sorted_items(item) for item in value), key=canonical_json)
    if isinstance(value, Mapping):
        return {name: _sorted_items(item) for name, item in value.items()}
    return value


def _without_null_time(value: JsonValue) -> JsonValue:
    fields = as_object(value)
    if "creationTimestamp" in fields and fields["creationTimestamp"] is None:
        return {name: item for name, item in fields.items() if name != "creationTimestamp"}
    return value
