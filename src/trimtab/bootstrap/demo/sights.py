"""What the demo reads off the objects that its watches show."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest import (
    NAMESPACE,
    TRACKING_ID,
    GroupKind,
    LiveObject,
    ObjectKey,
    as_list,
    as_object,
    field_at,
    text_at,
    whole_at,
)

APPLICATION = GroupKind("argoproj.io", "Application")
DEPLOYMENT = GroupKind("apps", "Deployment")
CONFIG_MAP = GroupKind("", "ConfigMap")
SERVICE = GroupKind("", "Service")
HUB_KINDS = (APPLICATION, NAMESPACE)
TARGET_KINDS = (DEPLOYMENT, CONFIG_MAP, SERVICE, NAMESPACE)

# Set by the Deployment controller of the cluster itself, in an object that Git describes.
_FOREIGN_ANNOTATION = "deployment.kubernetes.io/revision"
_UNCOMPARED_METADATA = frozenset({"managedFields", "resourceVersion", "generation"})


@dataclass(frozen=True, slots=True)
class AppSight:
    """What an Application's status says.

    Args:
        sync: Synced, OutOfSync, Unknown, or empty before the first look.
        health: Healthy and so on, or empty.
        revision: The commit it was compared with.
        conditions: Type and message of each.
    """

    sync: str
    health: str
    revision: str
    conditions: tuple[tuple[str, str], ...]

    @property
    def is_good(self) -> bool:
        """Synced, Healthy, and nothing to complain about."""
        return (self.sync, self.health) == ("Synced", "Healthy") and not self.conditions

    def __str__(self) -> str:
        state = f"{self.sync or 'no sync status'}, {self.health or 'no health'}"
        complaints = "; ".join(f"{kind}: {message}" for kind, message in self.conditions)
        return f"{state}, {complaints}" if complaints else state


def see_application(live: LiveObject) -> AppSight:
    """Read an Application's status."""
    body = live.body()
    conditions = (as_object(one) for one in as_list(field_at(body, "status", "conditions")))
    return AppSight(
        sync=text_at(body, "status", "sync", "status"),
        health=text_at(body, "status", "health", "status"),
        revision=text_at(body, "status", "sync", "revision"),
        conditions=tuple((text_at(one, "type"), text_at(one, "message")) for one in conditions),
    )


def image_of(live: LiveObject) -> str:
    """Return the image of a Deployment's first container, from its spec."""
    containers = as_list(field_at(live.body(), "spec", "template", "spec", "containers"))
    return text_at(as_object(containers[0]), "image") if containers else ""


def is_rolled_out(live: LiveObject) -> bool:
    """Return whether a Deployment's status says that its newest spec runs everywhere."""
    body = live.body()
    wanted = whole_at(body, "spec", "replicas")
    counts = [
        whole_at(body, "status", name)
        for name in ("replicas", "updatedReplicas", "availableReplicas")
    ]
    seen = whole_at(body, "status", "observedGeneration")
    return seen >= live.meta.generation and all(count == wanted for count in counts)


def is_managed(live: LiveObject) -> bool:
    """Return whether an object carries the mark of an Application."""
    return TRACKING_ID in live.annotations


Identity = tuple[str, str]


def identities(objects: Iterable[LiveObject]) -> dict[ObjectKey, Identity]:
    """Return uid and resourceVersion of each object."""
    return {live.key: (live.meta.uid, live.meta.resource_version) for live in objects}


def comparable(live: LiveObject) -> JsonObject:
    """Return an object without what changes by itself.

    Left out are managedFields, resourceVersion, generation, status, and the Deployment controller's
    revision annotation. Identity (uid, creationTimestamp) stays: nothing may have been recreated.
    """
    body = {name: value for name, value in live.body().items() if name != "status"}
    metadata = {
        name: value
        for name, value in as_object(body.get("metadata")).items()
        if name not in _UNCOMPARED_METADATA
    }
    annotations = as_object(metadata.get("annotations"))
    kept = {name: value for name, value in annotations.items() if name != _FOREIGN_ANNOTATION}
    metadata["annotations"] = kept
    return {**body, "metadata": metadata}


def fields_of(live: LiveObject, manager: str) -> tuple[str, ...]:
    """Return the paths that managedFields says a manager set last, for example ``f:spec/…``."""
    found: list[str] = []
    for entry in live.meta.managed_fields or ():
        if entry.manager == manager and not entry.subresource:
            found += _leaves(msgspec.json.decode(bytes(entry.fields_v1)))
    return tuple(sorted(found))


def _leaves(fields: JsonValue, path: str = "") -> list[str]:
    if not isinstance(fields, Mapping):
        return []
    inner = {name: value for name, value in fields.items() if name != "."}
    if not inner:
        return [path]
    found: list[str] = []
    for name, value in inner.items():
        step = name.removeprefix("f:")
        step = f"[{step[2:]}]" if step.startswith("k:") else step
        joined = f"{path}{step}" if step.startswith("[") else f"{path}.{step}".lstrip(".")
        found += _leaves(value, joined)
    return found
