"""Checks ``docs/reference/support.md``: every row is whole and every test it names exists.

A row is ``| Item | State | Test |``.

- State is ``yes``, ``partly``, ``no`` (the test sees a condition name it, or a status without it)
  or ``not yet``.
- Test is ``not yet``, or ``tests/….py::test_name`` in backquotes, several separated by ``<br>``.

Tests are looked up in the syntax tree; nothing is imported. The number of rows that are not yet
done is printed.
"""

# ruff: noqa: T201 - it talks to the person who runs it

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "reference" / "support.md"
STATES = ("yes", "partly", "no", "not yet")
NOT_YET = "not yet"
HEADER = ("Item", "State", "Test")
_NODE = re.compile(r"`(tests/[\w/]+\.py)::((?:\w+::)?test_\w+)`")
_CELLS = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table, with its line number."""

    line: int
    cells: tuple[str, ...]


def main() -> int:
    """Print the problems and the count, and return 1 if there is a problem."""
    rows = list(parse_rows(TABLE.read_text(encoding="utf-8")))
    problems = [f"{TABLE.relative_to(ROOT)}:{row.line}: {p}" for row in rows for p in check(row)]
    problems += _duplicates(rows)
    for problem in problems:
        print(problem, file=sys.stderr)
    waiting = sum(1 for row in rows if row.cells[-1] == NOT_YET)
    print(f"support table: {len(rows)} rows, {waiting} not yet", file=sys.stderr)
    return 1 if problems or not rows else 0


def parse_rows(text: str) -> Iterator[Row]:
    """Yield the body rows of every table in a Markdown text, header and rule left out."""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("|"):
            continue
        cells = tuple(cell.strip() for cell in _CELLS.split(line.strip().strip("|")))
        if cells != HEADER and not all(set(cell) <= {"-", ":"} for cell in cells):
            yield Row(number, cells)


def check(row: Row) -> Iterator[str]:
    """Yield what is wrong with one row."""
    if len(row.cells) != len(HEADER) or not all(row.cells):
        yield f"expected the cells {' | '.join(HEADER)}, found {row.cells}"
        return
    item, state, tests = row.cells
    if state not in STATES:
        yield f"{item}: state is {state!r}, expected one of {', '.join(STATES)}"
    if (state == NOT_YET) != (tests == NOT_YET):
        yield f"{item}: a row is `not yet` in both columns or in neither"
    if tests != NOT_YET:
        yield from (f"{item}: {problem}" for problem in _check_tests(tests))


def _check_tests(cell: str) -> Iterator[str]:
    for node in cell.split("<br>"):
        match = _NODE.fullmatch(node.strip())
        if match is None:
            yield f"{node.strip()!r} is not of the form `tests/….py::test_name`"
            continue
        file, name = match.groups()
        if not (ROOT / file).is_file():
            yield f"{file} does not exist"
        elif name not in _tests_of(file):
            yield f"{file} has no test {name}"


@functools.cache
def _tests_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(_names(tree.body, prefix=""))


def _names(body: list[ast.stmt], *, prefix: str) -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield prefix + name
            case ast.ClassDef(name=name):
                yield from _names(node.body, prefix=f"{name}::")
            case ast.Assign(targets=[ast.Name(id=name)]):
                # Hypothesis state machines: test_x = Machine.TestCase
                yield prefix + name
            case _:
                pass


def _duplicates(rows: list[Row]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for row in rows:
        first = seen.setdefault(row.cells[0], row.line)
        if first != row.line:
            yield f"{TABLE.relative_to(ROOT)}:{row.line}: {row.cells[0]} is also on line {first}"


if __name__ == "__main__":
    sys.exit(main())
