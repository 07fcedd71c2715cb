"""Leaving values out of an object: by JSON pointer, or by the paths that a manager owns."""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from trimtab.core import JsonObject, JsonValue
from trimtab.core.diff.changes import ABSENT
from trimtab.core.diff.fieldset import FieldSet, Node, Segments, parse_fields
from trimtab.core.diff.ignore import IgnoreRules
from trimtab.core.diff.lists import key_of_item, key_segment, known_keys
from trimtab.core.diff.paths import find_item, value_at
from trimtab.core.manifest import LiveObject, ManagedFieldsEntry, as_list, as_object


def pointer_tokens(pointer: str) -> tuple[str, ...]:
    """Return a JSON pointer's tokens, unescaped; a leading slash may be missing."""
    parts = pointer.removeprefix("/").split("/") if pointer else []
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)


def remove_pointers(body: JsonObject, pointers: Iterable[str]) -> JsonObject:
    """Return an object without the values at some JSON pointers; missing ones are no error."""
    for pointer in pointers:
        tokens = pointer_tokens(pointer)
        if tokens:
            body = cast("JsonObject", _removed(body, tokens))
    return body


def _removed(value: JsonValue, tokens: tuple[str, ...]) -> JsonValue:
    token, rest = tokens[0], tokens[1:]
    if isinstance(value, Mapping):
        if token not in value:
            return value
        if not rest:
            return {name: item for name, item in value.items() if name != token}
        below = _removed(value[token], rest)
        return value if below is value[token] else {**value, token: below}
    if isinstance(value, list | tuple) and token.isdecimal() and int(token) < len(value):
        position, items = int(token), list(cast("Sequence[JsonValue]", value))
        if rest:
            items[position] = _removed(items[position], rest)
        else:
            del items[position]
        return items
    return value


def remove_paths(body: JsonObject, paths: FieldSet) -> JsonObject:
    """Return an object without the values at the members of a set."""
    return cast("JsonObject", _without_node(body, paths.root))


def _without_node(value: JsonValue, node: Node) -> JsonValue:
    if isinstance(value, Mapping):
        kept: dict[str, JsonValue] = {}
        for name, item in value.items():
            child = node.get(f"f:{name}")
            if child is None:
                kept[name] = item
            elif child and "." not in child:
                kept[name] = _without_node(item, child)
        return kept
    if not isinstance(value, list | tuple):
        return value
    items = tuple(cast("Sequence[JsonValue]", value))
    found = {find_item(items, segment): child for segment, child in node.items() if segment != "."}
    left: list[JsonValue] = []
    for position, item in enumerate(items):
        child = found.get(position)
        if child is None:
            left.append(item)
        elif child and "." not in child:
            left.append(_without_node(item, child))
    return left


def trusted_fields(
    entries: Iterable[ManagedFieldsEntry] | None, managers: Iterable[str]
) -> FieldSet:
    """Return what the named managers own, however they wrote it."""
    trusted = set(managers)
    owned = FieldSet({})
    for entry in entries or ():
        if entry.manager in trusted:
            owned |= parse_fields(entry.fields_v1)
    return owned


def leave_out_ignored(
    desired: JsonObject, live: LiveObject, rules: IgnoreRules, manager: str
) -> JsonObject:
    """Return what to apply under RespectIgnoreDifferences.

    An ignored field that another manager owns is left out, so that it stays theirs. One that only
    we own is sent with its live value, since leaving it out would remove it.

    Args:
        desired: The manifest's body.
        live: The object in the cluster.
        rules: The rules; jq paths must have been evaluated into pointers by the caller.
        manager: Our field manager.
    """
    settings = rules.matching(live.key)
    if not settings:
        return desired
    body = live.body()
    entries = live.meta.managed_fields or ()
    foreign = trusted_fields(entries, {entry.manager for entry in entries} - {manager})
    for pointer in settings.json_pointers:
        tokens = pointer_tokens(pointer)
        if not tokens:
            continue
        segments = segments_of_tokens(body, tokens)
        value = value_at(body, segments) if segments else ABSENT
        if value is ABSENT or (segments and foreign.covers(segments)):
            desired = cast("JsonObject", _removed(desired, tokens))
        else:
            desired = cast("JsonObject", _replaced(desired, tokens, value))
    trusted = trusted_fields(entries, settings.managed_fields_managers)
    return remove_paths(desired, trusted) if trusted else desired


def _replaced(value: JsonValue, tokens: tuple[str, ...], new: JsonValue) -> JsonValue:
    """Return a copy with the value at existing tokens replaced."""
    if not tokens:
        return new
    if isinstance(value, Mapping) and tokens[0] in value:
        return {**value, tokens[0]: _replaced(value[tokens[0]], tokens[1:], new)}
    if isinstance(value, list | tuple) and tokens[0].isdecimal() and int(tokens[0]) < len(value):
        items = list(cast("Sequence[JsonValue]", value))
        items[int(tokens[0])] = _replaced(items[int(tokens[0])], tokens[1:], new)
        return items
    return value


def segments_of_tokens(body: JsonObject, tokens: tuple[str, ...]) -> Segments | None:
    """Return the wire's path of JSON-pointer tokens, with list items by their known keys."""
    segments: list[str] = []
    value: JsonValue = body
    for token in tokens:
        if isinstance(value, list | tuple):
            items = as_list(value)
            if not token.isdecimal() or int(token) >= len(items):
                return None
            value = items[int(token)]
            names = known_keys(segments[-1][2:] if segments else "", items)
            key = key_of_item(value, names) if names else None
            segments.append(key_segment(names, key) if key else f"i:{token}")
        else:
            segments.append(f"f:{token}")
            value = as_object(value).get(token)
    return tuple(segments)
