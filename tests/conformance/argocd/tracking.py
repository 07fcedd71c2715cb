"""``argocd/tracking``: which application an object's marks name, and how they are laid on."""

from collections.abc import Mapping
from typing import Any

from conformance.cases import Case
from conformance.framework import Answer, Unsupported, compare_keys
from trimtab.core.manifest import (
    INSTANCE_LABEL,
    TrackingMethod,
    align_tracking,
    annotations_of,
    is_label_only,
    key_of,
    labels_of,
    manifest_of,
    parse_tracking_id,
    tracking_owner,
    truncate_label,
    with_tracking,
    without_tracking,
)


def run(case: Case) -> dict[str, Any]:
    """Hand the input to the function that its type names."""
    given = case.input
    match given["type"]:
        case "set":
            return _set(given)
        case "get":
            return {"appName": _owner(given["object"], given)}
        case "parse":
            parsed = parse_tracking_id(given["value"])
            return {"error": True} if parsed is None else _parts(parsed)
        case "truncate-label":
            return {"value": truncate_label(given["value"])}
        case "remove":
            body = without_tracking(given["object"], method=given["method"])
            return {"annotations": annotations_of(body), "labels": labels_of(body)}
        case "is-old-method":
            return {"old": is_label_only(given["method"])}
        case "normalize":
            live = align_tracking(
                given["config"], given["live"], method=given["method"], label_key=given["labelKey"]
            )
            return {"live": live}
        case other:
            raise Unsupported(other)


def _set(given: Mapping[str, Any]) -> dict[str, Any]:
    marked = with_tracking(
        manifest_of(given["object"]),
        app_instance=given["appName"],
        method=TrackingMethod.parse(given["method"]),
        installation_id=given.get("installationID") or "",
        label_key=given.get("labelKey") or INSTANCE_LABEL,
        default_namespace=given.get("namespace") or "",
    )
    body = marked.body
    return {
        "appName": _owner(body, given),
        "annotations": annotations_of(body),
        "labels": labels_of(body),
    }


def _owner(body: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    owner = tracking_owner(
        annotations_of(body),
        labels_of(body),
        key_of(body),
        method=TrackingMethod.parse(given["method"]),
        installation_id=given.get("installationID") or "",
        label_key=given.get("labelKey") or INSTANCE_LABEL,
    )
    return owner.app_instance if owner else ""


def _parts(parsed: Any) -> dict[str, Any]:
    return {
        "applicationName": parsed.app_instance,
        "group": parsed.key.group,
        "kind": parsed.key.kind,
        "namespace": parsed.key.namespace,
        "name": parsed.key.name,
    }


def compare(answer: Answer, expected: Mapping[str, Any]) -> list[str]:
    """Compare maps by the entries that are stated, and absences by name."""
    stated = dict(expected)
    shown = dict(answer)
    mismatches: list[str] = []
    if "live" in shown:
        shown = {
            "liveAnnotations": annotations_of(shown["live"]),
            "liveLabels": labels_of(shown["live"]),
        }
    for name in ("annotations", "labels", "liveAnnotations", "liveLabels"):
        wanted = stated.pop(name, {})
        found = shown.get(name, {})
        mismatches += compare_keys(found, wanted)
    for name, field in (
        ("absentAnnotations", "annotations"),
        ("absentLabels", "labels"),
        ("liveAbsentAnnotations", "liveAnnotations"),
        ("liveAbsentLabels", "liveLabels"),
    ):
        present = set(stated.pop(name, ())) & set(shown.get(field, {}))
        mismatches += [f"{field} still holds {key}" for key in sorted(present)]
    return mismatches + compare_keys(shown, stated)
