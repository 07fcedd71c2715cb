"""The Git adapter against a real smart-HTTP server: traffic, credentials, failures, repair."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from contract.git_cases import RealRemote, Site, opened
from contract.tls_cases import Pki, make_pki
from trimtab.adapters.git import GitLimits, GitSource
from trimtab.ports.source import (
    Repository,
    RepositoryCredentials,
    RepositoryDenied,
    RepositoryUnreachable,
    RevisionUnknown,
    SourceTooLarge,
)
from trimtab.testing.git import GitServer, Tls

MIB = 1 << 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served") as running:
        yield running


@pytest.fixture
async def site(tmp_path: Path, server: GitServer) -> AsyncIterator[Site]:
    async with opened(tmp_path / "cache") as source:
        yield Site(source, RealRemote(server, "team/app"))


def noise(size: int) -> bytes:
    return os.urandom(size)


def packs(cache: Path) -> list[Path]:
    return sorted(cache.glob("*/mirror.git/objects/pack/*.pack"))


async def test_a_second_fetch_brings_only_what_is_new(
    site: Site, server: GitServer, tmp_path: Path
) -> None:
    site.remote.commit({"big.bin": noise(MIB), "a.yaml": "1"})
    await site.fetch()
    first = packs(tmp_path / "cache")
    site.remote.commit({"a.yaml": "2"})
    await site.fetch()
    (new,) = set(packs(tmp_path / "cache")) - set(first)
    assert new.stat().st_size < 10_000
    assert server.counts == {"info/refs": 1, "ls-refs": 2, "fetch": 2}


async def test_concurrent_questions_are_one_request(site: Site, server: GitServer) -> None:
    commit = site.remote.commit({"a.yaml": "1"})
    asked = [site.source.resolve(site.repository, "main", fresh=bool(n % 2)) for n in range(50)]
    assert {found.commit for found in await asyncio.gather(*asked)} == {commit}
    await asyncio.gather(*(site.source.fetch(site.repository, commit) for _ in range(50)))
    assert server.counts == {"info/refs": 1, "ls-refs": 1, "fetch": 1}


async def test_a_fresh_answer_is_newer_than_its_question(site: Site, server: GitServer) -> None:
    site.remote.commit({"a.yaml": "1"})
    await site.fetch()
    server.delay = timedelta(milliseconds=150)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(site.source.resolve(site.repository, "main", fresh=True))
        await until(lambda: server.counts["ls-refs"] == 2)
        newer = site.remote.commit({"a.yaml": "2"})
        asked = tasks.create_task(site.source.resolve(site.repository, "main", fresh=True))
    assert asked.result().commit == newer


async def test_an_answer_is_used_again_within_the_poll_interval(
    site: Site, server: GitServer
) -> None:
    commit = site.remote.commit({"a.yaml": "1"})
    for _ in range(5):
        assert (await site.source.resolve(site.repository, "main")).commit == commit
    assert server.counts["ls-refs"] == 1


async def test_a_cancelled_asker_does_not_take_the_others_along(
    site: Site, server: GitServer
) -> None:
    commit = site.remote.commit({"a.yaml": "1"})
    server.delay = timedelta(milliseconds=100)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(site.source.resolve(site.repository, "main"))
        second = tasks.create_task(site.source.resolve(site.repository, "main"))
        await until(lambda: server.counts["info/refs"] == 1)
        first.cancel()
    assert second.result().commit == commit


@pytest.mark.parametrize(
    "credentials",
    [
        RepositoryCredentials(),
        RepositoryCredentials(username="jo", password="wrong"),
        RepositoryCredentials(bearer_token="wrong"),
    ],
    ids=["none", "wrong password", "wrong token"],
)
async def test_wrong_credentials_are_refused_with_a_clear_text(
    tmp_path: Path, credentials: RepositoryCredentials
) -> None:
    with GitServer(tmp_path / "served", users={"jo": "right"}, tokens=["token"]) as server:
        remote = RealRemote(server, "app")
        commit = remote.commit({"a.yaml": "1"})
        async with opened(tmp_path / "cache") as source:
            right = Repository(remote.url, RepositoryCredentials(username="jo", password="right"))
            await source.fetch(right, (await source.resolve(right, "main")).commit)
            refused = Repository(remote.url, credentials)
            for revision in ("main", commit):
                with pytest.raises(RepositoryDenied, match=f"{remote.url}.*401") as caught:
                    await source.resolve(refused, revision)
            assert "wrong" not in caught.value.message
            assert "wrong" not in repr(refused)


@pytest.mark.parametrize(
    "credentials",
    [
        RepositoryCredentials(username="jo", password="p@ss:wörd"),
        RepositoryCredentials(bearer_token="token"),
    ],
    ids=["basic", "bearer"],
)
async def test_right_credentials_are_let_in(
    tmp_path: Path, credentials: RepositoryCredentials
) -> None:
    users = {"jo": "p@ss:wörd"}
    with GitServer(tmp_path / "served", users=users, tokens=["token"]) as server:
        remote = RealRemote(server, "app")
        commit = remote.commit({"a.yaml": "1"})
        async with opened(tmp_path / "cache") as source:
            repository = Repository(remote.url, credentials)
            found = await source.resolve(repository, "main")
            await source.fetch(repository, commit)
            assert found.commit == commit


async def test_a_server_without_protocol_v2_is_read_by_git_itself(tmp_path: Path) -> None:
    with GitServer(tmp_path / "served", users={"jo": "right"}) as server:
        server.speaks_v2 = False
        remote = RealRemote(server, "app")
        first = remote.commit({"a.yaml": "1"})
        second = remote.commit({"a.yaml": "2"})
        right = Repository(remote.url, RepositoryCredentials(username="jo", password="right"))
        async with opened(tmp_path / "cache") as source:
            assert (await source.resolve(right, "main")).ref == "refs/heads/main"
            # No branch points at it: such servers give it only with the branch.
            await source.fetch(right, first)
            assert await source.read(right, second, ["a.yaml"]) == {"a.yaml": b"2"}
            with pytest.raises(RevisionUnknown):
                await source.fetch(right, "abcd" * 10)
            with pytest.raises(RepositoryDenied):
                await source.resolve(Repository(remote.url), "main")


async def test_credentials_in_the_url_work_and_are_never_shown(tmp_path: Path) -> None:
    with GitServer(tmp_path / "served", users={"jo": "secret"}) as server:
        remote = RealRemote(server, "app")
        commit = remote.commit({"a.yaml": "1"})
        async with opened(tmp_path / "cache") as source:
            url = remote.url.replace("://", "://jo:secret@")
            assert (await source.resolve(Repository(url), "main")).commit == commit
            with pytest.raises(RepositoryDenied) as caught:
                await source.resolve(Repository(url.replace("jo:secret", "jo:other")), "main")
            assert "other" not in caught.value.message


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


async def test_tls_is_verified_against_the_given_authority(tmp_path: Path, pki: Pki) -> None:
    tls = Tls(pki.server_cert, pki.server_key, client_ca=pki.ca)
    with GitServer(tmp_path / "served", tls=tls) as server:
        remote = RealRemote(server, "app")
        commit = remote.commit({"a.yaml": "1"})
        known = RepositoryCredentials(
            ca_pem=pki.ca.read_text(),
            client_cert_pem=pki.client_cert.read_text(),
            client_key_pem=pki.client_key.read_text(),
        )
        async with opened(tmp_path / "cache") as source:
            for good in (known, replace(known, ca_pem="", insecure=True)):
                repository = Repository(remote.url, good)
                assert (await source.resolve(repository, "main")).commit == commit
            for bad in (replace(known, ca_pem=""), replace(known, client_cert_pem="")):
                with pytest.raises(RepositoryUnreachable):
                    await source.resolve(Repository(remote.url, bad), "main")
            with pytest.raises(RepositoryDenied, match="PEM"):
                await source.resolve(Repository(remote.url, replace(known, ca_pem="x")), "main")


async def test_a_missing_repository_is_reported_as_such(site: Site, server: GitServer) -> None:
    with pytest.raises(RepositoryDenied, match=r"nope\.git.*not found"):
        await site.source.resolve(Repository(server.repository_url("nope")), "main")


async def test_a_server_that_is_no_git_server_is_reported(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"<html>welcome</html>"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % len(body) + body)
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listener, opened(tmp_path / "cache") as source:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(RepositoryUnreachable, match="no Git server"):
            await source.resolve(Repository(f"http://127.0.0.1:{port}/x"), "main")


async def test_a_dead_server_is_asked_with_backoff(tmp_path: Path, server: GitServer) -> None:
    remote = RealRemote(server, "app")
    commit = remote.commit({"a.yaml": "1"})
    server.outage = 503
    async with opened(tmp_path / "cache") as source:
        for _ in range(20):
            with pytest.raises(RepositoryUnreachable, match="HTTP 503"):
                await source.resolve(Repository(remote.url), "main")
        assert server.counts["info/refs"] == 1
        server.outage = None

        async def answered() -> bool:
            try:
                return (await source.resolve(Repository(remote.url), "main")).commit == commit
            except RepositoryUnreachable:
                return False

        await until_async(answered)


async def test_a_slow_server_meets_its_deadline_and_delays_nobody(
    tmp_path: Path, server: GitServer
) -> None:
    fast = RealRemote(server, "fast")
    commit = fast.commit({"a.yaml": "1"})
    limits = GitLimits(ask_timeout=timedelta(milliseconds=300))
    with GitServer(tmp_path / "slow", delay=timedelta(seconds=30)) as slow:
        url = slow.create("app")
        async with (
            opened(tmp_path / "cache", limits=limits) as source,
            asyncio.TaskGroup() as tasks,
        ):
            waiting = tasks.create_task(denied_or_late(source, Repository(url)))
            found = await source.resolve(Repository(fast.url), "main")
            assert found.commit == commit
            assert not waiting.done()
    assert "within 0.3 s" in waiting.result()


async def denied_or_late(source: GitSource, repository: Repository) -> str:
    with pytest.raises(RepositoryUnreachable) as caught:
        await source.resolve(repository, "main")
    return caught.value.message


async def test_a_repository_over_the_limit_is_refused(tmp_path: Path, server: GitServer) -> None:
    remote = RealRemote(server, "app")
    commit = remote.commit({"a.bin": noise(3 * MIB)})
    async with opened(tmp_path / "cache", limits=GitLimits(repository_bytes=2 * MIB)) as source:
        with pytest.raises(SourceTooLarge, match="2 MiB"):
            await source.fetch(Repository(remote.url), commit)
        assert not packs(tmp_path / "cache")


async def test_a_50_mb_file_is_refused_and_harms_nobody(site: Site) -> None:
    site.remote.commit({"huge.yaml": b"a: b\n" * (10 * MIB), "ok.yaml": "1"})
    commit = await site.fetch()
    with pytest.raises(SourceTooLarge, match=r"huge\.yaml"):
        await site.source.read(site.repository, commit, ["huge.yaml"])
    assert await site.source.read(site.repository, commit, ["ok.yaml"]) == {"ok.yaml": b"1"}


def truncate_packs(cache: Path) -> None:
    for pack in packs(cache):
        pack.chmod(0o600)
        with pack.open("r+b") as file:
            file.truncate(pack.stat().st_size // 2)


def spoil_packs(cache: Path) -> None:
    for pack in packs(cache):
        pack.chmod(0o600)
        with pack.open("r+b") as file:
            file.seek(12)
            file.write(bytes(pack.stat().st_size - 32))


def drop_packs(cache: Path) -> None:
    for pack in packs(cache):
        pack.unlink()


def drop_everything(cache: Path) -> None:
    shutil.rmtree(cache)


def spoil_head(cache: Path) -> None:
    for head in cache.glob("*/mirror.git/HEAD"):
        head.write_text("rubbish")


@pytest.mark.parametrize(
    "damage", [truncate_packs, spoil_packs, drop_packs, drop_everything, spoil_head]
)
async def test_a_damaged_mirror_is_built_anew(
    tmp_path: Path, server: GitServer, damage: Callable[[Path], None]
) -> None:
    remote = RealRemote(server, "app")
    commit = remote.commit({"app/a.yaml": noise(50_000)})
    repository = Repository(remote.url)
    cache = tmp_path / "cache"
    async with opened(cache) as source:
        await source.fetch(repository, commit)
    damage(cache)
    async with opened(cache) as source:
        await source.fetch(repository, commit)
        found = await source.read(repository, commit, ["app/a.yaml"])
        assert len(found["app/a.yaml"]) == 50_000
        assert (await source.commit_info(repository, commit)).commit == commit
        newer = remote.commit({"app/a.yaml": "2"})
        await source.fetch(repository, newer)
        assert await source.read(repository, newer, ["app/a.yaml"]) == {"app/a.yaml": b"2"}


async def test_haves_that_are_damaged_do_not_stop_a_fetch(
    tmp_path: Path, server: GitServer
) -> None:
    remote = RealRemote(server, "app")
    remote.commit({"a.yaml": "1\n" * 2000})
    repository = Repository(remote.url)
    async with opened(tmp_path / "cache") as source:
        await source.fetch(repository, (await source.resolve(repository, "main")).commit)
        spoil_packs(tmp_path / "cache")
        newer = remote.commit({"a.yaml": "1\n" * 2000 + "2"})
        await source.fetch(repository, newer)
        found = await source.read(repository, newer, ["a.yaml"])
        assert found["a.yaml"].endswith(b"2")


async def test_two_processes_share_a_cache(tmp_path: Path, server: GitServer) -> None:
    remote = RealRemote(server, "app")
    commit = remote.commit({"a.yaml": "1"})
    repository = Repository(remote.url)
    async with opened(tmp_path / "cache") as one, opened(tmp_path / "cache") as other:
        await asyncio.gather(one.fetch(repository, commit), other.fetch(repository, commit))
        assert server.counts["fetch"] == 1
        newer = remote.commit({"a.yaml": "2"})
        await one.fetch(repository, newer)
        assert await other.read(repository, newer, ["a.yaml"]) == {"a.yaml": b"2"}
        assert server.counts["fetch"] == 2


async def test_many_small_fetches_are_tidied(site: Site, tmp_path: Path) -> None:
    first = site.remote.commit({"a.yaml": "0"})
    for number in range(45):
        site.remote.commit({"a.yaml": str(number)})
        await site.fetch()
    assert len(packs(tmp_path / "cache")) < 20
    assert await site.source.read(site.repository, first, ["a.yaml"]) == {"a.yaml": b"0"}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


async def until_async(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not await condition():  # type: ignore[misc]
            await asyncio.sleep(0.01)
