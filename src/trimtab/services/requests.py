"""What a user asks of an Application, written into the object for the controllers to carry out.

Every request is a JSON patch that tests resourceVersion, computed from the object as it was read;
``edit`` reads again and recomputes when somebody was faster. Nothing else of the object is touched.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from trimtab.core import JsonObject
from trimtab.core.errors import Stalled
from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey, canonical_json
from trimtab.ports.cluster import Cluster, Conflict, Invalid, NotFound, Write

APPLICATION: Final = GroupKind("argoproj.io", "Application")
PROJECT: Final = GroupKind("argoproj.io", "AppProject")
REFRESH_ANNOTATION: Final = "argocd.argoproj.io/refresh"
FINALIZER: Final = "resources-finalizer.argocd.argoproj.io"
BACKGROUND_FINALIZER: Final = f"{FINALIZER}/background"
MANAGER: Final = "trimtab-cli"

_EDIT_TRIES = 5

Patch = list[JsonObject]


class Refusal(StrEnum):
    """Why a request makes no sense for the Application as it is."""

    OPERATION_IN_PROGRESS = "OperationInProgress"
    NO_OPERATION = "NoOperation"
    AUTOMATED = "AutomatedSync"
    REVISION_NOT_TARGET = "RevisionNotTarget"
    HISTORY_UNKNOWN = "HistoryUnknown"
    CHANGED_TOO_OFTEN = "ChangedTooOften"


class RequestRefused(Stalled):
    """The request was not written. Nothing has changed."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(refusal.value, message)
        self.refusal = refusal


def refresh_patch(app: LiveObject, *, hard: bool = False) -> Patch:
    """Return the patch that asks for a fresh comparison; ``hard`` also renders again."""
    return [at_version(app), *annotate(app, REFRESH_ANNOTATION, "hard" if hard else "normal")]


def finalizer_patch(app: LiveObject, *, cascade: bool, background: bool = False) -> Patch:
    """Return the patch that decides whether a deletion takes the resources along; may be empty."""
    mine = (FINALIZER, f"{FINALIZER}/foreground", BACKGROUND_FINALIZER)
    before = list(app.meta.finalizers or ())
    wanted = [name for name in before if name not in mine]
    if cascade:
        wanted.append(BACKGROUND_FINALIZER if background else FINALIZER)
    if sorted(wanted) == sorted(before):
        return []
    change: JsonObject = {"op": "add", "path": "/metadata/finalizers", "value": wanted}
    return [at_version(app), change]


async def edit(
    hub: Cluster,
    key: ObjectKey,
    change: Callable[[LiveObject], Patch],
    *,
    dry_run: bool = False,
    manager: str = MANAGER,
) -> LiveObject:
    """Patch an object with a change computed from what it is now.

    Args:
        hub: Where it lives.
        key: The object.
        change: Computes the patch; an empty one means there is nothing to do.
        dry_run: Ask the server without storing.
        manager: Field manager of the write.

    Returns:
        The object as it is afterwards.

    Raises:
        NotFound: It does not exist.
        RequestRefused: ``change`` refused, or others changed the object again and again.
    """
    write = Write(manager=manager, dry_run=dry_run)
    for _ in range(_EDIT_TRIES):
        live = await read(hub, key)
        patch = change(live)
        if not patch:
            return live
        try:
            return (await hub.patch(key, "json", canonical_json(patch), write)).live
        except (Invalid, Conflict):
            # A failed test of resourceVersion is Invalid to the server, as a bad patch is.
            now = await read(hub, key)
            if now.meta.resource_version == live.meta.resource_version:
                raise
    raise RequestRefused(
        Refusal.CHANGED_TOO_OFTEN, f"{key}: others changed it {_EDIT_TRIES} times; try again"
    )


async def read(hub: Cluster, key: ObjectKey) -> LiveObject:
    """Return an object that must exist.

    Raises:
        NotFound: It does not exist.
    """
    live = await hub.get(key)
    if live is None:
        raise NotFound(404, "NotFound", f"expected {key}, found none")
    return live


def annotate(app: LiveObject, name: str, value: str) -> Patch:
    """Return the change that sets one annotation."""
    if app.meta.annotations is None:
        return [{"op": "add", "path": "/metadata/annotations", "value": {name: value}}]
    escaped = name.replace("~", "~0").replace("/", "~1")
    return [{"op": "add", "path": f"/metadata/annotations/{escaped}", "value": value}]


def at_version(app: LiveObject) -> JsonObject:
    """Return the test that the object is still as it was read."""
    version = app.meta.resource_version
    return {"op": "test", "path": "/metadata/resourceVersion", "value": version}
