"""Every leaf field of Application and AppProject: seen to work or named in a condition.

The committed table is ``docs/reference/support.md``: a row that is ``yes`` or ``partly`` names its
test (``make check`` looks for it), which must set the field; a row that is ``no`` is named by a
condition, as is seen here. Where the list of upstream's fields lies beside the checkout, the table
must have them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trimtab.controllers.application.report.unsupported import (
    unsupported_fields,
    unsupported_operation_fields,
    unsupported_project_fields,
)
from trimtab.core.policy import parse_project
from trimtab.crds.argoproj_v1alpha1.application import ApplicationSpec, Operation
from trimtab.crds.argoproj_v1alpha1.project import AppProjectSpec

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "reference" / "support.md"
UPSTREAM = ROOT.parent / "shared" / "reference" / "argocd-crd-fields.txt"
_FIELD = r"(?:Application\.(?:spec|operation)|AppProject\.spec)\.[^`]+"
_ROW = re.compile(rf"\| `({_FIELD})`[^|]*\| ([^|]+) \| ([^|]+) \|")
_ROWS = _ROW.findall(TABLE.read_text())
ROWS = {field: state.strip() for field, state, _ in _ROWS}
SHOWN_BY = {f: re.findall(r"`([^`]+)::\w+`", tests) for f, _, tests in _ROWS}
MODELS = {
    "Application.spec": ApplicationSpec,
    "Application.operation": Operation,
    "AppProject.spec": AppProjectSpec,
}
# Repeats of spec.source are one row each; some of our models have more than the definition.
WHOLE = (
    "Application.spec.sources[]",
    "Application.spec.sourceHydrator.drySource",
    "Application.operation.sync.source",
)
LEFT_OUT = (
    "Application.operation.sync.sources[]",
    "Application.operation.sync.resources[].exclude",
    "AppProject.spec.namespaceResourceBlacklist[].name",
    "AppProject.spec.namespaceResourceWhitelist[].name",
)


def leaves(kind: Any, path: str, built: Any) -> Iterator[tuple[str, Any]]:
    """Yield the leaf fields below a type, each with a value for the whole that sets it."""
    if path in LEFT_OUT:
        return
    if path in WHOLE:
        yield path, built({"repoURL": "x"})
        return
    match kind:
        case msgspec.inspect.UnionType(types=types):
            first = next(t for t in types if not isinstance(t, msgspec.inspect.NoneType))
            yield from leaves(first, path, built)
        case msgspec.inspect.StructType(fields=fields):
            needed = {f.encode_name: "1" for f in fields if f.required}
            for field in fields:
                yield from leaves(
                    field.type,
                    f"{path}.{field.encode_name}",
                    lambda value, name=field.encode_name: built({**needed, name: value}),
                )
        case msgspec.inspect.VarTupleType(item_type=item):
            yield from leaves(item, f"{path}[]", lambda value: built([value]))
        case msgspec.inspect.BoolType():
            yield path, built(True)
        case msgspec.inspect.IntType():
            yield path, built(1)
        case msgspec.inspect.DictType():
            yield path, built({})
        case _:
            yield path, built("1")


LEAVES = {
    path: value
    for root, model in MODELS.items()
    for path, value in leaves(msgspec.inspect.type_info(model), root, lambda value: value)
}


def named(field: str) -> list[str]:
    """Return what conditions say of an object that sets one field."""
    value = LEAVES[field]
    if field.startswith("AppProject"):
        found = unsupported_project_fields(parse_project({"spec": value}))
    elif field.startswith("Application.operation"):
        found = unsupported_operation_fields(msgspec.convert(value, Operation))
    else:
        found = unsupported_fields(msgspec.convert(value, ApplicationSpec))
    names = [one.message.split(" is not supported")[0] for one in found]
    return [name.replace("AppProject spec", "AppProject.spec") for name in names]


def says(names: list[str], field: str) -> bool:
    plain = field.replace("[]", "").removeprefix("Application.")
    return any(plain == name or plain.startswith(f"{name}.") for name in names)


def test_no_field_is_owed() -> None:
    assert {field: state for field, state in ROWS.items() if state not in ("yes", "no")} == {}


def test_the_table_has_every_leaf_and_no_other() -> None:
    assert set(LEAVES) == set(ROWS)


@pytest.mark.parametrize("field", [f for f in LEAVES if ROWS.get(f) == "no"])
def test_a_field_without_effect_is_named(field: str) -> None:
    assert says(named(field), field), named(field)


@pytest.mark.parametrize("field", [f for f in LEAVES if ROWS.get(f) in ("yes", "partly")])
def test_a_field_with_effect_is_not_named(field: str) -> None:
    assert not says(named(field), field)


@pytest.mark.parametrize("field", [f for f in LEAVES if ROWS.get(f) in ("yes", "partly")])
def test_a_field_with_effect_is_set_by_a_test_that_is_named(field: str) -> None:
    name = re.split(r"[.]", field.replace("[]", ""))[-1]
    texts = [(ROOT / file).read_text() for file in SHOWN_BY[field]]
    assert any(re.search(rf"\b{name}\b", text) for text in texts), (name, SHOWN_BY[field])


def upstream_leaves() -> set[str]:
    """Return the paths of upstream's fields below which there are no others."""
    found: dict[str, set[str]] = {}
    fields: set[str] = set()
    for line in UPSTREAM.read_text().splitlines():
        if line.startswith("## "):
            fields = found.setdefault(line.partition("kind=")[2].partition(" ")[0], set())
        elif line.startswith("."):
            fields.add(line.partition(" ")[0])
    return {
        f"{kind}{field}"
        for kind in ("Application", "AppProject")
        for field in found[kind]
        if field.startswith((".spec", ".operation"))
        and not any(o.startswith((f"{field}.", f"{field}[]")) for o in found[kind] if o != field)
    }


def test_the_table_has_every_leaf_that_upstream_has() -> None:
    if not UPSTREAM.exists():
        pytest.skip("the list of upstream's fields does not lie beside the checkout")
    assert upstream_leaves() - set(ROWS) == set()
