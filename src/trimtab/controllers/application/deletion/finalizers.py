"""Finalizers of an Application: what is still to be done before it may go, in which order.

They are the memory of a deletion: each stage takes its own away when it is done, so a new process
goes on where the last one was.

Source:
    Argo CD, which sets those of hooks on every Application that has such hooks.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from trimtab.core.manifest import HookPhase, Manifest, annotations_of, hook_types

RESOURCES = "resources-finalizer.argocd.argoproj.io"
BACKGROUND = f"{RESOURCES}/background"
FOREGROUND = f"{RESOURCES}/foreground"
PRE_DELETE = "pre-delete-finalizer.argocd.argoproj.io"
PRE_DELETE_CLEANUP = f"{PRE_DELETE}/cleanup"
POST_DELETE = "post-delete-finalizer.argocd.argoproj.io"
POST_DELETE_CLEANUP = f"{POST_DELETE}/cleanup"


class Stage(StrEnum):
    """A part of a deletion."""

    PRE_DELETE = "PreDelete"
    OBJECTS = "Objects"
    POST_DELETE = "PostDelete"
    CLEAN_UP = "CleanUp"


FINALIZERS = {
    Stage.PRE_DELETE: (PRE_DELETE,),
    Stage.OBJECTS: (RESOURCES, BACKGROUND, FOREGROUND),
    Stage.POST_DELETE: (POST_DELETE,),
    Stage.CLEAN_UP: (PRE_DELETE_CLEANUP, POST_DELETE_CLEANUP),
}
"""The stages in their order, each with the finalizers that ask for it."""

_OF_HOOKS = {
    HookPhase.PRE_DELETE: (PRE_DELETE, PRE_DELETE_CLEANUP),
    HookPhase.POST_DELETE: (POST_DELETE, POST_DELETE_CLEANUP),
}


def next_stage(present: Iterable[str]) -> Stage | None:
    """Return the first stage that finalizers ask for, or None when nothing is left to do."""
    held = frozenset(present)
    return next((stage for stage, names in FINALIZERS.items() if held.intersection(names)), None)


def with_hook_finalizers(present: Sequence[str], hooks: Iterable[Manifest]) -> tuple[str, ...]:
    """Return the finalizers of an Application that has these hooks.

    Args:
        present: Those that it has; the ones of others stay, in their order.
        hooks: Every hook of what it desires.
    """
    phases = {phase for hook in hooks for phase in hook_types(annotations_of(hook.body))}
    wanted = [name for phase, names in _OF_HOOKS.items() if phase in phases for name in names]
    unwanted = {name for names in _OF_HOOKS.values() for name in names} - {*wanted}
    kept = [name for name in present if name not in unwanted]
    return (*kept, *(name for name in wanted if name not in kept))
