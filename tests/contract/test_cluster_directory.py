"""What the port ClusterDirectory promises, over fakes and over real API servers."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from contract.cluster_cases import CONFIG_MAP, apply, config_map, until
from fleet_fixtures import HUB
from trimtab.adapters.kubernetes import (
    ConnectionInvalid,
    KubernetesDirectory,
    cluster_config,
    load_kubeconfig,
)
from trimtab.adapters.localfleet import LocalCluster
from trimtab.ports.cluster import Cluster, ClusterSettings, ClusterUnknown, WatchEvent
from trimtab.testing.cluster_directory import FakeClusterDirectory

IN_CLUSTER = "https://kubernetes.default.svc"
SOON = timedelta(seconds=15)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.fleet)])
def open_directory(request: pytest.FixtureRequest):
    """Return a context manager: a directory, and the settings of a target that can be put."""
    if request.param == "fake":

        @asynccontextmanager
        async def fake():
            yield FakeClusterDirectory(), ClusterSettings("prod", "https://prod.test", {})

        return fake
    hub, target = request.getfixturevalue("hub"), request.getfixturevalue("target")

    @asynccontextmanager
    async def real():
        directory = KubernetesDirectory(load_kubeconfig(hub.kubeconfig_path))
        config = cluster_config(load_kubeconfig(target.kubeconfig_path))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(directory.run())
            try:
                yield directory, ClusterSettings("prod", target.server, config)
            finally:
                running.cancel()
        await directory.aclose()

    return real


async def test_hub_is_there_from_the_start(open_directory) -> None:
    async with open_directory() as (directory, _settings):
        hub = directory.find(server=IN_CLUSTER)
        assert directory.find(server=f"{IN_CLUSTER}/") is hub
        assert directory.find(name="in-cluster") is hub
        assert list(directory.all()) == [hub]
        await directory.put(ClusterSettings("home", IN_CLUSTER, {}, labels={"env": "mgmt"}))
        assert directory.find(name="home") is hub
        found = directory.settings(IN_CLUSTER)
        assert found is not None
        assert found.labels == {"env": "mgmt"}


async def test_put_find_and_remove(open_directory) -> None:
    async with open_directory() as (directory, settings):
        await directory.put(replace(settings, server=f"{settings.server}/"))
        cluster = directory.find(server=settings.server)
        assert directory.find(name="prod") is cluster
        assert (cluster.name, cluster.server) == ("prod", settings.server)
        await directory.put(settings)
        assert directory.find(name="prod") is cluster
        assert [each.name for each in directory.all()] == ["in-cluster", "prod"]
        await directory.remove(settings.server)
        with pytest.raises(ClusterUnknown):
            directory.find(server=settings.server)
        with pytest.raises(ClusterUnknown):
            directory.find(name="prod")
        assert directory.settings(settings.server) is None


async def test_new_labels_keep_the_connection(open_directory) -> None:
    async with open_directory() as (directory, settings):
        await directory.put(settings)
        cluster = directory.find(name="prod")
        await directory.put(replace(settings, labels={"env": "prod"}))
        assert directory.find(name="prod") is cluster
        found = directory.settings(settings.server)
        assert found is not None
        assert found.labels == {"env": "prod"}


async def test_name_that_two_share_is_refused(open_directory) -> None:
    async with open_directory() as (directory, settings):
        await directory.put(settings)
        await directory.put(ClusterSettings("prod", "https://127.0.0.1:1", {}))
        with pytest.raises(ClusterUnknown, match="2 clusters"):
            directory.find(name="prod")


async def test_events_of_all_clusters_are_heard(open_directory) -> None:
    async with open_directory() as (directory, settings):
        heard: list[tuple[str, WatchEvent | None]] = []
        directory.subscribe(lambda cluster, event: heard.append((cluster.name, event)))
        await directory.put(settings)
        for cluster in directory.all():
            await cluster.wait_synced([CONFIG_MAP], timeout=SOON)
        assert {name for name, event in heard if event is None} == {"in-cluster", "prod"}
        heard.clear()
        cluster = directory.find(name="prod")
        written = await apply(cluster, config_map("default", "heard", {}))
        await until(lambda: any(e and e.live.key == written.live.key for _, e in heard))
        assert {name for name, event in heard if event} == {"prod"}
        await cluster.delete(written.live.key, uid=written.live.meta.uid)


@pytest.mark.fleet
async def test_changed_settings_make_a_new_connection(hub, target) -> None:
    directory = KubernetesDirectory(load_kubeconfig(hub.kubeconfig_path))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(directory.run())
        authority = base64.b64encode(target.ca_pem.encode()).decode()
        config = {"bearerToken": "wrong", "tlsClientConfig": {"caData": authority}}
        settings = ClusterSettings("prod", target.server, config)
        await directory.put(settings)
        first = directory.find(name="prod")
        await directory.put(replace(settings, config={**config, "bearerToken": target.token}))
        second = directory.find(name="prod")
        assert second is not first
        await second.wait_synced([CONFIG_MAP], timeout=SOON)
        with pytest.raises(ConnectionInvalid):
            await directory.put(replace(settings, config={"awsAuthConfig": {"clusterName": "x"}}))
        assert directory.find(name="prod") is second
        running.cancel()
    await directory.aclose()


@pytest.mark.fleet
async def test_watches_that_failed_by_a_bug_start_again_and_miss_nothing(
    hub: LocalCluster, new_namespace: Callable[[int], str]
) -> None:
    namespace = new_namespace(HUB)
    directory = KubernetesDirectory(load_kubeconfig(hub.kubeconfig_path))
    bugs = ["oops"]

    def listen(_cluster: Cluster, event: WatchEvent | None) -> None:
        if event is not None and event.live.key.name == "first" and bugs:
            raise ValueError(bugs.pop())

    directory.subscribe(listen)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(directory.run())
        await directory.hub.wait_synced([CONFIG_MAP], timeout=SOON)
        with capture_logs() as logs:
            for name in ("first", "second"):
                await apply(directory.hub, config_map(namespace, name, {}))
            await until(lambda: not bugs)
            await until(lambda: directory.hub.is_synced(CONFIG_MAP))
            await apply(directory.hub, config_map(namespace, "third", {}))
            await until(lambda: _names(directory.hub, namespace) >= {"first", "second", "third"})
        running.cancel()
    await directory.aclose()
    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["loop.failed"]


def _names(cluster: Cluster, namespace: str) -> set[str]:
    found = cluster.objects(CONFIG_MAP)
    return {live.key.name for live in found if live.key.namespace == namespace}
