"""Hooks: objects that run at a phase of a sync instead of being kept.

Argo CD's annotations win over Helm's. An object with a hook annotation whose values all mean
nothing is still a hook: one without phases, which never runs and is never applied.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from trimtab.core import JsonObject
from trimtab.core.manifest.desired import Manifest
from trimtab.core.manifest.identity import key_of
from trimtab.core.manifest.metadata import CRD, annotations_of
from trimtab.core.manifest.options import annotation_values

HOOK = "argocd.argoproj.io/hook"
HOOK_DELETE_POLICY = "argocd.argoproj.io/hook-delete-policy"
SYNC_WAVE = "argocd.argoproj.io/sync-wave"
HOOK_FINALIZER = "argocd.argoproj.io/hook-finalizer"
HELM_HOOK = "helm.sh/hook"
HELM_HOOK_DELETE_POLICY = "helm.sh/hook-delete-policy"
HELM_HOOK_WEIGHT = "helm.sh/hook-weight"


class HookPhase(StrEnum):
    """When an object is applied; ``Skip`` means never."""

    PRE_DELETE = "PreDelete"
    PRE_SYNC = "PreSync"
    SYNC = "Sync"
    POST_SYNC = "PostSync"
    SYNC_FAIL = "SyncFail"
    POST_DELETE = "PostDelete"
    SKIP = "Skip"


class DeletePolicy(StrEnum):
    """When a hook's object is deleted."""

    BEFORE_HOOK_CREATION = "BeforeHookCreation"
    HOOK_SUCCEEDED = "HookSucceeded"
    HOOK_FAILED = "HookFailed"


SYNC_PHASES = (HookPhase.PRE_SYNC, HookPhase.SYNC, HookPhase.POST_SYNC, HookPhase.SYNC_FAIL)
"""The phases of a sync, in order; SyncFail only runs after a failure."""

_HELM_PHASES = {
    "pre-install": HookPhase.PRE_SYNC,
    "pre-upgrade": HookPhase.PRE_SYNC,
    "post-install": HookPhase.POST_SYNC,
    "post-upgrade": HookPhase.POST_SYNC,
    "pre-delete": HookPhase.PRE_DELETE,
    "post-delete": HookPhase.POST_DELETE,
}
_HELM_POLICIES = {
    "before-hook-creation": DeletePolicy.BEFORE_HOOK_CREATION,
    "hook-succeeded": DeletePolicy.HOOK_SUCCEEDED,
    "hook-failed": DeletePolicy.HOOK_FAILED,
}


def helm_hook_types(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """Return the Helm hook events that have a phase here, in order.

    Rollback and test hooks have none: nothing here rolls back or tests a release.
    """
    return tuple(word for word in annotation_values(annotations, HELM_HOOK) if word in _HELM_PHASES)


def is_helm_hook(body: JsonObject) -> bool:
    """Return whether Helm would call an object a hook; a CRD marked crd-install is none."""
    words = annotation_values(annotations_of(body), HELM_HOOK)
    if key_of(body).group_kind == CRD and "crd-install" in words:
        return False
    return bool(words)


def helm_hook_weight(annotations: Mapping[str, str]) -> int:
    """Return helm.sh/hook-weight, 0 when unset or not a number."""
    return _whole(annotations.get(HELM_HOOK_WEIGHT)) or 0


def hook_types(annotations: Mapping[str, str]) -> tuple[HookPhase, ...]:
    """Return the phases that the annotations name, in their order and without repetition."""
    if HOOK in annotations:
        words = annotation_values(annotations, HOOK)
        return tuple(HookPhase(word) for word in words if word in set(HookPhase))
    phases = (_HELM_PHASES[word] for word in helm_hook_types(annotations))
    return tuple(dict.fromkeys(phases))


def is_skipped(annotations: Mapping[str, str]) -> bool:
    """Return whether the object says that it is never to be applied."""
    return hook_types(annotations) == (HookPhase.SKIP,)


def is_hook(body: JsonObject) -> bool:
    """Return whether an object is a hook. One that is only skipped is none."""
    annotations = annotations_of(body)
    if HOOK in annotations:
        return not is_skipped(annotations)
    return is_helm_hook(body)


def is_ignored(body: JsonObject) -> bool:
    """Return whether an object is a hook without any phase, and so is never applied."""
    return is_hook(body) and not hook_types(annotations_of(body))


def sync_phases(body: JsonObject) -> tuple[HookPhase, ...]:
    """Return the phases of a sync at which an object is applied, in the order they run.

    Returns:
        ``Sync`` for an ordinary object, nothing for a skipped one and for hooks of deletion.
    """
    annotations = annotations_of(body)
    if is_skipped(annotations):
        return ()
    if not is_hook(body):
        return (HookPhase.SYNC,)
    named = set(hook_types(annotations))
    return tuple(phase for phase in SYNC_PHASES if phase in named)


def delete_policies(annotations: Mapping[str, str]) -> tuple[DeletePolicy, ...]:
    """Return when a hook is deleted; before it is created again, where nothing valid is said."""
    words = annotation_values(annotations, HOOK_DELETE_POLICY)
    policies = [DeletePolicy(word) for word in words if word in set(DeletePolicy)]
    policies += helm_delete_policies(annotations)
    return tuple(dict.fromkeys(policies)) or (DeletePolicy.BEFORE_HOOK_CREATION,)


def helm_delete_policies(annotations: Mapping[str, str]) -> tuple[DeletePolicy, ...]:
    """Return the policies that Helm's annotation names, without a default."""
    words = annotation_values(annotations, HELM_HOOK_DELETE_POLICY)
    return tuple(_HELM_POLICIES[word] for word in words if word in _HELM_POLICIES)


def has_delete_policy(body: JsonObject, policy: DeletePolicy) -> bool:
    """Return whether an object is a hook with this policy."""
    return is_hook(body) and policy in delete_policies(annotations_of(body))


def sync_wave(annotations: Mapping[str, str]) -> int:
    """Return the wave: Argo CD's annotation, else Helm's hook weight, else 0."""
    wave = _whole(annotations.get(SYNC_WAVE))
    return helm_hook_weight(annotations) if wave is None else wave


def _whole(text: str | None) -> int | None:
    digits = text or ""
    unsigned = digits[1:] if digits[:1] in {"-", "+"} else digits
    return int(digits) if unsigned.isascii() and unsigned.isdigit() else None


@dataclass(frozen=True, slots=True)
class HookSplit:
    """Manifests told apart by how a sync treats them; the order is kept.

    Args:
        objects: Ordinary objects: compared, applied, pruned.
        hooks: Run at their phases.
        skipped: Marked ``Skip``, or hooks without any phase: never applied.
    """

    objects: tuple[Manifest, ...]
    hooks: tuple[Manifest, ...]
    skipped: tuple[Manifest, ...]


def split_hooks(manifests: Iterable[Manifest]) -> HookSplit:
    """Return ordinary objects, hooks and never-applied objects apart."""
    objects: list[Manifest] = []
    hooks: list[Manifest] = []
    skipped: list[Manifest] = []
    for manifest in manifests:
        if is_skipped(annotations_of(manifest.body)) or is_ignored(manifest.body):
            skipped.append(manifest)
        elif is_hook(manifest.body):
            hooks.append(manifest)
        else:
            objects.append(manifest)
    return HookSplit(tuple(objects), tuple(hooks), tuple(skipped))
