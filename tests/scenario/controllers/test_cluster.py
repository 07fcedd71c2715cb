"""Cluster Secrets: the directory of clusters follows what they say."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from structlog.testing import capture_logs

from trimtab.controllers.cluster import ClusterReconciler
from trimtab.core.manifest import GroupKind, ObjectKey
from trimtab.ports.cluster import Cluster, ClusterUnknown
from trimtab.runtime import Done, Outcome, StalledFailure
from trimtab.testing.cluster import FakeCluster
from trimtab.testing.cluster_directory import FakeClusterDirectory

LABEL = "argocd.argoproj.io/secret-type"


class Hub:
    """A hub with cluster Secrets, and what became of them."""

    def __init__(self) -> None:
        self.hub = FakeCluster(full_secret_selector=LABEL)
        self.hub.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}})
        self.hub.ensure([GroupKind("", "Secret")])
        self.clusters = FakeClusterDirectory(self.hub)
        self.changed: list[str] = []
        self.reconciler = ClusterReconciler(self.hub, self.clusters, self._on_change)

    def _on_change(self, cluster: Cluster) -> None:
        self.changed.append(cluster.server)

    async def look(self, name: str) -> Outcome:
        with capture_logs():
            return await self.reconciler.reconcile(f"argocd/{name}")

    async def state(self, secret: str, *, kind: str = "cluster", **data: str) -> Outcome:
        """Write a Secret as a person does, and look at it."""
        encoded: dict[str, Any] = {
            field: base64.b64encode(text.encode()).decode() for field, text in data.items()
        }
        meta: dict[str, Any] = {"name": secret, "namespace": "argocd", "labels": {LABEL: kind}}
        self.hub.seed({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": encoded})
        return await self.look(secret)

    async def remove(self, name: str) -> Outcome:
        self.hub.vanish(ObjectKey("", "Secret", "argocd", name))
        return await self.look(name)

    @property
    def servers(self) -> set[str]:
        """Clusters beside the hub itself."""
        return {cluster.server for cluster in self.clusters.all()} - {self.hub.server}


async def test_a_secret_registers_a_cluster_and_its_removal_forgets_it() -> None:
    hub = Hub()
    assert await hub.state("one", name="dev", server="https://dev.example.com/") == Done()
    assert hub.clusters.find(name="dev").server == "https://dev.example.com"
    assert hub.changed == ["https://dev.example.com"]
    assert await hub.remove("one") == Done()
    assert hub.servers == set()


async def test_a_secret_may_come_to_mean_another_server() -> None:
    hub = Hub()
    await hub.state("one", name="dev", server="https://old.example.com")
    await hub.state("one", name="dev", server="https://new.example.com")
    assert hub.servers == {"https://new.example.com"}


async def test_a_cluster_that_two_secrets_name_stays_until_both_are_gone() -> None:
    hub = Hub()
    for name in ("one", "two"):
        await hub.state(name, name="dev", server="https://dev.example.com")
    await hub.remove("one")
    assert hub.servers == {"https://dev.example.com"}
    await hub.remove("two")
    assert hub.servers == set()


async def test_a_secret_that_is_no_cluster_any_more_is_forgotten() -> None:
    hub = Hub()
    await hub.state("one", name="dev", server="https://dev.example.com")
    await hub.state("one", kind="repository", url="https://git.example.com")
    assert hub.servers == set()


async def test_a_broken_secret_keeps_the_connection_that_worked() -> None:
    hub = Hub()
    await hub.state("one", name="dev", server="https://dev.example.com")
    outcome = await hub.state("one", name="dev", server="https://dev.example.com", config="{")
    assert isinstance(outcome, StalledFailure)
    assert hub.servers == {"https://dev.example.com"}
    assert hub.changed == ["https://dev.example.com"]


async def test_changed_credentials_are_told() -> None:
    hub = Hub()
    where = {"name": "dev", "server": "https://dev.example.com"}
    await hub.state("one", **where, config='{"bearerToken": "a"}')
    await hub.state("one", **where, config='{"bearerToken": "b"}')
    settings = hub.clusters.settings("https://dev.example.com")
    assert settings is not None
    assert settings.config == {"bearerToken": "b"}
    assert hub.changed == ["https://dev.example.com"] * 2


async def test_a_secret_that_never_was_changes_nothing() -> None:
    hub = Hub()
    assert await hub.look("nobody") == Done()
    with pytest.raises(ClusterUnknown):
        hub.clusters.find(name="dev")
