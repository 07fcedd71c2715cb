"""Python 3.11 to 3.13: all that states the versions agrees, and no source needs a newer one."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MINORS = (11, 12, 13)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SOURCES = [
    ROOT / "hatch_build.py",
    *(p for folder in ("src", "tests", "tools") for p in sorted((ROOT / folder).rglob("*.py"))),
]


def test_the_package_states_the_versions() -> None:
    project = PROJECT["project"]
    assert project["requires-python"] == f">=3.{MINORS[0]},<3.{MINORS[-1] + 1}"
    stated = [c.rpartition(" ")[2] for c in project["classifiers"] if ":: Python :: 3." in c]
    assert stated == [f"3.{minor}" for minor in MINORS]


def test_the_checkers_take_the_oldest_for_granted() -> None:
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py3{MINORS[0]}"
    assert PROJECT["tool"]["pyright"]["pythonVersion"] == f"3.{MINORS[0]}"


@pytest.mark.parametrize("file", ["tools/setup.sh", "tools/setup_environment.py"])
def test_set_up_takes_exactly_these(file: str) -> None:
    bounds = re.findall(r"\(3, (\d+)\) <= sys\.version_info\[:2\] < \(3, (\d+)\)", _text(file))
    assert bounds
    assert set(bounds) == {(str(MINORS[0]), str(MINORS[-1] + 1))}


def test_set_up_tries_each_by_its_name() -> None:
    candidates = re.findall(
        r"python3\.(\d+)", _text("tools/setup.sh").partition("for candidate")[2]
    )
    assert set(map(int, candidates)) >= set(MINORS)


def test_no_source_has_newer_syntax() -> None:
    assert len(SOURCES) > 100
    for path in SOURCES:
        ast.parse(path.read_text(), str(path), feature_version=(3, MINORS[0]))


def _text(file: str) -> str:
    return (ROOT / file).read_text()
