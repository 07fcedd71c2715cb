"""A difference, field by field, and the manager that made it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from trimtab.core import JsonValue
from trimtab.core.manifest import canonical_json


class Absent(Enum):
    """The type of `ABSENT`, a value no JSON document can hold."""

    ABSENT = "(none)"

    def __str__(self) -> str:
        return self.value

    def __repr__(self) -> str:
        return self.value

    def __bool__(self) -> bool:
        return False


ABSENT: Final = Absent.ABSENT
"""Stands where a side of a change has no value; ``null`` is a value of its own."""

MaybeJson: TypeAlias = "JsonValue | Absent"
"""A JSON value, or `ABSENT`."""

_SHOWN_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs.

    Args:
        path: Dotted path with list items by key: ``spec.containers[name=web].image``.
        before: The value in the cluster, or `ABSENT`.
        after: The value that an apply would leave, or `ABSENT` when it would remove the field.
        manager: The field manager that wrote ``before`` last; empty when nobody is known.
    """

    path: str
    before: MaybeJson
    after: MaybeJson
    manager: str = ""

    def __str__(self) -> str:
        by = f" (set by {self.manager})" if self.manager else ""
        return f"{self.path}: {shown(self.before)} -> {shown(self.after)}{by}"


def shown(value: MaybeJson) -> str:
    """Return a value as one line for people, cut where it is long."""
    if isinstance(value, Absent):
        return str(value)
    text = value if isinstance(value, str) else canonical_json(value).decode()
    text = text.replace("\n", "\\n")
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def managers_in(changes: Iterable[FieldChange]) -> tuple[str, ...]:
    """Return the managers named by some changes, sorted and without repetition."""
    return tuple(sorted({change.manager for change in changes if change.manager}))
