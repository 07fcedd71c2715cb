"""``trimtab serve`` as a process: start, routes, metrics, two at once, end. A hub of its own."""

from __future__ import annotations

import asyncio
import operator
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from e2e.installation import APPLICATION, PROJECT, Case, Installation, new_name
from e2e.objects import config
from e2e.seen import SeenCluster
from e2e.serving import Serve
from trimtab.adapters.gitserver import GitServer
from trimtab.adapters.localfleet import FleetPlan, FleetProcess, LocalCluster
from trimtab.crds.argoproj_v1alpha1.crd import definitions

DEFINITION = "apiextensions.k8s.io/CustomResourceDefinition"
LEASE = "coordination.k8s.io/Lease"


@pytest.fixture(scope="module")
def alone(localfleet_binary: Path) -> Iterator[LocalCluster]:
    """A cluster whose definitions no other test installs or removes."""
    with FleetProcess.start(FleetPlan(clusters=1), binary=localfleet_binary, progress=print) as one:
        yield one.running.cluster(0)


@pytest_asyncio.fixture
async def fresh(alone: LocalCluster, tmp_path: Path) -> AsyncIterator[Installation]:
    """An installation that has not begun, on a hub without Trimtab's definitions."""
    async with AsyncExitStack() as stack:
        git = stack.enter_context(GitServer(tmp_path / "git"))
        hub = SeenCluster(alone)
        await stack.enter_async_context(hub.cluster)
        for body in definitions():
            await hub.delete(DEFINITION, body["metadata"]["name"])
        for body in definitions():
            name = body["metadata"]["name"]
            await hub.until(DEFINITION, name, "", lambda found: found is None)
        yield Installation(hub, hub, git, tmp_path)


@pytest_asyncio.fixture
async def own(fresh: Installation) -> AsyncIterator[Installation]:
    """An installation that serves, with the hub as its only destination."""
    await fresh.begin({})
    try:
        yield fresh
    finally:
        await fresh.end()


@pytest_asyncio.fixture
async def own_case(own: Installation) -> AsyncIterator[Case]:
    """A repository and a namespace in it."""
    made = Case(own, new_name())
    await made.begin()
    try:
        yield made
    finally:
        await made.end()


async def ask(url: str, path: str, method: str = "GET") -> tuple[int, str]:
    async with ClientSession() as session, session.request(method, url + path) as answer:
        return answer.status, await answer.text()


async def metric(url: str, name: str, **labels: str) -> float:
    """Return the sum of a metric's samples that carry the labels."""
    _, text = await ask(url, "/metrics")
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


