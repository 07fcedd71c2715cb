"""Leaving out of a body the fields that an API server does not know.

What it knows is learned from its answer to the same body: it drops what it does not know, and adds
defaults. Values are not compared. A zero value (false, 0, empty) that is absent from the answer may
be either unknown or known and not worth storing, so there are two ways to see it.
"""

from collections.abc import Sequence

from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest import as_list, as_object


def leave_out_unknown(
    body: JsonObject, answer: JsonObject, *, keep_zeros: bool
) -> tuple[JsonObject, tuple[str, ...]]:
    """Return a body without the fields that an answer lacks, and their paths, sorted.

    Args:
        body: What was sent.
        answer: What came back.
        keep_zeros: A zero value that the answer lacks stays.
    """
    dropped: list[str] = []
    known = _known_fields(body, answer, "", dropped, keep_zeros=keep_zeros)
    return known, tuple(sorted(dropped))


def _known_fields(
    ours: JsonObject, theirs: JsonObject, path: str, dropped: list[str], *, keep_zeros: bool
) -> JsonObject:
    kept: dict[str, JsonValue] = {}
    for name, value in ours.items():
        place = f"{path}.{name}"
        if name in theirs:
            kept[name] = _known(value, theirs[name], place, dropped, keep_zeros=keep_zeros)
        elif keep_zeros and not value:
            kept[name] = value
        else:
            dropped.append(place)
    return kept


def _known(
    ours: JsonValue, theirs: JsonValue, path: str, dropped: list[str], *, keep_zeros: bool
) -> JsonValue:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return _known_fields(ours, theirs, path, dropped, keep_zeros=keep_zeros)
    if not isinstance(ours, list) or not isinstance(theirs, list):
        return ours
    pairs = _pairs(as_list(ours), as_list(theirs))
    return [
        item
        if other is None
        else _known(item, other, f"{path}[{index}]", dropped, keep_zeros=keep_zeros)
        for index, (item, other) in enumerate(pairs)
    ]


def _pairs(
    ours: Sequence[JsonValue], theirs: Sequence[JsonValue]
) -> list[tuple[JsonValue, JsonValue]]:
    """Return each of our items with its counterpart: by place, or by name among added ones."""
    if len(ours) == len(theirs):
        return list(zip(ours, theirs, strict=True))
    named = {str(as_object(item)["name"]): item for item in theirs if "name" in as_object(item)}
    return [(item, named.get(str(as_object(item).get("name")))) for item in ours]
