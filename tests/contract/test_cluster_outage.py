"""The live view through bad weather: lost servers, expired versions, floods, big lists."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from contract.cluster_cases import (
    CONFIG_MAP,
    apply,
    config_map,
    config_map_key,
    until,
)
from contract.stub_server import discovery_answer, json_answer, lines, serve, status_answer
from trimtab.adapters.kubernetes import (
    ClusterOptions,
    ConnectionSettings,
    KubernetesCluster,
    load_kubeconfig,
)
from trimtab.core.manifest import GroupKind, ObjectKey
from trimtab.ports.cluster import Change, ClusterUnreachable, WatchEvent

SOON = timedelta(seconds=15)


class Scripted:
    """An API server with ConfigMaps whose LISTs and WATCHes are scripted."""

    def __init__(self) -> None:
        self.version = 10
        self.items: dict[str, int] = {"a": 5, "b": 6}
        self.list_error: web.Response | None = None
        self.lists = 0
        self.listed_at: list[float] = []
        self.watches: list[str] = []
        self.events: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.watch_error: web.Response | None = None
        self.always_expired = False

    def body(self, name: str, version: int, **data: str) -> dict[str, Any]:
        metadata = {"name": name, "namespace": "n", "uid": f"u-{name}"}
        versioned = metadata | {"resourceVersion": str(version)}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": versioned, "data": data}

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if (found := discovery_answer(request)) is not None:
            return found
        if "watch" not in request.query:
            self.lists += 1
            self.listed_at.append(time.monotonic())
            if self.list_error is not None:
                error, self.list_error = self.list_error, None
                return error
            items = [self.body(name, version) for name, version in self.items.items()]
            return json_answer({"metadata": {"resourceVersion": str(self.version)}, "items": items})
        self.watches.append(request.query["resourceVersion"])
        if self.always_expired:
            return status_answer(410, "Expired")
        if self.watch_error is not None:
            error, self.watch_error = self.watch_error, None
            return error
        response = web.StreamResponse()
        await response.prepare(request)
        while (event := await self.events.get()) is not None:
            await response.write(event)
        return response

    def tell(self, kind: str, name: str, version: int, **data: str) -> None:
        self.events.put_nowait(lines({"type": kind, "object": self.body(name, version, **data)}))


@asynccontextmanager
async def scripted() -> AsyncIterator[tuple[Scripted, KubernetesCluster, list[WatchEvent]]]:
    server = Scripted()
    seen: list[WatchEvent] = []
    async with (
        serve(server) as url,
        KubernetesCluster(ConnectionSettings("stub", url)) as cluster,
    ):
        cluster.subscribe(seen.append)
        await cluster.wait_synced([CONFIG_MAP], timeout=SOON)
        await until(lambda: server.watches)
        seen.clear()
        yield server, cluster, seen
        server.events.put_nowait(None)


def names(cluster: KubernetesCluster) -> set[str]:
    return {live.key.name for live in cluster.objects(CONFIG_MAP)}


def key(name: str) -> ObjectKey:
    return config_map_key("n", name)


async def test_ended_watch_resumes_where_a_bookmark_left_it() -> None:
    async with scripted() as (server, _cluster, seen):
        server.tell("BOOKMARK", "", 42)
        server.events.put_nowait(None)
        await until(lambda: len(server.watches) == 2)
        assert server.watches == ["10", "42"]
        assert server.lists == 1
        assert not seen


@pytest.mark.parametrize("how", ["http", "event"])
async def test_expired_version_lists_again_and_tells_differences(how: str) -> None:
    async with scripted() as (server, cluster, seen):
        server.version, server.items = 20, {"b": 6, "c": 15}
        if how == "http":
            server.watch_error = status_answer(410, "Expired")
            server.events.put_nowait(None)
        else:
            status = {"kind": "Status", "code": 410, "reason": "Expired"}
            server.events.put_nowait(lines({"type": "ERROR", "object": status}))
        await until(lambda: names(cluster) == {"b", "c"})
        assert [(e.change, e.live.key.name) for e in seen] == [
            (Change.ADDED, "c"),
            (Change.DELETED, "a"),
        ]
        await until(lambda: cluster.is_synced(CONFIG_MAP))
        if how == "event":  # the old stream is over
            server.events.put_nowait(None)


async def test_lists_after_expired_versions_are_spread_and_never_hot() -> None:
    async with scripted() as (server, cluster, _seen):
        server.always_expired = True
        server.events.put_nowait(None)
        await until(lambda: server.lists == 6)
        assert not cluster.is_synced(CONFIG_MAP)
        gaps = [later - earlier for earlier, later in itertools.pairwise(server.listed_at[1:])]
        for number, gap in enumerate(gaps, start=1):
            assert gap >= 0.5 * 0.2 * 2**number
        server.always_expired = False
        await until(lambda: cluster.is_synced(CONFIG_MAP))
        assert names(cluster) == {"a", "b"}


async def test_list_that_fails_empties_nothing() -> None:
    async with scripted() as (server, cluster, seen):
        server.list_error = status_answer(500, "InternalError", "etcd is unhappy")
        status = {"kind": "Status", "code": 410, "reason": "Expired"}
        server.events.put_nowait(lines({"type": "ERROR", "object": status}))
        await until(lambda: not cluster.is_synced(CONFIG_MAP))
        assert names(cluster) == {"a", "b"}
        server.events.put_nowait(None)
        await until(lambda: cluster.is_synced(CONFIG_MAP))
        assert server.lists == 3
        assert not seen


async def test_broken_json_is_no_deletion() -> None:
    async with scripted() as (server, cluster, seen):
        server.events.put_nowait(b"this is not JSON\n")
        await until(lambda: not cluster.is_synced(CONFIG_MAP))
        server.events.put_nowait(None)
        await until(lambda: cluster.is_synced(CONFIG_MAP))
        assert names(cluster) == {"a", "b"}
        assert not seen


async def test_own_write_is_seen_before_and_after_its_event() -> None:
    async with scripted() as (server, cluster, seen):
        held = cluster.live(key("a"))
        assert held is not None
        import json

        from trimtab.core.manifest import parse_live

        written = parse_live(json.dumps(server.body("a", 12, x="ours")).encode())
        cluster.remember(written)
        assert cluster.live(key("a")) is written
        server.tell("MODIFIED", "a", 11, x="older")
        server.tell("MODIFIED", "a", 12, x="ours")
        server.tell("MODIFIED", "b", 13, x="marker")
        await until(lambda: len(seen) == 2)
        assert cluster.live(key("a")) is written
        assert [(e.live.key.name, e.live.meta.resource_version) for e in seen] == [
            ("a", "12"),
            ("b", "13"),
        ]


async def test_forgotten_object_ignores_stale_events_but_not_news() -> None:
    async with scripted() as (server, cluster, seen):
        cluster.forget(key("a"), "another uid")
        assert cluster.live(key("a")) is not None
        cluster.forget(key("a"), "u-a")
        server.tell("MODIFIED", "a", 5)
        server.tell("MODIFIED", "b", 13)
        await until(lambda: cluster.live(key("b")).meta.resource_version == "13")  # pyright: ignore[reportOptionalMemberAccess]
        assert cluster.live(key("a")) is None
        server.tell("MODIFIED", "a", 14)  # a finalizer keeps it: it lives on
        await until(lambda: cluster.live(key("a")) is not None)
        server.tell("DELETED", "a", 15)
        await until(lambda: cluster.live(key("a")) is None)
        changes = [e.change for e in seen if e.live.key.name == "a"]
        assert changes == [Change.DELETED, Change.ADDED, Change.DELETED]


async def test_event_that_arrives_in_pieces() -> None:
    async with scripted() as (server, cluster, _seen):
        event = lines({"type": "ADDED", "object": server.body("c", 20, text="x" * 200_000)})
        for start in range(0, len(event), 50_000):
            server.events.put_nowait(event[start : start + 50_000])
        await until(lambda: "c" in names(cluster))


async def test_flood_of_events_leaves_others_their_turn() -> None:
    async with scripted() as (server, cluster, _seen):
        flood = [{"type": "ADDED", "object": server.body(f"f{n}", 100 + n)} for n in range(5000)]
        server.events.put_nowait(lines(*flood))
        longest, last = 0.0, time.perf_counter()
        while len(names(cluster)) < 5002:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        assert longest < 0.5


async def test_history_that_went_back_is_believed() -> None:
    """A cluster restored from a backup: newer versions in the view are history now."""
    async with scripted() as (server, cluster, _seen):
        server.tell("MODIFIED", "a", 900)
        await until(lambda: cluster.live(key("a")).meta.resource_version == "900")  # pyright: ignore[reportOptionalMemberAccess]
        server.version, server.items = 20, {"a": 7}
        status = {"kind": "Status", "code": 410, "reason": "Expired"}
        server.events.put_nowait(lines({"type": "ERROR", "object": status}))
        await until(lambda: names(cluster) == {"a"})
        live = cluster.live(key("a"))
        assert live is not None
        assert live.meta.resource_version == "7"
        server.events.put_nowait(None)


@pytest.mark.fleet
async def test_long_list_comes_in_pages(target, new_namespace) -> None:
    namespace = new_namespace(target.index)
    codes: list[tuple[str, int]] = []
    options = ClusterOptions(on_request=lambda method, code, _s: codes.append((method, code)))
    # No watches run on this connection: they would send requests of their own.
    quiet = KubernetesCluster(load_kubeconfig(target.kubeconfig_path), options)
    async with KubernetesCluster(load_kubeconfig(target.kubeconfig_path)) as cluster:
        async with asyncio.TaskGroup() as tasks:
            for number in range(1200):
                body = config_map(namespace, f"cm-{number:04d}", {})
                tasks.create_task(apply(cluster, body))
        await quiet.resource_type(CONFIG_MAP)
        codes.clear()
        listed = await quiet.list(CONFIG_MAP, namespace=namespace)
        await quiet.aclose()
        assert len({live.key.name for live in listed} - {"kube-root-ca.crt"}) == 1200
        assert codes == [("GET", 200)] * 3
        await cluster.wait_synced([CONFIG_MAP], timeout=SOON)
        mine = [live for live in cluster.objects(CONFIG_MAP) if live.key.namespace == namespace]
        assert len(mine) >= 1200


@pytest.mark.fleet
async def test_restricted_cluster_is_watched_by_namespace(target, new_namespace) -> None:
    one, two, other = (new_namespace(target.index) for _ in range(3))
    connection = load_kubeconfig(target.kubeconfig_path)
    restricted = ClusterOptions(namespaces=(one, two), cluster_resources=False)
    async with KubernetesCluster(connection, restricted) as cluster:
        await cluster.wait_synced([CONFIG_MAP, GroupKind("", "Namespace")], timeout=SOON)
        for namespace in (one, two, other):
            await apply(cluster, config_map(namespace, "a", {}))
        await until(lambda: cluster.live(config_map_key(two, "a")) is not None)
        await until(lambda: cluster.live(config_map_key(one, "a")) is not None)
        assert {live.key.namespace for live in cluster.objects(CONFIG_MAP)} == {one, two}
        assert not cluster.is_synced(GroupKind("", "Namespace"))
        listed = await cluster.list(CONFIG_MAP)
        assert {live.key.namespace for live in listed} == {one, two}


@pytest.mark.fleet
async def test_killed_server_is_noticed_and_found_again(fleet, outage_cluster) -> None:
    async with KubernetesCluster(load_kubeconfig(outage_cluster.kubeconfig_path)) as cluster:
        turns: list[bool | None] = []
        cluster.on_reachable(lambda: turns.append(cluster.reachable))
        assert cluster.reachable is None
        await cluster.wait_synced([CONFIG_MAP], timeout=SOON)
        before = len(cluster.objects(CONFIG_MAP))
        await asyncio.to_thread(fleet.kill, outage_cluster.index)
        await until(lambda: cluster.reachable is False, seconds=5)
        assert not cluster.is_synced(CONFIG_MAP)
        assert len(cluster.objects(CONFIG_MAP)) == before
        started = time.perf_counter()
        with pytest.raises(ClusterUnreachable):
            await cluster.get(config_map_key("default", "a"))
        assert time.perf_counter() - started < 1
        await asyncio.to_thread(fleet.start_cluster, outage_cluster.index)
        await cluster.wait_synced([CONFIG_MAP], timeout=timedelta(seconds=30))
        assert turns == [True, False, True]
        written = await apply(cluster, config_map("default", "after-outage", {}))
        await until(lambda: cluster.live(written.live.key) is not None)
        await cluster.delete(written.live.key, uid=written.live.meta.uid)
