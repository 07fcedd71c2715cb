"""Fixtures around the engines: a pool shared by a run, and the command-line tools they must equal.

Use them by ``pytest_plugins = ["engine_fixtures"]``.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine_cases import DATA, ORACLES, Oracle
from trimtab.adapters.engines import EnginePool, EngineRenderer, find_binary
from trimtab_build import build


@pytest.fixture(scope="session")
def engines_binary() -> Path:
    """The built ``trimtab-engines``; a machine that cannot build it fails the test."""
    return find_binary()


@pytest.fixture(scope="session")
async def engines(engines_binary: Path) -> AsyncIterator[EnginePool]:
    """A pool that all tests share; tests that crash workers start their own."""
    async with EnginePool(engines_binary) as pool:
        yield pool


@pytest.fixture(scope="session")
def renderer(engines: EnginePool) -> EngineRenderer:
    """The renderer over the shared pool."""
    return EngineRenderer(engines)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A private copy of the sample chart and kustomization."""
    shutil.copytree(DATA, tmp_path / "tree")
    return tmp_path / "tree"


@pytest.fixture(scope="session")
def oracle(renderer: EngineRenderer) -> Oracle:
    """The command-line tools."""
    binary = build(ORACLES, "trimtab-oracles", ldflags="-s -w", progress=lambda _: None)
    return Oracle(binary, renderer)
