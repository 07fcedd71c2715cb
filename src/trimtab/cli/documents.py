"""Reading manifests from files, folders and stdin, within limits."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from trimtab.cli.errors import CommandError, ExitCode
from trimtab.cli.fields import text
from trimtab.core import JsonObject, JsonValue

_SUFFIXES: Final = (".yaml", ".yml", ".json")
_LIMIT_BYTES: Final = 50 * 1024 * 1024
_LIMIT_NODES: Final = 1_000_000


def read_documents(*names: str) -> list[JsonObject]:
    """Return the objects in files, in folders (``*.yaml``, ``*.yml``, ``*.json``) or stdin (``-``).

    Lists are expanded; empty documents are left out.

    Raises:
        CommandError: A file is missing, too large, not YAML, or holds something else than objects.
    """
    return [body for name in names for body in _read(name)]


def _read(name: str) -> Iterator[JsonObject]:
    if name == "-":
        yield from parse_documents(sys.stdin.read(), "stdin")
        return
    path = Path(name)
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file() and file.suffix in _SUFFIXES:
                yield from parse_documents(_text(file), str(file))
    else:
        yield from parse_documents(_text(path), name)


def _text(path: Path) -> str:
    if not path.exists():
        raise CommandError(ExitCode.NOT_FOUND, f"{path}: expected a file, found none")
    if path.stat().st_size > _LIMIT_BYTES:
        size = f"{path.stat().st_size} bytes"
        raise CommandError(ExitCode.ERROR, f"{path}: expected at most 50 MB, found {size}")
    try:
        return path.read_text()
    except UnicodeDecodeError as error:
        raise CommandError(ExitCode.ERROR, f"{path}: expected UTF-8 text, found binary") from error


def described(body: JsonObject) -> str:
    """Return what an object says it is, for the message that expected another one."""
    kind, version = text(body, "kind"), text(body, "apiVersion")
    name = text(body, "metadata", "name")
    named = f"named {name!r}" if name else "without a name"
    return f"{kind or 'an object without kind'} of {version or 'no apiVersion'} {named}"


def parse_documents(text: str, where: str) -> Iterator[JsonObject]:
    """Yield the objects of a YAML stream; see ``read_documents``."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    # Times stay text: JSON has none, and Kubernetes reads them as strings.
    resolvers = {
        first: [(tag, regexp) for tag, regexp in found if not tag.endswith(":timestamp")]
        for first, found in loader.yaml_implicit_resolvers.items()
    }
    plain = type("PlainLoader", (loader,), {"yaml_implicit_resolvers": resolvers})
    try:
        documents: list[JsonValue] = list(yaml.load_all(text, Loader=plain))
    except yaml.YAMLError as error:
        raise CommandError(ExitCode.ERROR, f"{where}: expected YAML, found: {error}") from error
    for document in documents:
        if _expanded_size(document, {}) > _LIMIT_NODES:
            found = "aliases that expand without end or far beyond it"
            raise CommandError(
                ExitCode.ERROR, f"{where}: expected at most {_LIMIT_NODES} values, found {found}"
            )
        yield from _objects(document, where)


def _expanded_size(value: JsonValue, sizes: dict[int, int]) -> int:
    """Return how many values a document has when each alias is written out; shared ones count."""
    if not isinstance(value, dict | list):
        return 1
    known = sizes.get(id(value))
    if known is not None:
        return known
    sizes[id(value)] = _LIMIT_NODES + 1  # what it is while it contains itself
    children = value.values() if isinstance(value, dict) else value
    size = 1 + sum(_expanded_size(child, sizes) for child in children)
    sizes[id(value)] = size
    return size


def _objects(document: JsonValue, where: str) -> Iterator[JsonObject]:
    if document is None:
        return
    if not isinstance(document, dict):
        found = type(document).__name__
        raise CommandError(ExitCode.ERROR, f"{where}: expected an object, found a {found}")
    items = document.get("items")
    if str(document.get("kind", "")).endswith("List") and isinstance(items, list):
        for item in items:
            yield from _objects(item, where)
    else:
        yield document
