"""Objects that tests keep in Git, as text (JSON is YAML too), and what they read from live ones."""

from __future__ import annotations

import json
from typing import Any

from e2e.seen import Json

HOOK = "argocd.argoproj.io/hook"
DELETE_POLICY = "argocd.argoproj.io/hook-delete-policy"
WAVE = "argocd.argoproj.io/sync-wave"
OPTIONS = "argocd.argoproj.io/sync-options"


def text(kind: str, name: str, api_version: str = "v1", **parts: Any) -> str:
    """Return an object as text; ``metadata`` is merged with the name."""
    meta = {"name": name, **parts.pop("metadata", {})}
    return json.dumps({"apiVersion": api_version, "kind": kind, "metadata": meta, **parts})


def config(name: str, value: str = "1", **annotations: str) -> str:
    """Return a ConfigMap with one value; ``wave``, ``hook``, ``policy``, ``options`` annotate."""
    return text("ConfigMap", name, data={"value": value}, metadata=_annotated(annotations))


def deployment(name: str, *, replicas: int = 1, image: str = "web:1", **spec: Any) -> str:
    """Return a Deployment of one container."""
    labels = {"app": name}
    pod = {"containers": [{"name": "main", "image": image}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    body = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return text("Deployment", name, "apps/v1", spec={**body, **spec})


def job(name: str, *, pod: dict[str, str] | None = None, **annotations: str) -> str:
    """Return a Job of one pod; ``pod`` tells localfleet how it runs: ``exit-code``, ``run-for``."""
    spec = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "job:1"}]}
    how = {f"localfleet.trimtab.dev/{key}": value for key, value in (pod or {}).items()}
    template = {"metadata": {"annotations": how}, "spec": spec}
    meta = _annotated(annotations)
    return text(
        "Job", name, "batch/v1", spec={"template": template, "backoffLimit": 0}, metadata=meta
    )


def definition(plural: str, kind: str, group: str) -> str:
    """Return a CustomResourceDefinition of a namespaced kind with free-form spec."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    api = "apiextensions.k8s.io/v1"
    return text("CustomResourceDefinition", f"{plural}.{group}", api, spec=spec)


def data_of(body: Json | None) -> Json:
    """Return a live object's data; empty when it does not exist."""
    return (body or {}).get("data") or {}


def version_of(body: Json | None) -> int:
    """Return a live object's resourceVersion: in one cluster, later writes have higher ones."""
    assert body is not None
    return int(body["metadata"]["resourceVersion"])


def managers_of(body: Json) -> set[str]:
    """Return the names of a live object's field managers."""
    return {entry["manager"] for entry in body["metadata"].get("managedFields", [])}


def _annotated(annotations: dict[str, str]) -> Json:
    names = {"wave": WAVE, "hook": HOOK, "policy": DELETE_POLICY, "options": OPTIONS}
    if not annotations:
        return {}
    return {"annotations": {names[key]: value for key, value in annotations.items()}}
