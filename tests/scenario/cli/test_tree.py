"""The tree below an application: what its resources have made."""

import pytest

from trimtab.testing.cluster import FakeCluster

from .conftest import Run, application
from .owned import HERE, owned


@pytest.fixture
def hub(hub: FakeCluster) -> FakeCluster:
    """Return a hub with a Deployment of two pods, and what an earlier rollout left."""
    hub.seed(application(spec=HERE))
    hub.seed(owned("Deployment", "web"))
    hub.seed(owned("ReplicaSet", "web-0", "apps/v1/Deployment/web", replicas=0))
    hub.seed(owned("ReplicaSet", "web-1", "apps/v1/Deployment/web", replicas=2))
    for name in ("web-1-a", "web-1-b"):
        hub.seed(owned("Pod", name, "apps/v1/ReplicaSet/web-1"))
    hub.seed(owned("Pod", "stranger", "apps/v1/ReplicaSet/other"))
    return hub


def test_the_tree_shows_what_the_resources_have_made(hub: FakeCluster, run: Run) -> None:
    tree = run("app", "get", "web", "--tree").out.partition("\n\n")[2]
    assert [line.split("  ")[0] if "├" in line else line for line in tree.splitlines()][:2] == [
        "Application web",
        "├─ Service shop/web",
    ]
    assert [line.rstrip().partition(" shop/")[0] for line in tree.splitlines()[2:]] == [
        "└─ Deployment",
        "   └─ ReplicaSet",
        "      ├─ Pod",
        "      └─ Pod",
    ]
    assert "stranger" not in tree


def test_without_the_option_nobody_asks_the_destination(hub: FakeCluster, run: Run) -> None:
    before = len(hub.requests)
    assert "ReplicaSet" not in run("app", "get", "web").out
    assert [request.verb for request in hub.requests[before:]] == ["get"]
