"""Reading JSON objects by path, and times for people."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from trimtab.core import JsonObject, JsonValue


def field(value: JsonValue, *path: str) -> JsonValue:
    """Return the value at a path of keys, or None."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def text(value: JsonValue, *path: str) -> str:
    """Return the value at a path as text; empty when it is not there."""
    found = field(value, *path)
    return "" if found is None else str(found)


def objects(value: JsonValue, *path: str) -> list[JsonObject]:
    """Return the list of objects at a path; empty when it is not there."""
    found = field(value, *path)
    if not isinstance(found, Sequence) or isinstance(found, str):
        return []
    return [item for item in found if isinstance(item, Mapping)]


def local_time(timestamp: str) -> str:
    """Return an RFC 3339 time in the local zone, for people; empty stays empty."""
    if not timestamp:
        return ""
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return timestamp
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
