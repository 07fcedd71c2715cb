"""Objects and waits shared by the contract tests of clusters."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey
from trimtab.ports.cluster import Cluster, Write, Written

CONFIG_MAP = GroupKind("", "ConfigMap")
DEPLOYMENT = GroupKind("apps", "Deployment")
SECRET = GroupKind("", "Secret")
CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
OURS = Write("trimtab")
OWNER_LABEL = "owner"


def encode(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def config_map(namespace: str, name: str, data: dict[str, str], **meta: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, **meta}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def config_map_key(namespace: str, name: str) -> ObjectKey:
    return ObjectKey("", "ConfigMap", namespace, name)


def deployment(namespace: str, name: str, **container: Any) -> dict[str, Any]:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "web", "image": "registry.test/web:1", **container}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def crd(group: str, kind: str, *, has_status: bool = False) -> dict[str, Any]:
    plural = f"{kind.lower()}s"
    open_object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    properties = {"spec": open_object, "status": open_object}
    version: dict[str, Any] = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
    }
    if has_status:
        version["subresources"] = {"status": {}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {
                "kind": kind,
                "plural": plural,
                "singular": kind.lower(),
                "listKind": f"{kind}List",
            },
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def tracked_by(live: LiveObject) -> str | None:
    return live.labels.get(OWNER_LABEL)


async def apply(cluster: Cluster, body: dict[str, Any], write: Write = OURS) -> Written:
    """Apply an object under the key that it states itself."""
    group, _, version = body["apiVersion"].rpartition("/")
    metadata = body["metadata"]
    key = ObjectKey(group, body["kind"], metadata.get("namespace", ""), metadata["name"])
    return await cluster.apply(key, version, encode(body), write)


async def until(condition: Callable[[], object], *, seconds: float = 15, what: str = "") -> None:
    """Wait until ``condition`` holds; polls, since not everything here tells of its change."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what or "it did not happen in time"
        await asyncio.sleep(0.01)


def owners(live: LiveObject) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (entry.manager, entry.operation): json.loads(bytes(entry.fields_v1))
        for entry in live.meta.managed_fields or ()
    }
