"""Which delivery an object belongs to, by the marks that Argo CD leaves on it.

By annotation the mark also names the object it was put on, so that a copy made by another
controller (an Endpoints from a Service, a ReplicaSet from a Deployment) does not count. A label
cannot say that and is cut to what a label may hold, so it is only read by method ``label``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from trimtab.core import JsonObject
from trimtab.core.manifest.desired import Manifest
from trimtab.core.manifest.identity import ObjectKey, key_of
from trimtab.core.manifest.metadata import (
    CRD,
    annotations_of,
    labels_of,
    manifest_of,
    with_map_entries,
)

TRACKING_ID = "argocd.argoproj.io/tracking-id"
INSTALLATION_ID = "argocd.argoproj.io/installation-id"
INSTANCE_LABEL = "app.kubernetes.io/instance"
LABEL_LENGTH = 63


class TrackingMethod(StrEnum):
    """How an object is marked."""

    LABEL = "label"
    ANNOTATION = "annotation"
    ANNOTATION_AND_LABEL = "annotation+label"

    @classmethod
    def parse(cls, text: str) -> "TrackingMethod":
        """Return the method that a setting names; annotation for an empty or unknown one."""
        return cls(text) if text in set(cls) else cls.ANNOTATION


@dataclass(frozen=True, slots=True)
class TrackingId:
    """The value of the tracking annotation.

    Args:
        app_instance: The application, with its namespace where that is not the controller's.
        key: The object that the mark was put on.
    """

    app_instance: str
    key: ObjectKey

    def __str__(self) -> str:
        key = self.key
        return f"{self.app_instance}:{key.group}/{key.kind}:{key.namespace}/{key.name}"


@dataclass(frozen=True, slots=True)
class TrackedBy:
    """The owner that an object's marks state.

    Args:
        app_instance: The application.
        is_own_mark: The mark was put on this very object and by this installation.
    """

    app_instance: str
    is_own_mark: bool


def parse_tracking_id(text: str) -> TrackingId | None:
    """Return the parts of a tracking id, or None when it has another shape.

    The name may hold colons: some built-in roles do.
    """
    app_instance, colon, rest = text.partition(":")
    kind_part, second_colon, name_part = rest.partition(":")
    group, slash, kind = kind_part.partition("/")
    namespace, second_slash, name = name_part.partition("/")
    if not (colon and second_colon and slash and second_slash) or "/" in kind or "/" in name:
        return None
    return TrackingId(app_instance, ObjectKey(group, kind, namespace, name))


def app_instance_name(app_name: str, app_namespace: str, controller_namespace: str) -> str:
    """Return what objects of an application are marked with.

    Returns:
        The bare name for the controller's own namespace, else ``<namespace>_<name>``.
    """
    if app_namespace in {"", controller_namespace}:
        return app_name
    return f"{app_namespace}_{app_name}"


def split_app_instance(app_instance: str, controller_namespace: str) -> tuple[str, str]:
    """Return ``(namespace, name)`` of the application that a mark names."""
    namespace, underscore, name = app_instance.partition("_")
    return (namespace, name) if underscore else (controller_namespace, app_instance)


def truncate_label(value: str) -> str:
    """Return at most 63 characters, ending in a letter or digit as a label value must."""
    cut = value[:LABEL_LENGTH]
    while cut and not (cut[-1].isascii() and cut[-1].isalnum()):
        cut = cut[:-1]
    return cut


def with_tracking(
    manifest: Manifest,
    *,
    app_instance: str,
    method: TrackingMethod,
    installation_id: str = "",
    label_key: str = INSTANCE_LABEL,
    default_namespace: str = "",
) -> Manifest:
    """Return a copy of a manifest, marked as an application's.

    Args:
        manifest: The object as rendered.
        app_instance: See :func:`app_instance_name`.
        method: Which marks to leave. By label alone, the value is never cut: an application whose
            name is too long must fail rather than share its label with another.
        installation_id: Tells apart several controllers of one cluster; empty for none.
        label_key: The label to use.
        default_namespace: Namespace stated in the id of an object without one. Argo CD states
            the destination's there; the same text here keeps a take-over free of writes.
    """
    body = manifest.body
    if method is not TrackingMethod.LABEL:
        key = manifest.key
        if not key.namespace:
            key = key.with_namespace(default_namespace)
        marks = {
            TRACKING_ID: str(TrackingId(app_instance, key)),
            INSTALLATION_ID: installation_id or None,
        }
        body = with_map_entries(body, "annotations", marks)
    if method is not TrackingMethod.ANNOTATION:
        is_alone = method is TrackingMethod.LABEL
        label = app_instance if is_alone else truncate_label(app_instance)
        body = with_map_entries(body, "labels", {label_key: label})
    return manifest_of(body)


def without_tracking(
    body: JsonObject, *, method: str, label_key: str = INSTANCE_LABEL
) -> JsonObject:
    """Return a copy without a method's marks; without the annotations for an unknown method."""
    if method in {TrackingMethod.LABEL, TrackingMethod.ANNOTATION_AND_LABEL}:
        body = with_map_entries(body, "labels", {label_key: None})
    if method != TrackingMethod.LABEL:
        body = with_map_entries(body, "annotations", {TRACKING_ID: None, INSTALLATION_ID: None})
    return body


def tracking_owner(
    annotations: Mapping[str, str],
    labels: Mapping[str, str],
    key: ObjectKey,
    *,
    method: TrackingMethod,
    installation_id: str = "",
    label_key: str = INSTANCE_LABEL,
) -> TrackedBy | None:
    """Return which application an object's marks name, or None without a mark.

    Args:
        annotations: The object's.
        labels: The object's.
        key: The object's own identity; a mark that names another object is not its own.
        method: Which marks to read.
        installation_id: This installation's; a mark of another installation is not its own.
        label_key: The label to read.
    """
    if method is TrackingMethod.LABEL:
        app_instance = labels.get(label_key, "")
        return TrackedBy(app_instance, is_own_mark=True) if app_instance else None
    tracking_id = parse_tracking_id(annotations.get(TRACKING_ID, ""))
    if tracking_id is None or not tracking_id.app_instance:
        return None
    is_same_installation = annotations.get(INSTALLATION_ID, "") == installation_id
    is_own = is_same_installation and _names(tracking_id.key, key)
    return TrackedBy(tracking_id.app_instance, is_own_mark=is_own)


def _names(stated: ObjectKey, key: ObjectKey) -> bool:
    # A cluster-scoped object's id may state the destination's namespace: see with_tracking.
    expected = stated if key.namespace else stated.with_namespace("")
    return expected == key


def is_label_only(method: str) -> bool:
    """Return whether a setting means tracking by label alone, as Argo CD did before 3.0."""
    return method in {"", TrackingMethod.LABEL}


def align_tracking(
    desired: JsonObject | None,
    live: JsonObject | None,
    *,
    method: str,
    label_key: str = INSTANCE_LABEL,
) -> JsonObject | None:
    """Return the live object with marks of an older method shown as the current one's.

    After a change of method every object would differ in its marks alone. A live object with the
    label is shown with desired's annotation where it has none, and without the label where desired
    has none. Definitions of custom resources are left alone.
    """
    if desired is None or live is None or is_label_only(method) or key_of(live).group_kind == CRD:
        return live
    if label_key not in labels_of(live):
        return live
    wanted = annotations_of(desired).get(TRACKING_ID)
    if wanted and TRACKING_ID not in annotations_of(live):
        live = with_map_entries(live, "annotations", {TRACKING_ID: wanted})
    if label_key not in labels_of(desired):
        live = with_map_entries(live, "labels", {label_key: None})
    return live
