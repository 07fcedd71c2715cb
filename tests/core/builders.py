"""Small objects for tests of the core, said in one line each."""

from collections.abc import Mapping
from typing import Any

import msgspec

from trimtab.core.manifest import LiveObject, Manifest, manifest_of, parse_live

WAVE = "argocd.argoproj.io/sync-wave"
HOOK = "argocd.argoproj.io/hook"
HOOK_POLICY = "argocd.argoproj.io/hook-delete-policy"
OPTIONS = "argocd.argoproj.io/sync-options"


def body(
    kind: str = "ConfigMap",
    name: str = "app",
    *,
    api: str = "v1",
    namespace: str = "demo",
    notes: Mapping[str, str] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Return an object; ``notes`` are its annotations, ``namespace`` may be empty."""
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if notes:
        metadata["annotations"] = dict(notes)
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def desired(kind: str = "ConfigMap", name: str = "app", **rest: Any) -> Manifest:
    """Return a manifest; see `body`."""
    return manifest_of(body(kind, name, **rest))


def existing(
    kind: str = "ConfigMap", name: str = "app", *, uid: str = "", **rest: Any
) -> LiveObject:
    """Return a live object whose uid is made from its name unless given."""
    made = body(kind, name, **rest)
    made["metadata"]["uid"] = uid or f"uid-{name}"
    return parse_live(msgspec.json.encode(made))


def hook(name: str, phases: str, *, wave: int = 0, policy: str = "") -> Manifest:
    """Return a Job that is a hook."""
    notes = {HOOK: phases}
    if wave:
        notes[WAVE] = str(wave)
    if policy:
        notes[HOOK_POLICY] = policy
    return desired("Job", name, api="batch/v1", notes=notes)
