"""What an existing Argo CD installation in the hub says: its settings, and whether it is alive."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from trimtab.core import JsonObject
from trimtab.core.manifest import (
    INSTANCE_LABEL,
    ObjectKey,
    TrackingMethod,
    as_object,
    canonical_json,
    field_at,
)
from trimtab.ports.cluster import AlreadyExists, Cluster, ClusterReader, Write
from trimtab.ports.renderer import EngineError, Renderer

_log = structlog.get_logger("installation")
_PARSE_TIMEOUT = timedelta(seconds=5)
_OVERRIDE = "resource.customizations.ignoreDifferences."
# Keys of these beginnings say how things are delivered; others concern Argo CD's UI and logins.
_DELIVERY = ("resource.", "application.", "kustomize.", "helm.", "timeout.", "globalProjects")
_HONOURED = frozenset(
    {
        "application.instanceLabelKey",
        "application.resourceTrackingMethod",
        "kustomize.buildOptions",
    }
)
_CONTROLLERS = (
    ("StatefulSet", "argocd-application-controller"),
    ("Deployment", "argocd-application-controller"),
)


@dataclass(frozen=True, slots=True)
class InstallationSettings:
    """Keys of argocd-cm that mean something here.

    Args:
        tracking: application.resourceTrackingMethod.
        label_key: application.instanceLabelKey.
        installation_id: installationID.
        overrides: ignoreDifferences of resource.customizations, by ``group/Kind``.
        build_options: kustomize.buildOptions.
        without_effect: Keys that change how Argo CD delivers, and nothing here.
    """

    tracking: TrackingMethod = TrackingMethod.ANNOTATION
    label_key: str = INSTANCE_LABEL
    installation_id: str = ""
    overrides: Mapping[str, JsonObject] | None = None
    build_options: tuple[str, ...] = ()
    without_effect: tuple[str, ...] = ()


async def read_installation(
    hub: ClusterReader, renderer: Renderer, namespace: str
) -> InstallationSettings:
    """Return the settings of ConfigMap argocd-cm; defaults where there is none."""
    live = await hub.get(ObjectKey("", "ConfigMap", namespace, "argocd-cm"))
    body: JsonObject = live.body() if live is not None else {}
    data = as_object(body.get("data"))
    method = str(data.get("application.resourceTrackingMethod") or TrackingMethod.ANNOTATION)
    known = method in set(TrackingMethod)
    return InstallationSettings(
        tracking=TrackingMethod(method) if known else TrackingMethod.ANNOTATION,
        label_key=str(data.get("application.instanceLabelKey") or INSTANCE_LABEL),
        installation_id=str(data.get("installationID") or ""),
        overrides=await _overrides(data, renderer),
        build_options=tuple(str(data.get("kustomize.buildOptions") or "").split()),
        without_effect=tuple(keys_without_effect(data)),
    )


def keys_without_effect(data: Mapping[str, object]) -> list[str]:
    """Return the keys of argocd-cm that change how Argo CD delivers, and nothing here; sorted."""
    return sorted(
        key
        for key in data
        if key.startswith(_DELIVERY) and key not in _HONOURED and not key.startswith(_OVERRIDE)
    )


async def _overrides(data: JsonObject, renderer: Renderer) -> dict[str, JsonObject]:
    found: dict[str, JsonObject] = {}
    for key, text in data.items():
        if not key.startswith(_OVERRIDE):
            continue
        name = key.removeprefix(_OVERRIDE)
        try:
            documents = await renderer.parse(str(text), timeout=_PARSE_TIMEOUT)
        except EngineError as error:
            # One wrong key must not keep the fleet from starting; without it more is drift.
            _log.error("argocd-cm.invalid", key=key, error=error.summary)
            continue
        kind = "*/*" if name == "all" else name.replace("_", "/", 1)
        found[kind] = {"ignoreDifferences": documents[0] if documents else {}}
    return found


async def ensure_namespace(hub: Cluster, namespace: str) -> None:
    """Create the installation's namespace in a hub that is new to it.

    Raises:
        ApiError: The hub does not permit it.
    """
    key = ObjectKey("", "Namespace", "", namespace)
    if await hub.get(key) is not None:
        return
    body: JsonObject = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    try:
        await hub.create(key, "v1", canonical_json(body), Write("trimtab"))
    except AlreadyExists:
        return
    _log.info("namespace.created", namespace=namespace)


async def find_other_controller(hub: ClusterReader, namespace: str) -> str:
    """Return the name of another live controller of Applications, or the empty string."""
    for kind, name in _CONTROLLERS:
        live = await hub.get(ObjectKey("apps", kind, namespace, name))
        ready = field_at(live.body(), "status", "readyReplicas") if live is not None else 0
        if isinstance(ready, int) and ready > 0:
            return f"{kind} {namespace}/{name}"
    return ""
