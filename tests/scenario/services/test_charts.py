"""Charts that are kept on disk, and the locks of those that are completed."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from trimtab.core import JsonObject
from trimtab.core.render import RenderRequest
from trimtab.ports.renderer import ChartRepository, RenderOutput
from trimtab.ports.source import Repository
from trimtab.services.charts import ChartStore, Dependencies

SHELF = Repository("https://charts.example", kind="helm")


class Charts:
    """Charts in memory: each is one file with its version."""

    def __init__(self) -> None:
        self.pulls: list[str] = []

    async def resolve(
        self, repository: ChartRepository, chart: str, constraint: str, *, timeout: timedelta
    ) -> str:
        return constraint

    async def pull(
        self,
        repository: ChartRepository,
        chart: str,
        version: str,
        into: Path,
        *,
        timeout: timedelta,
    ) -> str:
        self.pulls.append(version)
        await asyncio.sleep(0)
        (into / chart).mkdir()
        (into / chart / "version").write_text(version)
        return chart


async def test_a_chart_in_use_is_not_trimmed_away(tmp_path: Path) -> None:
    store = ChartStore(Charts(), tmp_path, lambda: 0.0, keep=1)
    async with AsyncExitStack() as stack:
        lent = [
            await stack.enter_async_context(store.unpacked(SHELF, "buoy", version))
            for version in ("1", "2", "3")
        ]
        texts = [(root / chart / "version").read_text() for root, chart in lent]
        assert texts == ["1", "2", "3"]
    assert len(list(tmp_path.iterdir())) == 1


async def test_a_kept_chart_is_pulled_once(tmp_path: Path) -> None:
    charts = Charts()
    store = ChartStore(charts, tmp_path, lambda: 0.0)

    async def use() -> None:
        async with store.unpacked(SHELF, "buoy", "1") as (root, chart):
            assert (root / chart / "version").exists()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(use())
    assert charts.pulls == ["1"]


class Builder:
    """A renderer that only completes charts, one at a time for each."""

    def __init__(self) -> None:
        self.busy: set[str] = set()

    async def render(
        self, request: RenderRequest, *, root: Path | None, timeout: timedelta
    ) -> RenderOutput:
        raise NotImplementedError

    async def parse(self, text: str, *, timeout: timedelta) -> Sequence[JsonObject]:
        return ()

    async def build_dependencies(
        self,
        *,
        root: Path,
        path: str,
        repositories: Sequence[ChartRepository],
        timeout: timedelta,
    ) -> None:
        assert path not in self.busy
        self.busy.add(path)
        await asyncio.sleep(0)
        self.busy.discard(path)


async def test_locks_of_completed_charts_are_let_go(tmp_path: Path) -> None:
    dependencies = Dependencies(Builder(), Repository)
    async with asyncio.TaskGroup() as tasks:
        for number in range(30):
            tasks.create_task(dependencies.complete(tmp_path, f"chart-{number % 10}"))
    gc.collect()
    assert dependencies.busy == 0
