"""kubectl's JSONPath templates, as far as people use them with ``-o jsonpath=``.

``{.a.b}``, ``{.items[*].name}``, ``[0]``, ``[-1]``, ``[1:3]``, ``['a.b']``, ``..name``,
``[?(@.kind=="Pod")]``, ``{range …}…{end}``, ``{"text"}`` and text between the braces.
A field that is missing prints nothing.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trimtab.core import JsonValue


class JsonPathError(ValueError):
    """The template is not understood; the message names the place."""


_PIECE: Final = re.compile(r"\{((?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^{}])*)\}")
_STEP: Final = re.compile(
    r"""
      \.\.(?P<deep>[\w$/-]+)
    | \.(?P<field>(?:[\w$/-]|\\.)+|\*)
    | \[\?\((?P<filter>.+?)\)\]
    | \[(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\]
    | \[(?P<index>-?\d+|\*|-?\d*:-?\d*)\]
    """,
    re.VERBOSE,
)
_FILTER: Final = re.compile(
    r"^\s*@(?P<path>\S*?)\s*(?:(?P<op>==|!=|<=|>=|<|>)\s*(?P<value>.+?))?\s*$"
)


@dataclass(frozen=True, slots=True)
class _Text:
    text: str


@dataclass(frozen=True, slots=True)
class _Path:
    path: str


@dataclass(frozen=True, slots=True)
class _Range:
    path: str
    body: "tuple[_Node, ...]"


_Node = _Text | _Path | _Range


def render_jsonpath(template: str, value: JsonValue) -> str:
    """Return the text that a template makes of a value.

    Raises:
        JsonPathError: The template is not understood.
    """
    tokens = list(_tokens(template if "{" in template else "{" + template + "}"))
    nodes, rest = _parse(tokens)
    if rest:
        raise JsonPathError("expected {range …} before {end}")
    return "".join(_render(nodes, value))


def _tokens(template: str) -> Iterator[_Text | str]:
    at = 0
    for match in _PIECE.finditer(template):
        if match.start() > at:
            yield _Text(template[at : match.start()])
        inside = match.group(1).strip()
        if inside[:1] in {'"', "'"}:
            yield _Text(_unquoted(inside))
        else:
            yield inside
        at = match.end()
    rest = template[at:]
    if "{" in rest:
        raise JsonPathError(f"expected a closing brace after {rest!r}")
    if rest:
        yield _Text(rest)


def _parse(tokens: "list[_Text | str]") -> "tuple[tuple[_Node, ...], list[_Text | str]]":
    nodes: list[_Node] = []
    while tokens:
        piece = tokens.pop(0)
        if isinstance(piece, _Text):
            nodes.append(piece)
        elif piece == "end":
            return tuple(nodes), [piece, *tokens]
        elif piece.startswith("range"):
            body, after = _parse(tokens)
            if not after:
                raise JsonPathError("expected {end} after {range …}")
            nodes.append(_Range(piece.removeprefix("range").strip(), body))
            tokens = after[1:]
        else:
            nodes.append(_Path(piece))
    return tuple(nodes), []


def _render(nodes: "Sequence[_Node]", value: JsonValue) -> Iterator[str]:
    for node in nodes:
        match node:
            case _Text(text):
                yield text
            case _Path(path):
                yield " ".join(_shown(found) for found in select(path, value))
            case _Range(path, body):
                for item in select(path, value):
                    yield from _render(body, item)


def select(path: str, value: JsonValue) -> list[JsonValue]:
    """Return the values at a path, in document order.

    Raises:
        JsonPathError: The path is not understood.
    """
    path = path.strip().removeprefix("$").removeprefix("@")
    if path and path[0] not in ".[":
        path = "." + path
    found, at = [value], 0
    while at < len(path):
        if path[at:] == ".":
            break
        match = _STEP.match(path, at)
        if match is None:
            raise JsonPathError(f"expected .field or [index], found {path[at:]!r}")
        found = [result for item in found for result in _step(match, item)]
        at = match.end()
    return found


def _step(match: "re.Match[str]", value: JsonValue) -> Iterator[JsonValue]:
    if (deep := match["deep"]) is not None:
        yield from _anywhere(deep, value)
    elif (field := match["field"]) is not None:
        yield from (
            _children(value) if field == "*" else _field(re.sub(r"\\(.)", r"\1", field), value)
        )
    elif (condition := match["filter"]) is not None:
        yield from (item for item in _children(value) if _holds(condition, item))
    elif (quoted := match["quoted"]) is not None:
        yield from _field(_unquoted(quoted), value)
    else:
        yield from _indexed(match["index"], value)


def _field(name: str, value: JsonValue) -> Iterator[JsonValue]:
    if isinstance(value, Mapping) and name in value:
        yield value[name]


def _children(value: JsonValue) -> Iterator[JsonValue]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from value


def _anywhere(name: str, value: JsonValue) -> Iterator[JsonValue]:
    yield from _field(name, value)
    for child in _children(value):
        yield from _anywhere(name, child)


def _indexed(index: str, value: JsonValue) -> Iterator[JsonValue]:
    if index == "*":
        yield from _children(value)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if ":" in index:
            start, _, end = index.partition(":")
            yield from value[int(start) if start else None : int(end) if end else None]
        elif -len(value) <= int(index) < len(value):
            yield value[int(index)]


def _holds(condition: str, item: JsonValue) -> bool:
    match = _FILTER.match(condition)
    if match is None:
        raise JsonPathError(f"expected @.field == value, found {condition!r}")
    found = select(match["path"], item)
    if match["op"] is None:
        return bool(found)
    return any(_compare(match["op"], value, _literal(match["value"])) for value in found)


def _compare(op: str, left: JsonValue, right: JsonValue) -> bool:
    if op in {"==", "!="}:
        return (left == right) == (op == "==")
    if isinstance(left, int | float) and isinstance(right, int | float):
        return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[op]
    return False


def _literal(text: str) -> JsonValue:
    if text[:1] in {'"', "'"}:
        return _unquoted(text)
    try:
        return json.loads(text)
    except ValueError as error:
        raise JsonPathError(f"expected a string, number or true, found {text!r}") from error


def _unquoted(text: str) -> str:
    inner = text[1:-1]
    escapes = {"n": "\n", "t": "\t", "r": "\r"}
    return re.sub(r"\\(.)", lambda match: escapes.get(match[1], match[1]), inner)


def _shown(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
