"""Changing values at places of an object that a pattern names, without changing the object.

A pattern is a tuple of field names; ``*`` stands for every item of a list or value of a map.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

from trimtab.core import JsonObject, JsonValue

Pattern: TypeAlias = tuple[str, ...]
EVERY = "*"


def pattern(text: str) -> Pattern:
    """Return the pattern of a dotted text; ``[]`` behind a name stands for every item."""
    return tuple(text.replace("[]", ".*").split(".")) if text else ()


def change_at(
    body: JsonObject, place: Pattern, change: Callable[[JsonValue], JsonValue]
) -> JsonObject:
    """Return a copy with the values at every matching place changed; missing ones stay missing."""
    return cast("JsonObject", _changed(body, place, change))


def _changed(
    value: JsonValue, place: Pattern, change: Callable[[JsonValue], JsonValue]
) -> JsonValue:
    if not place:
        return change(value)
    step, rest = place[0], place[1:]
    if step == EVERY:
        if isinstance(value, Mapping):
            return {name: _changed(item, rest, change) for name, item in value.items()}
        if isinstance(value, list | tuple):
            items = cast("Sequence[JsonValue]", value)
            return [_changed(item, rest, change) for item in items]
        return value
    if isinstance(value, Mapping) and step in value:
        return {**value, step: _changed(value[step], rest, change)}
    return value
