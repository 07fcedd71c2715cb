"""``app logs``: which pods, which container, whose line."""

from datetime import timedelta

import pytest

from trimtab.ports.cluster import Invalid, LogOptions
from trimtab.testing.cluster import FakeCluster

from .conftest import FakeLogs, Run, application
from .owned import HERE, owned


@pytest.fixture
def hub(hub: FakeCluster) -> FakeCluster:
    """Return a hub with an application of two pods, and a pod of somebody else."""
    hub.seed(application(spec=HERE))
    hub.seed(owned("Deployment", "web"))
    hub.seed(owned("ReplicaSet", "web-1", "apps/v1/Deployment/web"))
    containers = [{"name": "main"}, {"name": "proxy"}]
    hub.seed(owned("Pod", "web-1-a", "apps/v1/ReplicaSet/web-1", containers=containers))
    hub.seed(owned("Pod", "web-1-b", "apps/v1/ReplicaSet/web-1", containers=containers[:1]))
    hub.seed(owned("Pod", "stranger", "apps/v1/ReplicaSet/other", containers=containers))
    return hub


def test_lines_of_several_pods_begin_with_the_pods_name(
    hub: FakeCluster, run: Run, logs: FakeLogs
) -> None:
    logs.pods = {"web-1-a": ["one", "two"], "web-1-b": ["three"]}
    ran = run("app", "logs", "web")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == ["[web-1-a] one", "[web-1-a] two", "[web-1-b] three"]


def test_lines_of_one_pod_stay_as_they_are(hub: FakeCluster, run: Run, logs: FakeLogs) -> None:
    logs.pods = {"web-1-a": ["one"]}
    options = ["--container", "proxy", "--tail", "3", "--since", "5m", "--previous", "--follow"]
    ran = run("app", "logs", "web", *options)
    assert ran.out == "one\n"
    since = timedelta(minutes=5)
    assert logs.asked == [LogOptions("proxy", follow=True, tail=3, since=since, previous=True)]


def test_a_pod_that_cannot_be_read_does_not_hide_the_others(
    hub: FakeCluster, run: Run, logs: FakeLogs
) -> None:
    waiting = Invalid(400, "BadRequest", "container main is waiting to start")
    logs.pods = {"web-1-a": waiting, "web-1-b": ["three"]}
    ran = run("app", "logs", "web")
    assert ran.code == 3
    assert ran.out == "[web-1-b] three\n"
    assert "web-1-a: container main is waiting to start" in ran.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--pod", "web-9"], "expected pods of application web, found none"),
        (["--resource", ":Service:web"], "expected pods of application web, found none"),
        (["--container", "nope"], "expected container nope"),
    ],
)
def test_what_is_not_there_is_told(args: list[str], said: str, hub: FakeCluster, run: Run) -> None:
    ran = run("app", "logs", "web", *args)
    assert ran.code == 5
    assert said in ran.err


def test_silence_is_told(hub: FakeCluster, run: Run, logs: FakeLogs) -> None:
    logs.pods = {"web-1-a": []}
    ran = run("app", "logs", "web", "--pod", "web-1-a")
    assert (ran.code, ran.out, ran.err) == (0, "", "pod web-1-a: no lines\n")
