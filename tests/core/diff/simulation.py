"""An apply in a few lines: enough of structured merge to give live objects with an owner."""

import json
from collections.abc import Mapping
from typing import Any

from trimtab.core.diff.lists import key_of_item, key_segment, known_keys
from trimtab.core.manifest import LiveObject, parse_live

OURS = "trimtab"


def fields_of(value: Any, field: str = "") -> dict[str, Any]:
    """Return what an apply of a value owns, as fieldsV1."""
    if isinstance(value, Mapping):
        return {f"f:{name}": fields_of(item, name) for name, item in value.items()}
    names = known_keys(field, value) if isinstance(value, list) and value else ()
    if not names:
        return {}
    return {
        key_segment(names, key): {".": {}, **fields_of(item)}
        for item in value
        if (key := key_of_item(item, names))
    }


def entry(manager: str, fields: Any, **more: str) -> dict[str, Any]:
    """Return one entry of managedFields."""
    stated = {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1",
        "time": "2026-01-01T00:00:00Z",
        "fieldsV1": fields,
    }
    return {**stated, **more}


def own_fields(desired: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an apply of a whole object owns."""
    owned = fields_of(
        {name: value for name, value in desired.items() if name not in ("apiVersion", "kind")}
    )
    owned["f:metadata"] = {
        name: node
        for name, node in owned["f:metadata"].items()
        if name not in ("f:name", "f:namespace")
    }
    return {name: node for name, node in owned.items() if node or name != "f:metadata"}


def live_of(body: Mapping[str, Any], *entries: dict[str, Any], version: str = "7") -> LiveObject:
    """Return an object with managedFields."""
    metadata = {**body["metadata"], "resourceVersion": version, "managedFields": list(entries)}
    return parse_live(json.dumps({**body, "metadata": metadata}).encode())


def applied(desired: Mapping[str, Any], *others: dict[str, Any]) -> LiveObject:
    """Return the object that our apply leaves."""
    return live_of(desired, entry(OURS, own_fields(desired)), *others)


def deployment(**spec: Any) -> dict[str, Any]:
    """Return a Deployment with one container."""
    container = {
        "name": "web",
        "image": "web:1",
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "ports": [{"containerPort": 80}],
        "resources": {"limits": {"cpu": "100m"}},
    }
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
        "spec": {"replicas": 2, "template": template, **spec},
    }
