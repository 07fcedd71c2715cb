"""A case as a runner sees it: the input, the files beside it, and never what is expected."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


class _KubernetesLoader(yaml.SafeLoader):
    """YAML 1.1 booleans, but timestamps and sexagesimal numbers stay strings."""


_INTEGER = re.compile(
    r"^(?:[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+)$"
)
_FLOAT = re.compile(
    r"^(?:[-+]?(?:[0-9][0-9_]*)?\.?[0-9_]+(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
_KubernetesLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag.rpartition(":")[2] not in {"timestamp", "int", "float"}
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_KubernetesLoader.add_implicit_resolver("tag:yaml.org,2002:int", _INTEGER, list("-+0123456789"))
_KubernetesLoader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


def load_documents(text: str) -> list[Any]:
    """Return every YAML document of a text, read as Kubernetes reads them."""
    return list(yaml.load_all(text, Loader=_KubernetesLoader))


def load_document(text: str) -> Any:
    """Return the first YAML document of a text, or None when there is none."""
    return next(iter(load_documents(text)), None)


@dataclass(frozen=True, slots=True)
class Case:
    """One case without its expectation.

    Args:
        suite: The suite's path, for example ``argocd/sync``.
        id: Its id within the suite; for reports only.
        input: The inline input, or the parsed YAML of the file that it names.
        folder: The suite's folder, for files that the input names.
    """

    suite: str
    id: str
    input: Any
    folder: Path

    def text(self, name: str) -> str:
        """Return the text of a file of the suite."""
        return (self.folder / name).read_text(encoding="utf-8")

    def field(self, name: str, default: Any = None) -> Any:
        """Return an input field, or the parsed file that ``<name>File`` names."""
        if name in self.input:
            return self.input[name]
        file = self.input.get(f"{name}File")
        return default if file is None else load_document(self.text(file))


@dataclass(frozen=True, slots=True)
class Suite:
    """A folder with cases.json: its cases and, apart from them, what is expected by id."""

    name: str
    folder: Path
    cases: tuple[Case, ...]
    expected: dict[str, dict[str, Any]]


def vectors_folder() -> Path:
    """Return where the vectors are: ``TRIMTAB_CONFORMANCE``, or beside the checkout."""
    named = os.environ.get("TRIMTAB_CONFORMANCE")
    return Path(named) if named else ROOT.parent / "shared" / "conformance"


def discover_suites(folder: Path) -> Iterator[Suite]:
    """Yield every suite below a folder, sorted by path."""
    for file in sorted(folder.rglob("cases.json")):
        yield load_suite(file.parent, file.parent.relative_to(folder).as_posix())


def load_suite(folder: Path, name: str) -> Suite:
    """Read one suite; inputs and expectations are kept apart from the start."""
    rows = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    cases = tuple(
        Case(suite=name, id=row["id"], input=_input(folder, row["input"]), folder=folder)
        for row in rows
    )
    return Suite(name, folder, cases, {row["id"]: row["expected"] for row in rows})


def _input(folder: Path, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return load_document((folder / value).read_text(encoding="utf-8"))
