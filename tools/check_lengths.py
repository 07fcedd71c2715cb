"""Fails when a Python or Go file, or a Python function, is longer than a reader can hold.

Files have 500 lines at most (a warning from 301), functions 60. Generated files carry the words
``Code generated`` in their first lines and are left out.
"""

# ruff: noqa: T201 - it talks to the person who runs it

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("src", "tests", "tools", "engines", "localfleet")
FILE_LINES, FILE_LINES_HARD, FUNCTION_LINES = 300, 500, 60


def main() -> int:
    """Print what is too long and return 1 if anything is over a hard limit."""
    warnings: list[str] = []
    errors: list[str] = []
    for path in _sources():
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        shown = path.relative_to(ROOT)
        if lines > FILE_LINES_HARD:
            errors.append(f"{shown}: {lines} lines, {FILE_LINES_HARD} at most")
        elif lines > FILE_LINES:
            warnings.append(f"{shown}: {lines} lines, {FILE_LINES} as a rule")
        if path.suffix == ".py":
            errors += [f"{shown}:{line}" for line in long_functions(text)]
    for line in warnings:
        print(f"warning: {line}", file=sys.stderr)
    for line in errors:
        print(f"error: {line}", file=sys.stderr)
    return 1 if errors else 0


def long_functions(source: str) -> Iterator[str]:
    """Yield ``line: name has N lines, …`` for each function of a Python source that is too long."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            if size > FUNCTION_LINES:
                yield f"{node.lineno}: {node.name} has {size} lines, {FUNCTION_LINES} at most"


def _sources() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".go"} and "_bin" not in path.parts:
                head = path.read_text(encoding="utf-8")[:300]
                if "Code generated" not in head:
                    yield path


if __name__ == "__main__":
    sys.exit(main())
