"""Polling and webhooks: who is told about which change, and when."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from contract.git_cases import RealRemote, opened
from trimtab.adapters.git import GitLimits, GitSource, RefChange
from trimtab.ports.source import Repository
from trimtab.testing.git import GitServer

OFTEN = GitLimits(poll_interval=timedelta(seconds=1))
SELDOM = GitLimits(poll_interval=timedelta(hours=1))


class Told:
    """What a source reported, in order."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, Mapping[str, RefChange]]] = []
        self._news = asyncio.Event()

    def __call__(self, url: str, changes: Mapping[str, RefChange]) -> None:
        self.changes.append((url, changes))
        self._news.set()

    async def next(self) -> Mapping[str, RefChange]:
        """Return the next report."""
        async with asyncio.timeout(10):
            while not self.changes:
                self._news.clear()
                await self._news.wait()
        return self.changes.pop(0)[1]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served") as running:
        yield running


@asynccontextmanager
async def polling(cache: Path, told: Told, limits: GitLimits) -> AsyncIterator[GitSource]:
    async with (
        opened(cache, limits=limits, on_change=told) as source,
        asyncio.TaskGroup() as tasks,
    ):
        loop = tasks.create_task(source.run())
        yield source
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop


async def test_a_push_is_noticed_within_the_interval(tmp_path: Path, server: GitServer) -> None:
    remote = RealRemote(server, "app")
    first = remote.commit({"a.yaml": "1"})
    told = Told()
    async with polling(tmp_path / "cache", told, OFTEN) as source:
        await source.resolve(Repository(remote.url), "main")
        second = remote.commit({"a.yaml": "2"})
        started = asyncio.get_running_loop().time()
        changes = await told.next()
        assert asyncio.get_running_loop().time() - started < 3
        assert changes["refs/heads/main"] == RefChange(first, second)


async def test_a_webhook_is_followed_at_once(tmp_path: Path, server: GitServer) -> None:
    remote = RealRemote(server, "app")
    first = remote.commit({"a.yaml": "1"})
    repository = Repository(remote.url)
    told = Told()
    async with polling(tmp_path / "cache", told, SELDOM) as source:
        await source.resolve(repository, "main")
        await source.fetch(repository, first)
        second = remote.commit({"a.yaml": "2"})
        assert source.notify(remote.url.removesuffix(".git").upper()) == 1
        assert source.notify("https://elsewhere.example.com/app") == 0
        assert (await told.next())["refs/heads/main"] == RefChange(first, second)
        asked = server.counts.total()
        # The commit is in the mirror, and the answer is known: nothing is left to ask.
        assert (await source.resolve(repository, "main")).commit == second
        await source.fetch(repository, second)
        assert server.counts.total() == asked


async def test_webhooks_during_a_poll_are_not_lost(tmp_path: Path, server: GitServer) -> None:
    remote = RealRemote(server, "app")
    remote.commit({"a.yaml": "1"})
    told = Told()
    async with polling(tmp_path / "cache", told, SELDOM) as source:
        await source.resolve(Repository(remote.url), "main")
        server.delay = timedelta(milliseconds=100)
        last = ""
        for number in range(5):
            last = remote.commit({"a.yaml": f"next {number}"})
            source.notify(remote.url)
            await asyncio.sleep(0)
        while (await told.next())["refs/heads/main"].new != last:
            pass
        assert server.counts["ls-refs"] <= 4


async def test_rewritten_and_vanished_branches_are_reported(
    tmp_path: Path, server: GitServer
) -> None:
    remote = RealRemote(server, "app")
    remote.commit({"a.yaml": "0"})
    old = remote.commit({"a.yaml": "1"})
    gone = remote.commit({"a.yaml": "2"}, branch="feature")
    repository = Repository(remote.url)
    told = Told()
    async with polling(tmp_path / "cache", told, SELDOM) as source:
        await source.resolve(repository, "main")
        await source.fetch(repository, old)
        new = remote.commit({"a.yaml": "3"}, force=True)
        remote.delete_branch("feature")
        added = remote.commit({"a.yaml": "4"}, branch="added")
        source.notify(remote.url)
        changes = await told.next()
        assert (await source.resolve(repository, "main")).replaced == old
        remote.commit({"a.yaml": "5"})
        source.notify(remote.url)
        await told.next()
        assert (await source.resolve(repository, "main")).replaced == ""
    assert changes["refs/heads/main"] == RefChange(old, new, forced=True)
    assert changes["refs/heads/feature"] == RefChange(gone, "")
    assert changes["refs/heads/added"] == RefChange("", added)


async def test_a_repository_that_fails_delays_no_other(tmp_path: Path, server: GitServer) -> None:
    remote = RealRemote(server, "app")
    remote.commit({"a.yaml": "1"})
    told = Told()
    with GitServer(tmp_path / "other") as other:
        bad = RealRemote(other, "bad")
        bad.commit({"a.yaml": "1"})
        async with polling(tmp_path / "cache", told, SELDOM) as source:
            for one in (remote, bad):
                await source.resolve(Repository(one.url), "main")
            other.delay = timedelta(seconds=30)
            source.notify(bad.url)
            second = remote.commit({"a.yaml": "2"})
            source.notify(remote.url)
            assert (await told.next())["refs/heads/main"].new == second


async def test_a_forgotten_repository_is_not_polled(tmp_path: Path, server: GitServer) -> None:
    remote = RealRemote(server, "app")
    remote.commit({"a.yaml": "1"})
    async with polling(tmp_path / "cache", Told(), SELDOM) as source:
        await source.resolve(Repository(remote.url), "main")
        source.forget(remote.url)
        assert source.notify(remote.url) == 0


async def test_a_fetch_killed_half_way_leaves_a_whole_mirror(
    tmp_path: Path, server: GitServer
) -> None:
    remote = RealRemote(server, "app")
    first = remote.commit({"a.yaml": "1"})
    cache = tmp_path / "cache"
    repository = Repository(remote.url)
    async with opened(cache) as source:
        await source.fetch(repository, first)
    big = remote.commit({"b.bin": os.urandom(16_000_000)})
    program = (
        "import asyncio, pathlib, sys\n"
        "from trimtab.adapters.git import GitSource\n"
        "from trimtab.ports.source import Repository\n"
        "asyncio.run(GitSource(pathlib.Path(sys.argv[1])).fetch(Repository(sys.argv[2]),"
        " sys.argv[3]))\n"
    )
    fetches = server.counts["fetch"]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(cache), remote.url, big, cwd=tmp_path
    )
    await until(lambda: server.counts["fetch"] > fetches)
    child.kill()
    await child.wait()
    async with opened(cache) as source:
        assert await source.read(repository, first, ["a.yaml"]) == {"a.yaml": b"1"}
        await source.fetch(repository, big)
        (entry, _) = sorted(await source.entries(repository, big, ""), key=lambda e: e.path)[::-1]
        assert entry.size_bytes > 1_000_000


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)
