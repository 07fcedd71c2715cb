"""Handing an Application's fields to the tool that is to apply them from now on.

What we own as an Apply entry becomes the other manager's, object by object, so that a field which
that tool leaves out later goes away. Nothing else of an object changes, except for the annotation
from which a client-side apply knows what it applied before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast

import msgspec

from trimtab.core import JsonObject
from trimtab.core.diff import release_ownership_patch
from trimtab.core.manifest import LiveObject, ObjectKey, as_list, field_at
from trimtab.core.plan import parse_sync_options
from trimtab.ports.cluster import Cluster, NotFound
from trimtab.services.requests import Patch, edit

OURS: Final = "trimtab"
_PATCH = msgspec.json.Decoder(list[object])


class Tool(StrEnum):
    """Tools that can take the fields, as people call them."""

    ARGOCD = "argocd-controller"
    HELM = "helm"
    KUBECTL = "kubectl"


_CLIENT_SIDE_NAMES: Final[Mapping[Tool, str]] = {Tool.KUBECTL: "kubectl-client-side-apply"}


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who gets the fields, and how it applies.

    Args:
        tool: Which.
        is_server_side: It applies server-side.
    """

    tool: Tool
    is_server_side: bool

    @property
    def manager(self) -> str:
        """Its field manager."""
        own = self.tool.value
        return own if self.is_server_side else _CLIENT_SIDE_NAMES.get(self.tool, own)

    @property
    def needs_last_applied(self) -> bool:
        """Whether it removes by kubectl's annotation; Helm has its own record of a release."""
        return not self.is_server_side and self.tool is not Tool.HELM

    def patch(self, live: LiveObject) -> Patch:
        """Return what hands our fields over; empty when we own nothing."""
        found = release_ownership_patch(
            live,
            manager=OURS,
            to=self.manager,
            operation="Apply" if self.is_server_side else "Update",
            last_applied=self.needs_last_applied,
        )
        return [] if found is None else cast("Patch", _PATCH.decode(found))


class Outcome(StrEnum):
    """What happened to an object."""

    RELEASED = "released"
    NOT_OURS = "not ours"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Released:
    """One object after it was looked at."""

    key: ObjectKey
    outcome: Outcome


def receiver_of(app: JsonObject, tool: Tool, *, is_server_side: bool | None = None) -> Receiver:
    """Return how a tool would apply an Application's objects.

    Args:
        app: The Application; its sync options say how Argo CD applies.
        tool: Who gets the fields.
        is_server_side: What somebody says about it; None goes by the tool and the Application.
    """
    if is_server_side is None:
        entries = as_list(field_at(app, "spec", "syncPolicy", "syncOptions"))
        options, _ = parse_sync_options([str(entry) for entry in entries])
        is_server_side = tool is Tool.ARGOCD and options.server_side_apply is True
    return Receiver(tool, is_server_side)


async def release_objects(
    cluster: Cluster, keys: Iterable[ObjectKey], receiver: Receiver, *, dry_run: bool = False
) -> list[Released]:
    """Hand over what we own of some objects; safe to run again after an error.

    Args:
        cluster: Where they live.
        keys: The objects.
        receiver: Who gets the fields.
        dry_run: Ask the server without storing.

    Returns:
        One entry an object, in the order given.
    """
    return [await _release(cluster, key, receiver, dry_run=dry_run) for key in keys]


async def _release(
    cluster: Cluster, key: ObjectKey, receiver: Receiver, *, dry_run: bool
) -> Released:
    live = await cluster.get(key)
    if live is None:
        return Released(key, Outcome.GONE)
    if not receiver.patch(live):
        return Released(key, Outcome.NOT_OURS)
    try:
        await edit(cluster, key, receiver.patch, dry_run=dry_run, manager=receiver.manager)
    except NotFound:
        return Released(key, Outcome.GONE)
    return Released(key, Outcome.RELEASED)
