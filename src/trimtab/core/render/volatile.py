"""Renders that differ each time: which of their objects do, and how the first ones are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from trimtab.core import JsonObject
from trimtab.core.manifest import GroupKind, key_of

Kept: TypeAlias = tuple[JsonObject | None, ...]
"""One entry an object of the render, in its order: the object where it differs, else None."""


@dataclass(frozen=True, slots=True)
class Unstable:
    """Why a render is not the same each time.

    Args:
        objects: Those that differ, ``Kind namespace/name``; sorted.
        functions: Volatile functions that were called; sorted.
        is_kept: What was rendered first at a revision is kept for it.
    """

    objects: tuple[str, ...]
    functions: tuple[str, ...]
    is_kept: bool = False


def differing_objects(first: Sequence[JsonObject], second: Sequence[JsonObject]) -> Kept:
    """Return what of the first of two renders of the same thing differs in the second.

    Returns:
        All of the first when the two do not have equally many objects.
    """
    if len(first) != len(second):
        return tuple(first)
    return tuple(None if one == other else one for one, other in zip(first, second, strict=True))


def with_kept(objects: Sequence[JsonObject], kept: Kept) -> tuple[JsonObject, ...] | None:
    """Return a render with the kept objects in their places.

    Returns:
        None when the kept objects are of a render of another shape.
    """
    if all(one is not None for one in kept):
        return tuple(one for one in kept if one is not None)
    if len(kept) != len(objects):
        return None
    if any(old and _place(old) != _place(new) for new, old in zip(objects, kept, strict=True)):
        return None
    return tuple(new if old is None else old for new, old in zip(objects, kept, strict=True))


def names_of(kept: Kept) -> tuple[str, ...]:
    """Return the names of the kept objects, sorted."""
    return tuple(sorted(str(key_of(one)) for one in kept if one is not None))


def _place(body: JsonObject) -> tuple[GroupKind, str]:
    """Return what tells objects apart whose names may be random."""
    key = key_of(body)
    return key.group_kind, key.namespace
