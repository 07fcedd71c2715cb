"""One installation per worker on the shared fleet, and a case of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from e2e.installation import Case, Installation, new_name
from e2e.seen import SeenCluster
from fleet_fixtures import HUB, OUTAGE, TARGET
from trimtab.adapters.gitserver import GitServer
from trimtab.adapters.localfleet import RunningFleet


@pytest_asyncio.fixture(scope="session")
async def installation(
    fleet: RunningFleet, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """Trimtab as its own process, with cluster 1 as ``target`` and cluster 2 as ``outage``."""
    folder = tmp_path_factory.mktemp("installation")
    async with AsyncExitStack() as stack:
        git = stack.enter_context(GitServer(folder / "git"))
        hub, target = SeenCluster(fleet.cluster(HUB)), SeenCluster(fleet.cluster(TARGET))
        for seen in (hub, target):
            await stack.enter_async_context(seen.cluster)
        made = Installation(hub, target, git, folder)
        stack.push_async_callback(made.end)
        await made.begin({"target": fleet.cluster(TARGET), "outage": fleet.cluster(OUTAGE)})
        yield made


@pytest_asyncio.fixture
async def case(installation: Installation) -> AsyncIterator[Case]:
    """A repository, a namespace on ``target`` and unique names for one test."""
    made = Case(installation, new_name())
    try:
        await made.begin()
        yield made
    finally:
        await made.end()
