"""The record of kinds that were written to a cluster."""

from __future__ import annotations

import asyncio

from trimtab.core.manifest import GroupKind
from trimtab.services.written_kinds import WrittenKinds
from trimtab.testing.cluster import FakeCluster

SERVER = "https://10.0.0.1:6443"
DEPLOYMENT, JOB = GroupKind("apps", "Deployment"), GroupKind("batch", "Job")
CONFIG_MAP = GroupKind("", "ConfigMap")


def new_hub() -> FakeCluster:
    """Return a hub that watches ConfigMaps."""
    hub = FakeCluster()
    hub.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}})
    hub.ensure((CONFIG_MAP,))
    return hub


async def test_what_was_recorded_is_known_to_the_next_process() -> None:
    hub = new_hub()
    await WrittenKinds(hub, "argocd").add(SERVER, (DEPLOYMENT, CONFIG_MAP))
    assert WrittenKinds(hub, "argocd").of(SERVER) == {DEPLOYMENT, CONFIG_MAP}
    assert WrittenKinds(hub, "argocd").of("https://10.0.0.2:6443") == frozenset()


async def test_a_new_kind_is_added_to_those_of_the_last_process() -> None:
    hub = new_hub()
    await WrittenKinds(hub, "argocd").add(SERVER, (DEPLOYMENT,))
    await WrittenKinds(hub, "argocd").add(SERVER, (JOB,))
    assert WrittenKinds(hub, "argocd").of(SERVER) == {DEPLOYMENT, JOB}


async def test_kinds_that_are_recorded_cost_no_write() -> None:
    hub = new_hub()
    kinds = WrittenKinds(hub, "argocd")
    await kinds.add(SERVER, (DEPLOYMENT, JOB))
    (before,) = hub.objects(CONFIG_MAP)
    await kinds.add(SERVER, (JOB,))
    await kinds.add(SERVER, ())
    assert hub.objects(CONFIG_MAP) == (before,)


async def test_kinds_added_at_once_are_all_kept() -> None:
    hub = new_hub()
    kinds = WrittenKinds(hub, "argocd")
    wanted = [GroupKind("example.com", f"Kind{number}") for number in range(20)]
    async with asyncio.TaskGroup() as tasks:
        for kind in wanted:
            tasks.create_task(kinds.add(SERVER, (kind,)))
    assert WrittenKinds(hub, "argocd").of(SERVER) == set(wanted)