async def until_answers(url: str, path: str, status: int, *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while (found := await ask(url, path))[0] != status:
        assert time.monotonic() < deadline, f"{path} answers {found}"
        await asyncio.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_when_it_is_ready_its_definitions_are_served(fresh: Installation) -> None:
    try:
        await fresh.begin({})
        # Not ``serves``, which waits: what an impatient user's kubectl would get.
        kinds = [await fresh.hub.list(kind, fresh.namespace) for kind in (APPLICATION, PROJECT)]
        assert kinds == [[], []]
    finally:
        await fresh.end()


async def test_it_has_the_routes_for_webhook_health_and_metrics_only(own: Installation) -> None:
    url = own.serve.url
    for path in ("/healthz", "/readyz"):
        assert await ask(url, path) == (200, "ok\n")
    assert (await ask(url, "/metrics"))[0] == 200
    assert (await ask(url, "/api/webhook"))[0] == 405
    assert (await ask(url, "/api/webhook", "POST"))[0] in (400, 401)
    for path in ("/", "/api", "/api/v1/applications", "/debug", "/healthz/", "/metrics/.."):
        assert (await ask(url, path))[0] == 404, path
    for path in ("/healthz", "/metrics"):
        assert (await ask(url, path, "POST"))[0] == 405


async def test_metrics_count_looks_requests_and_pushes(own_case: Case) -> None:
    url = own_case.installation.serve.url
    sha = await own_case.commit({"app/one.yaml": config("one")})
    app = await own_case.apply_app(destination={"name": "in-cluster"})
    await app.delivered(sha)
    before = await _counted(url)
    sha = await own_case.commit({"app/one.yaml": config("one", "2")})
    await app.delivered(sha)
    # The look that told of the delivery is counted when it has ended.
    deadline = time.monotonic() + 30
    while not all(map(operator.gt, after := await _counted(url), before)):
        assert time.monotonic() < deadline, (before, after)
        await asyncio.sleep(0.05)
    assert before[1] > 0
    assert await metric(url, "trimtab_leader") == 1
    assert await metric(url, "trimtab_queue_length", controller="application") >= 0


async def _counted(url: str) -> tuple[float, ...]:
    """Return how many looks, writes to the hub and pushes there were."""
    writes = {"method": "PATCH", "code": "200", "cluster": "in-cluster"}
    return (
        await metric(url, "trimtab_reconcile_seconds_count", controller="application"),
        await metric(url, "trimtab_kubernetes_requests_total", **writes),
        await metric(url, "trimtab_webhook_pushes_total"),
    )


async def test_a_second_one_stands_by_and_takes_over(own_case: Case, tmp_path: Path) -> None:
    first = own_case.installation
    sha = await own_case.commit({"app/one.yaml": config("one")})
    app = await own_case.apply_app(destination={"name": "in-cluster"})
    await app.delivered(sha)
    port = free_port()
    options = [*first.options[:4], "--state-dir", str(tmp_path / "second")]
    second = Serve(options, tmp_path / "second.log", extra=["--listen", f"127.0.0.1:{port}"])
    starting = asyncio.create_task(asyncio.to_thread(second.start))  # noqa: TID251 -- a test's own
    url = f"http://127.0.0.1:{port}"
    try:
        await own_case.hub.until(
            LEASE, "trimtab-controller", first.namespace, lambda body: body is not None
        )
        await _listens(port)
        assert (await ask(url, "/healthz"))[0] == 200
        assert (await ask(url, "/readyz"))[0] == 503
        assert not starting.done()
        sha = await own_case.commit({"app/one.yaml": config("one", "2")})
        await app.delivered(sha)
        assert await metric(url, "trimtab_reconcile_seconds_count", controller="application") == 0
        await asyncio.to_thread(first.serve.stop)
        await asyncio.wait_for(starting, 30)
        assert (await ask(url, "/readyz"))[0] == 200
        sha = await own_case.commit({"app/one.yaml": config("one", "3")})
        await app.delivered(sha)
    finally:
        await asyncio.to_thread(second.stop)


async def test_a_state_folder_in_use_is_told(own: Installation) -> None:
    done = await own.trimtab("serve", "--listen", "127.0.0.1:0")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "is used by another trimtab serve" in done.stderr
    assert "--state-dir" in done.stderr


async def test_an_address_in_use_is_told(own: Installation, tmp_path: Path) -> None:
    taken = own.serve.url.removeprefix("http://")
    state = str(tmp_path / "other")
    done = await own.trimtab("serve", "--state-dir", state, "--listen", taken)
    assert done.returncode == 3
    assert f"cannot listen on {taken}" in done.stderr
    assert "--listen" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--listen", "nonsense"), 3, "expected host:port"),
        (("--log-level", "loud"), 2, "--log-level"),
        (("--state-dir", "/proc/none"), 3, "name another with --state-dir"),
        (("--kubeconfig", "/none"), 3, "/none does not exist"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
async def test_what_is_wrong_at_the_start_is_told(
    fresh: Installation, arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = await fresh.trimtab("serve", *arguments)
    assert done.returncode == code
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_stop_it_ends_in_time_and_lets_go_of_its_lease(
    own: Installation, number: signal.Signals
) -> None:
    started = time.monotonic()
    os.kill(own.serve.pid, number)
    assert await asyncio.to_thread(own.serve.wait) == 0
    assert time.monotonic() - started < 10
    lease = await own.hub.get(LEASE, "trimtab-controller", own.namespace)
    assert lease is not None
    assert not lease["spec"].get("holderIdentity")


async def test_an_observer_writes_nothing_to_the_hub(own_case: Case, tmp_path: Path) -> None:
    first = own_case.installation
    sha = await own_case.commit({"app/one.yaml": config("one")})
    app = await own_case.apply_app(destination={"name": "in-cluster"}, syncPolicy=None)
    await app.until(lambda a: a.sync == "OutOfSync" and a.revision == sha)
    await asyncio.to_thread(first.serve.stop)
    before = await _versions(own_case)
    options = [*first.options[:4], "--state-dir", str(tmp_path / "observer")]
    observer = Serve(options, tmp_path / "observer.log", extra=["--observe-only"])
    await asyncio.to_thread(observer.start)
    try:
        await until_answers(observer.url, "/readyz", 200)
        deadline = time.monotonic() + 30
        looks = "trimtab_reconcile_seconds_count"
        while await metric(observer.url, looks, controller="application") < 1:
            assert time.monotonic() < deadline, observer.last_log()
            await asyncio.sleep(0.05)
    finally:
        await asyncio.to_thread(observer.stop)
    assert await _versions(own_case) == before


async def _versions(case: Case) -> dict[str, str]:
    """Return the resourceVersion of all that an installation may write in the hub."""
    found: dict[str, str] = {}
    namespace = case.installation.namespace
    for kind in (APPLICATION, PROJECT, "ConfigMap", "Secret", LEASE, "Event"):
        for body in await case.hub.list(kind, namespace):
            found[f"{kind}/{body['metadata']['name']}"] = body["metadata"]["resourceVersion"]
    return found


async def _listens(port: int, *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on {port}"
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
