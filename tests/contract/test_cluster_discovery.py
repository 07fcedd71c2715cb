"""What is known of the kinds that a cluster serves, and when that is read again."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from contract.cluster_cases import apply, crd, until
from contract.stub_server import DISCOVERY, client_of, json_answer, serve
from fleet_fixtures import HUB
from trimtab.adapters.kubernetes import KubernetesCluster, choose_transport, load_kubeconfig
from trimtab.adapters.kubernetes.discovery import Discovery
from trimtab.adapters.localfleet import LocalCluster
from trimtab.core.manifest import GroupKind

METRIC = GroupKind("metrics.test", "Metric")
WIDGET = GroupKind("widgets.test", "Widget")


class Server:
    """Answers discovery: one group, which may be stale or gone, beside the core group."""

    def __init__(self) -> None:
        self.state = "Current"
        self.reads = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        items: list[dict[str, Any]] = DISCOVERY[request.path]
        if request.path == "/apis":
            self.reads += 1
            items = self._groups()
        return json_answer({"kind": "APIGroupDiscoveryList", "items": items})

    def _groups(self) -> list[dict[str, Any]]:
        if self.state == "Gone":
            return []
        resource = copy.deepcopy(DISCOVERY["/api"][0]["versions"][0]["resources"][0])
        kind = {"group": METRIC.group, "version": "v1", "kind": METRIC.kind}
        resource |= {"resource": "metrics", "responseKind": kind}
        served = [resource] if self.state == "Current" else []
        version = {"version": "v1", "resources": served, "freshness": self.state}
        return [{"metadata": {"name": METRIC.group}, "versions": [version]}]


async def test_a_group_whose_server_is_down_keeps_its_kinds_and_one_that_is_gone_does_not() -> None:
    server = Server()
    async with serve(server) as url, client_of(url, choose_transport) as client:
        discovery = Discovery(client)
        assert await discovery.resource_type(METRIC) is not None
        for state, is_there in (("Stale", True), ("Current", True), ("Gone", False)):
            server.state = state
            await discovery.refresh()
            assert (discovery.known(METRIC) is not None) is is_there, state


async def test_a_kind_that_is_not_known_reads_again_at_most_once_in_two_seconds() -> None:
    server, now = Server(), [100.0]
    async with serve(server) as url, client_of(url, choose_transport) as client:
        discovery = Discovery(client, clock=lambda: now[0])
        for seconds, reads in ((0.0, 1), (1.9, 1), (0.2, 2), (0.0, 2)):
            now[0] += seconds
            assert await discovery.resource_type(WIDGET) is None
            assert await discovery.resource_type(METRIC) is not None
            assert server.reads == reads


@pytest.mark.fleet
async def test_a_new_version_of_a_kind_is_noticed(
    hub: LocalCluster, new_namespace: Callable[[int], str]
) -> None:
    group = f"{new_namespace(HUB)}.trimtab.test"
    widget = GroupKind(group, "Widget")
    body = crd(group, "Widget")
    async with KubernetesCluster(load_kubeconfig(hub.kubeconfig_path)) as cluster:
        defined = await apply(cluster, body)
        cluster.ensure([widget])
        await until(lambda: cluster.is_synced(widget))
        second = copy.deepcopy(body["spec"]["versions"][0]) | {"name": "v2", "storage": False}
        body["spec"]["versions"].append(second)
        await apply(cluster, body)
        await until(lambda: _versions(cluster, widget) == ("v2", "v1"))
        await until(lambda: cluster.is_synced(widget))
        await cluster.delete(defined.live.key, uid=defined.live.meta.uid)
        await until(lambda: _versions(cluster, widget) == ())


def _versions(cluster: KubernetesCluster, kind: GroupKind) -> tuple[str, ...]:
    found = cluster.discovery.known(kind)
    return found.versions if found is not None else ()
