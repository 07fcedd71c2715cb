"""JSON patch and merge patch, for the fake cluster.

Source: RFC 6902 and RFC 7386.
"""

from collections.abc import Mapping
from typing import cast

from trimtab.core import JsonObject, JsonValue


class PatchError(ValueError):
    """A patch cannot be applied: a test failed, or a path does not exist."""


def merge_patch(target: JsonValue, patch: JsonValue) -> JsonValue:
    """Return ``target`` after an RFC 7386 merge patch."""
    if not isinstance(patch, Mapping):
        return patch
    result: dict[str, JsonValue] = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def json_patch(document: JsonObject, operations: JsonValue) -> JsonObject:
    """Return ``document`` after an RFC 6902 patch; the document itself is changed.

    Args:
        document: Freshly decoded; dicts and lists.
        operations: The patch.

    Raises:
        PatchError: A test failed, or a path does not exist.
    """
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    root: dict[str, JsonValue] = {"": document}
    for operation in cast("list[JsonObject]", operations):
        _operate(root, operation)
    return cast("JsonObject", root[""])


def _operate(root: dict[str, JsonValue], operation: JsonObject) -> None:
    path = str(operation.get("path"))
    match operation.get("op"):
        case "test":
            if _get(root, path) != operation.get("value"):
                raise PatchError(f"testing value {path} failed")
        case "add":
            _add(root, path, operation.get("value"))
        case "remove":
            _remove(root, path)
        case "replace":
            _remove(root, path)
            _add(root, path, operation.get("value"))
        case "move":
            _add(root, path, _remove(root, str(operation.get("from"))))
        case "copy":
            _add(root, path, _get(root, str(operation.get("from"))))
        case unknown:
            raise PatchError(f"unknown operation {unknown!r}")


def _parts(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")]


def _parent(root: dict[str, JsonValue], path: str) -> tuple[JsonValue, str]:
    *above, last = _parts(path)
    node: JsonValue = root
    for part in above:
        node = _child(node, part, path)
    return node, last


def _child(node: JsonValue, part: str, path: str) -> JsonValue:
    if isinstance(node, dict) and part in node:
        return node[part]
    if isinstance(node, list) and part.isdecimal() and int(part) < len(node):
        return node[int(part)]
    raise PatchError(f"the path {path} does not exist")


def _get(root: dict[str, JsonValue], path: str) -> JsonValue:
    node, last = _parent(root, path)
    return _child(node, last, path)


def _add(root: dict[str, JsonValue], path: str, value: JsonValue) -> None:
    node, last = _parent(root, path)
    if isinstance(node, dict):
        node[last] = value
    elif isinstance(node, list):
        index = len(node) if last == "-" else int(last)
        if index > len(node):
            raise PatchError(f"the path {path} does not exist")
        node.insert(index, value)
    else:
        raise PatchError(f"the path {path} does not exist")


def _remove(root: dict[str, JsonValue], path: str) -> JsonValue:
    node, last = _parent(root, path)
    value = _child(node, last, path)
    if isinstance(node, list):
        node.pop(int(last))
    else:
        cast("dict[str, JsonValue]", node).pop(last)
    return value
