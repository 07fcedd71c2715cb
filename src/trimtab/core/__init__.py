"""The pure core: decisions as functions of values.

Nothing here performs I/O, reads a clock or writes a log. Time, live objects and the answers of
engines come in as arguments; decisions go out as frozen values. import-linter keeps it so.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

JsonValue: TypeAlias = (
    "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
)
"""Any parsed JSON value. Core never mutates one: it builds new values."""

JsonObject: TypeAlias = Mapping[str, JsonValue]
"""A parsed JSON object."""

__all__ = ["JsonObject", "JsonValue"]
