"""Lists that Kubernetes merges by a key, and what to do when a key is stated twice.

A server-side apply refuses such an object, while a client-side one lets the last entry win: so
does this, and says where.
"""

from collections.abc import Callable, Mapping

from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest.identity import GroupKind, key_of
from trimtab.core.manifest.metadata import as_list, as_object

_CONTAINER_LISTS = {
    "env": ("name",),
    "ports": ("containerPort", "protocol"),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
}
_POD_LISTS = {"hostAliases": ("ip",), "imagePullSecrets": ("name",), "volumes": ("name",)}
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_TEMPLATE = ("spec", "template", "spec")
_POD_SPECS: Mapping[GroupKind, tuple[str, ...]] = {
    GroupKind("", "Pod"): ("spec",),
    GroupKind("", "PodTemplate"): ("template", "spec"),
    GroupKind("", "ReplicationController"): _TEMPLATE,
    GroupKind("apps", "DaemonSet"): _TEMPLATE,
    GroupKind("apps", "Deployment"): _TEMPLATE,
    GroupKind("apps", "ReplicaSet"): _TEMPLATE,
    GroupKind("apps", "StatefulSet"): _TEMPLATE,
    GroupKind("argoproj.io", "Rollout"): _TEMPLATE,
    GroupKind("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
    GroupKind("batch", "Job"): _TEMPLATE,
}
_DEFAULTS: Mapping[str, JsonValue] = {"protocol": "TCP"}


def without_repeated_items(body: JsonObject) -> tuple[JsonObject, tuple[str, ...]]:
    """Return an object whose keyed lists hold each key once, and where keys were repeated.

    Returns:
        The same object when nothing is repeated; of repeated entries only the last is kept. The
        places read like ``spec.template.spec.containers[web].env[MODE]``.
    """
    group_kind = key_of(body).group_kind
    if group_kind == GroupKind("", "Service"):
        return _changed_at(body, ("spec",), lambda spec: _unique_lists(spec, _SERVICE_LISTS))
    path = _POD_SPECS.get(group_kind)
    return _changed_at(body, path, _unique_pod_spec) if path else (body, ())


_SERVICE_LISTS = {"ports": ("port", "protocol")}
_Change = Callable[[JsonObject], tuple[JsonObject, tuple[str, ...]]]


def _changed_at(
    body: JsonObject, path: tuple[str, ...], change: _Change
) -> tuple[JsonObject, tuple[str, ...]]:
    """Return a copy with the object at ``path`` changed, and the places with the path before."""
    if not path:
        return change(body)
    inner = as_object(body.get(path[0]))
    changed, places = _changed_at(inner, path[1:], change)
    if not places:
        return body, ()
    return {**body, path[0]: changed}, tuple(f"{path[0]}.{place}" for place in places)


def _unique_pod_spec(spec: JsonObject) -> tuple[JsonObject, tuple[str, ...]]:
    spec, places = _unique_lists(spec, _POD_LISTS)
    found = list(places)
    changes: dict[str, JsonValue] = {}
    for name in _CONTAINERS:
        containers: list[JsonValue] = []
        before = len(found)
        for item in as_list(spec.get(name)):
            container, inner = _unique_lists(as_object(item), _CONTAINER_LISTS)
            containers.append(container if inner else item)
            found += [f"{name}[{as_object(item).get('name')}].{place}" for place in inner]
        if len(found) > before:
            changes[name] = containers
    return ({**spec, **changes} if changes else spec), tuple(found)


def _unique_lists(
    owner: JsonObject, lists: Mapping[str, tuple[str, ...]]
) -> tuple[JsonObject, tuple[str, ...]]:
    found: list[str] = []
    changes: dict[str, JsonValue] = {}
    for name, fields in lists.items():
        items = as_list(owner.get(name))
        if len(items) < 2:
            continue
        last: dict[tuple[str, ...], int] = {}
        repeated: dict[tuple[str, ...], None] = {}
        for index, item in enumerate(items):
            key = tuple(str(as_object(item).get(f, _DEFAULTS.get(f))) for f in fields)
            if key in last:
                repeated[key] = None
            last[key] = index
        if repeated:
            changes[name] = [items[index] for index in sorted(last.values())]
            found += [f"{name}[{'/'.join(key)}]" for key in repeated]
    return ({**owner, **changes} if changes else owner), tuple(found)
