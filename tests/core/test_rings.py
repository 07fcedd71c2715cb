"""The rings hold: import-linter passes on the tree and catches every kind of violation.

Each violation is planted alone in a copy of the sources and checked by the contracts of the
checkout, so that a contract that was weakened, or never worked, is seen here.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Violation:
    """A file to write below ``src/trimtab`` and the id of the contract that must break."""

    file: str
    text: str
    contract: str


VIOLATIONS = {
    "core imports a port": Violation("core/planted.py", "import trimtab.ports", "rings"),
    "core imports an adapter": Violation(
        "core/planted.py", "import trimtab.adapters.database", "bootstrap-wires"
    ),
    "core imports asyncio": Violation("core/manifest/planted.py", "import asyncio", "core-pure"),
    "core reads the clock": Violation("core/plan/planted.py", "import time", "core-pure"),
    "core logs": Violation("core/diff/planted.py", "import structlog", "core-pure"),
    "a lower floor of core imports a higher one": Violation(
        "core/manifest/planted.py", "import trimtab.core.plan", "core-floors"
    ),
    "floors side by side import each other": Violation(
        "core/diff/planted.py", "import trimtab.core.health", "core-floors"
    ),
    "a core folder has no floor": Violation("core/planted/__init__.py", "", "core-floors"),
    "an adapter imports another": Violation(
        "adapters/database/planted.py", "import trimtab.adapters.localfleet", "adapters-apart"
    ),
    "an adapter imports a controller": Violation(
        "adapters/database/planted.py", "import trimtab.controllers", "rings"
    ),
    "a controller imports another": Violation(
        "controllers/planted/__init__.py",
        "import trimtab.controllers.planted2",
        "controllers-apart",
    ),
    "cli imports an adapter": Violation(
        "cli/planted.py", "import trimtab.adapters.database", "bootstrap-wires"
    ),
    "services import wire models": Violation("services/planted.py", "import trimtab.crds", "rings"),
    "runtime imports a port": Violation("runtime/planted.py", "import trimtab.ports", "rings"),
    "the product imports testing": Violation(
        "services/planted.py", "import trimtab.testing", "testing-outside"
    ),
}


def test_the_tree_keeps_the_rings(tmp_path: Path) -> None:
    code, output = lint(copy_of_sources(tmp_path))
    assert code == 0, output


@pytest.mark.parametrize("violation", VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_import_linter_catches(violation: Violation, tmp_path: Path) -> None:
    sources = copy_of_sources(tmp_path)
    planted = sources / "trimtab" / violation.file
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(f'"""Planted."""\n\n{violation.text}\n')
    if violation.contract == "controllers-apart":
        other = sources / "trimtab" / "controllers" / "planted2"
        other.mkdir()
        (other / "__init__.py").write_text('"""Planted."""\n')

    code, output = lint(sources, "--contract", violation.contract)

    assert code == 1, output
    assert "BROKEN" in output
    assert "planted" in output.partition("Broken contracts")[2], output


def copy_of_sources(folder: Path) -> Path:
    """Copy the packages and their contracts, and return the folder that holds the packages."""
    sources = folder / "src"
    ignored = shutil.ignore_patterns("__pycache__", "_bin")
    shutil.copytree(ROOT / "src" / "trimtab", sources / "trimtab", ignore=ignored)
    shutil.copy(ROOT / ".importlinter", sources)
    return sources


def lint(sources: Path, *arguments: str) -> tuple[int, str]:
    """Run import-linter on a copy and return its exit code and output."""
    # Run as a module of its own from the copy's folder, which comes first on the import path: the
    # editable install of the checkout must not be what is linted.
    program = "import sys; from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache", "--no-logo", *arguments],
        cwd=sources,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
