"""The installation's own namespace in a hub that is new to it."""

from __future__ import annotations

from trimtab.core.manifest import ObjectKey
from trimtab.services.installation import ensure_namespace
from trimtab.testing.cluster import FakeCluster

_KEY = ObjectKey("", "Namespace", "", "argocd")


async def test_a_new_hub_gets_the_namespace() -> None:
    hub = FakeCluster()
    await ensure_namespace(hub, "argocd")
    assert await hub.get(_KEY) is not None


async def test_a_namespace_that_is_there_is_left_alone() -> None:
    hub = FakeCluster()
    hub.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}})
    before = await hub.get(_KEY)
    await ensure_namespace(hub, "argocd")
    assert await hub.get(_KEY) == before
