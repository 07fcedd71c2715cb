"""Paths for people and for JSON pointers, from the wire's segments."""

from collections.abc import Iterable, Iterator

from trimtab.core import JsonObject, JsonValue
from trimtab.core.diff.changes import ABSENT, MaybeJson, shown
from trimtab.core.diff.fieldset import Segments, item_value, key_fields
from trimtab.core.diff.lists import key_of_item
from trimtab.core.manifest import as_list, as_object

_NEEDS_BRACKETS = frozenset("./[]=")


def display_path(segments: Iterable[str]) -> str:
    """Return ``spec.containers[name=web].image`` for a path; odd names stand in brackets."""
    parts: list[str] = []
    for segment in segments:
        kind, text = segment[0], segment[2:]
        if kind == "k":
            keys = ",".join(f"{name}={shown(value)}" for name, value in key_fields(segment))
            parts.append(f"[{keys}]")
        elif kind == "v":
            parts.append(f"[{shown(item_value(segment))}]")
        elif kind == "i" or _NEEDS_BRACKETS.intersection(text):
            parts.append(f"[{text}]")
        else:
            parts.append(f".{text}" if parts else text)
    return "".join(parts)


def tokens_in(body: JsonObject, segments: Segments) -> tuple[str, ...] | None:
    """Return a path's JSON-pointer tokens inside one object; None where a list item is missing."""
    tokens: list[str] = []
    value: MaybeJson = body
    for segment in segments:
        if segment[0] == "f":
            name = segment[2:]
            tokens.append(name)
            value = as_object(value).get(name, ABSENT)
            continue
        position = find_item(as_list(value), segment)
        if position is None:
            return None
        tokens.append(str(position))
        value = as_list(value)[position]
    return tuple(tokens)


def value_at(body: JsonObject, segments: Iterable[str]) -> MaybeJson:
    """Return the value at a path, or `ABSENT`."""
    value: MaybeJson = body
    for segment in segments:
        if segment[0] == "f":
            value = as_object(value).get(segment[2:], ABSENT)
        else:
            items = as_list(value)
            position = find_item(items, segment)
            value = ABSENT if position is None else items[position]
        if value is ABSENT:
            return ABSENT
    return value


def find_item(items: tuple[JsonValue, ...], segment: str) -> int | None:
    """Return the position of the list item that a ``k:``, ``v:`` or ``i:`` segment names."""
    matches: Iterator[int]
    if segment[0] == "k":
        fields = key_fields(segment)
        names = tuple(name for name, _ in fields)
        values = tuple(value for _, value in fields)
        matches = (i for i, item in enumerate(items) if key_of_item(item, names) == values)
    elif segment[0] == "v":
        wanted = item_value(segment)
        matches = (i for i, item in enumerate(items) if item == wanted)
    else:
        matches = iter([int(segment[2:])] if int(segment[2:]) < len(items) else [])
    return next(matches, None)
