"""Objects of the stories, said in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.core import JsonObject
from trimtab.core.manifest import ObjectKey
from trimtab.ports.cluster import ClusterSettings

NAMESPACE, PLACE = "argocd", "shop"
DONE: JsonObject = {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1}
FAILED: JsonObject = {"conditions": [{"type": "Failed", "status": "True", "message": "no disk"}]}


def config(name: str, value: str = "1", **annotations: str) -> JsonObject:
    """Return a ConfigMap with one value; see ``noted`` for the annotations."""
    return noted(named("ConfigMap", name, data={"value": value}), **annotations)


def deployment(name: str, **annotations: str) -> JsonObject:
    """Return a Deployment of one container."""
    labels = {"app": name}
    pod = {"containers": [{"name": "main", "image": "web:1"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return noted(named("Deployment", name, "apps/v1", spec=spec), **annotations)


def job(name: str, **annotations: str) -> JsonObject:
    """Return a Job."""
    spec = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main"}]}}}
    return noted(named("Job", name, "batch/v1", spec=spec), **annotations)


def named(kind: str, name: str, api: str = "v1", **parts: Any) -> JsonObject:
    """Return an object without a namespace."""
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, **parts}


def placed(body: JsonObject) -> JsonObject:
    """Return an object in namespace ``shop``, for edits by hand."""
    metadata = {**body["metadata"], "namespace": PLACE}  # type: ignore[dict-item]
    return {**body, "metadata": metadata}


_ANNOTATIONS = {
    "wave": "argocd.argoproj.io/sync-wave",
    "hook": "argocd.argoproj.io/hook",
    "policy": "argocd.argoproj.io/hook-delete-policy",
    "options": "argocd.argoproj.io/sync-options",
}


def noted(body: JsonObject, **annotations: str) -> JsonObject:
    """Return an object with annotations: ``wave``, ``hook``, ``policy``, ``options``."""
    if not annotations:
        return body
    stated = {_ANNOTATIONS[name]: text for name, text in annotations.items()}
    metadata: Mapping[str, Any] = {**body["metadata"], "annotations": stated}  # type: ignore[dict-item]
    return {**body, "metadata": metadata}


def app_key(name: str) -> ObjectKey:
    """Return an Application's key."""
    return ObjectKey("argoproj.io", "Application", NAMESPACE, name)


def place_key(name: str, kind: str = "ConfigMap") -> ObjectKey:
    """Return the key of an object in namespace ``shop``."""
    group = {"Deployment": "apps", "Job": "batch"}.get(kind, "")
    return ObjectKey(group, kind, PLACE, name)


def cluster_of(name: str) -> ClusterSettings:
    """Return the settings of a cluster without credentials."""
    return ClusterSettings(name, f"https://{name}.example.com", {})


def name_of(body: JsonObject) -> str:
    """Return an object's name, or what its name begins with."""
    metadata: Mapping[str, Any] = body["metadata"]  # type: ignore[assignment]
    return str(metadata.get("name") or metadata["generateName"])
