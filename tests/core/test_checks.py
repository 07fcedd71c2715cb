"""The checks of this repository can fail: the support table, lengths, skips, and the socket ban."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load_tool(name: str) -> ModuleType:
    """Import a script of ``tools/`` by path."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


support = load_tool("check_support")
lengths = load_tool("check_lengths")

THIS = "tests/core/test_checks.py"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("| A | not yet | not yet |", None),
        (f"| A | yes | `{THIS}::test_support_rows` |", None),
        (f"| A | no | `{THIS}::test_support_rows`<br>`{THIS}::test_support_rows` |", None),
        ("| A | yes | `tests/core/test_absent.py::test_x` |", "does not exist"),
        (f"| A | yes | `{THIS}::test_absent` |", "has no test"),
        (f"| A | yes | {THIS}::test_support_rows |", "is not of the form"),
        (f"| A | not yet | `{THIS}::test_support_rows` |", "in both columns or in neither"),
        ("| A | yes | not yet |", "in both columns or in neither"),
        ("| A | perhaps | not yet |", "state is 'perhaps'"),
        ("| A | yes |", "expected the cells"),
    ],
    ids=lambda value: value or "no problem",
)
def test_support_rows(row: str, problem: str | None) -> None:
    (parsed,) = support.parse_rows(f"# T\n\n| Item | State | Test |\n| --- | --- | --- |\n{row}\n")
    found = list(support.check(parsed))
    if problem is None:
        assert found == []
    else:
        assert any(problem in each for each in found), found


def test_a_function_of_61_lines_is_too_long() -> None:
    assert list(lengths.long_functions("def f():\n" + "    f()\n" * 59)) == []
    assert list(lengths.long_functions("def f():\n" + "    f()\n" * 60)) != []


@pytest.fixture
def pytest_folder(tmp_path: Path) -> Path:
    """An empty tests folder with this repository's rules."""
    for name in ("conftest.py", "allowed-skips.txt"):
        shutil.copy(ROOT / "tests" / name, tmp_path)
    (tmp_path / "core").mkdir()
    return tmp_path


def run_pytest(folder: Path, text: str) -> str:
    """Run one test file under ``core/`` and return pytest's output."""
    (folder / "core" / "test_it.py").write_text(text)
    plugins = ["-p", "no:cacheprovider", "-p", "pytest_timeout"]
    # The other plugins take longer to load than the test takes.
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", *plugins, "-q", "core"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_a_skip_that_is_not_listed_fails(pytest_folder: Path) -> None:
    text = "import pytest\n\ndef test_it():\n    pytest.skip('no binary')\n"
    assert "core/test_it.py::test_it was skipped but is not in" in run_pytest(pytest_folder, text)


def test_a_skip_that_is_listed_passes(pytest_folder: Path) -> None:
    (pytest_folder / "allowed-skips.txt").write_text("core/test_it.py::test_it: a reason\n")
    text = "import pytest\n\ndef test_it():\n    pytest.skip('no binary')\n"
    assert "1 skipped" in run_pytest(pytest_folder, text)


def test_a_module_that_skips_itself_fails(pytest_folder: Path) -> None:
    text = "import pytest\n\npytest.importorskip('absent')\n\ndef test_it():\n    pass\n"
    output = run_pytest(pytest_folder, text)
    assert "core/test_it.py was skipped but is not in" in output, output


def test_a_core_test_cannot_connect(pytest_folder: Path) -> None:
    text = "import socket\n\ndef test_it():\n    socket.create_connection(('127.0.0.1', 9))\n"
    assert "must not use the network" in run_pytest(pytest_folder, text)


def test_an_allowed_skip_needs_a_reason(pytest_folder: Path) -> None:
    (pytest_folder / "allowed-skips.txt").write_text("core/test_it.py::test_it\n")
    text = "import pytest\n\ndef test_it():\n    pytest.skip('no binary')\n"
    assert "gives no reason" in run_pytest(pytest_folder, text)
