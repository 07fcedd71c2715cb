"""What the rest of the tests rely on: clusters behave, come back, and leave nothing behind."""

from __future__ import annotations

import os
import select
import signal
import ssl
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleet_fixtures import TARGET
from kube_rest import Json, KubeStatusError, connect, connect_by_token
from trimtab.adapters.localfleet import (
    Fleet,
    FleetError,
    FleetPlan,
    FleetProcess,
    LocalCluster,
    RunningFleet,
)

pytestmark = pytest.mark.fleet

_GONE_SECONDS = 15.0


def _deployment(name: str, image: str, **annotations: str) -> Json:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": _steering(annotations)},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    }


def _job(name: str, **annotations: str) -> Json:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            "backoffLimit": 0,
            "template": {
                "metadata": {"annotations": _steering(annotations)},
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "main", "image": "task:1"}],
                },
            },
        },
    }


def _steering(annotations: dict[str, str]) -> dict[str, str]:
    return {
        f"localfleet.trimtab.dev/{key.replace('_', '-')}": value
        for key, value in annotations.items()
    }


def _condition(obj: Json, kind: str) -> str | None:
    found = [c["status"] for c in obj.get("status", {}).get("conditions", []) if c["type"] == kind]
    return found[0] if found else None


def test_a_deployment_becomes_available(
    target: LocalCluster, new_namespace: Callable[[int], str]
) -> None:
    rest, namespace = connect(target), new_namespace(TARGET)
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    rest.post(path, _deployment("web", "web:1"))
    found = rest.wait(f"{path}/web", lambda d: d.get("status", {}).get("availableReplicas") == 2)
    assert _condition(found, "Available") == "True"


def test_a_broken_image_is_never_available(
    target: LocalCluster, new_namespace: Callable[[int], str]
) -> None:
    rest, namespace = connect(target), new_namespace(TARGET)
    rest.post(f"/apis/apps/v1/namespaces/{namespace}/deployments", _deployment("web", "web:broken"))
    pods = rest.wait(
        f"/api/v1/namespaces/{namespace}/pods",
        lambda p: (
            len(p["items"]) == 2 and all("containerStatuses" in i["status"] for i in p["items"])
        ),
    )
    for pod in pods["items"]:
        waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]
        assert waiting["reason"] == "ImagePullBackOff"
        assert _condition(pod, "Ready") == "False"


def test_a_pod_becomes_ready_when_its_annotation_allows(
    target: LocalCluster, new_namespace: Callable[[int], str]
) -> None:
    rest, namespace = connect(target), new_namespace(TARGET)
    path = f"/api/v1/namespaces/{namespace}/pods"
    template = _deployment("web", "web:1", ready="false")["spec"]["template"]
    rest.wait(f"/api/v1/namespaces/{namespace}/serviceaccounts/default", lambda _: True)
    rest.post(path, template | {"metadata": template["metadata"] | {"name": "web"}})
    rest.wait(f"{path}/web", lambda p: p["status"]["phase"] == "Running")
    assert _condition(rest.get(f"{path}/web"), "Ready") == "False"
    rest.patch(f"{path}/web", {"metadata": {"annotations": _steering({"ready": "true"})}})
    rest.wait(f"{path}/web", lambda p: _condition(p, "Ready") == "True")


@pytest.mark.parametrize(
    ("annotations", "outcome"),
    [
        pytest.param({}, "Complete", id="succeeds"),
        pytest.param({"exit_code": "3"}, "Failed", id="fails with its exit code"),
    ],
)
def test_a_job_ends(
    target: LocalCluster,
    new_namespace: Callable[[int], str],
    annotations: dict[str, str],
    outcome: str,
) -> None:
    rest, namespace = connect(target), new_namespace(TARGET)
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    rest.post(path, _job("task", **annotations))
    rest.wait(f"{path}/task", lambda j: _condition(j, outcome) == "True")


def test_a_namespace_with_everything_in_it_goes_away(target: LocalCluster) -> None:
    rest = connect(target)
    rest.post("/api/v1/namespaces", {"metadata": {"name": "short-lived"}})
    rest.post("/apis/apps/v1/namespaces/short-lived/deployments", _deployment("web", "web:1"))
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    rest.post("/api/v1/namespaces/short-lived/persistentvolumeclaims", claim)
    rest.delete("/api/v1/namespaces/short-lived")
    rest.wait("/api/v1/namespaces", lambda n: "short-lived" not in _names(n))


def _names(listing: Json) -> set[str]:
    return {item["metadata"]["name"] for item in listing["items"]}


def test_a_quota_is_enforced(target: LocalCluster, new_namespace: Callable[[int], str]) -> None:
    rest, namespace = connect(target), new_namespace(TARGET)
    path = f"/api/v1/namespaces/{namespace}"
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"services": "0"}}}
    rest.post(f"{path}/resourcequotas", quota)
    rest.wait(f"{path}/resourcequotas/none", lambda q: "hard" in q.get("status", {}))
    service = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    with pytest.raises(KubeStatusError, match="exceeded quota"):
        rest.post(f"{path}/services", service)


def test_credentials(hub: LocalCluster, target: LocalCluster) -> None:
    version = connect_by_token(hub, hub.token).get("/version")
    assert version["gitVersion"].startswith("v1.")
    with pytest.raises(KubeStatusError) as wrong:
        connect_by_token(hub, "nonsense").get("/api/v1/pods")
    assert wrong.value.code == 401
    with pytest.raises(KubeStatusError) as jane:
        connect(hub, hub.user_cert("jane", ["devs"])).get("/api/v1/pods")
    assert jane.value.code == 403
    assert 'User "jane"' in str(jane.value)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with pytest.raises((KubeStatusError, ssl.SSLError)):
        connect(hub, hub.user_cert("admin", ["system:masters"], not_after=yesterday)).get("/api")
    with pytest.raises(ssl.SSLError):
        connect_by_token(replace(hub, ca_pem=target.ca_pem), hub.token).get("/version")


def test_a_service_account_token_is_accepted(
    target: LocalCluster, new_namespace: Callable[[int], str]
) -> None:
    rest, namespace = connect(target), new_namespace(TARGET)
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    rest.wait(f"{accounts}/default", lambda _: True)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = rest.post(f"{accounts}/default/token", request)["status"]["token"]
    with pytest.raises(KubeStatusError, match=f"system:serviceaccount:{namespace}:default"):
        connect_by_token(target, token).get("/api/v1/pods")


def test_only_this_user_can_read_the_credentials(fleet: RunningFleet) -> None:
    assert stat.S_IMODE(fleet.folder.stat().st_mode) == 0o700
    loose = [
        path
        for path in (fleet.folder / "clusters").rglob("*")
        if path.is_file() and path.name != "apiserver.crt" and path.stat().st_mode & 0o077
    ]
    assert loose == []


def test_the_control_endpoint_wants_its_token(fleet: RunningFleet) -> None:
    stranger = RunningFleet(
        folder=fleet.folder, control=fleet.control, control_token="guess", servers=fleet.servers
    )
    with pytest.raises(FleetError, match="control token"):
        stranger.kill(2)


def test_a_killed_cluster_refuses_and_returns_with_its_objects(
    fleet: RunningFleet, outage_cluster: LocalCluster
) -> None:
    rest, index = connect(outage_cluster), outage_cluster.index
    name = f"kept-{time.monotonic_ns()}"
    path = f"/api/v1/namespaces/default/configmaps/{name}"
    rest.post("/api/v1/namespaces/default/configmaps", {"metadata": {"name": name}})
    before = rest.get(path)["metadata"]
    fleet.kill(index)
    with pytest.raises(ConnectionRefusedError):
        rest.get(path)
    assert fleet.status().clusters[index].phase == "down"
    fleet.start_cluster(index)
    assert rest.get(path)["metadata"] == before
    deployments = "/apis/apps/v1/namespaces/default/deployments"
    rest.post(deployments, _deployment(name, "web:1"))
    rest.wait(f"{deployments}/{name}", lambda d: d.get("status", {}).get("availableReplicas") == 2)


def test_a_server_killed_by_its_process_id_counts_as_down(
    fleet: RunningFleet, outage_cluster: LocalCluster
) -> None:
    index = outage_cluster.index
    os.kill(fleet.status().processes[f"apiserver-{index}"], signal.SIGKILL)
    _wait_until(lambda: fleet.status().clusters[index].phase == "down")
    fleet.start_cluster(index)
    assert fleet.status().clusters[index].phase == "ready"


def test_a_cluster_with_a_shared_server_cannot_be_killed_alone(fleet: RunningFleet) -> None:
    with pytest.raises(FleetError, match="shares its API server process"):
        fleet.kill(TARGET)
    with pytest.raises(FleetError, match="no cluster"):
        fleet.kill(7)


async def test_two_clusters_start_and_stop_without_a_trace(localfleet_binary: Path) -> None:
    assert localfleet_binary.exists()
    async with await Fleet.start(2, controllers=[0], separate=[1]) as fleet:
        status = await fleet.status()
        assert [c.phase for c in status.clusters] == ["ready", "ready"]
        assert [c.controllers for c in status.clusters] == [True, False]
        folder = fleet.running.folder
        watched = _open_all([status.pid, *status.processes.values()])
    assert _still_running(watched, timeout=0) == []
    assert not folder.exists()


_ORPHAN_MAKER = """
import sys, threading
from pathlib import Path
from trimtab.adapters.localfleet import FleetPlan, FleetProcess

plan = FleetPlan(clusters=2, separate=frozenset({1}))
fleet = FleetProcess.start(plan, binary=Path(sys.argv[1]), progress=lambda _: None)
status = fleet.running.status()
print(fleet.running.folder, status.pid, *status.processes.values(), flush=True)
threading.Event().wait()
"""


def test_nothing_outlives_a_killed_parent(localfleet_binary: Path) -> None:
    command = [sys.executable, "-c", _ORPHAN_MAKER, str(localfleet_binary)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as parent:
        assert parent.stdout is not None
        folder, *pids = parent.stdout.readline().split()
        watched = _open_all(map(int, pids))
        assert len(watched) == 7
        parent.kill()
    assert _still_running(watched, timeout=_GONE_SECONDS) == []
    _wait_until(lambda: not Path(folder).exists())


def test_nothing_outlives_a_killed_supervisor(localfleet_binary: Path, tmp_path: Path) -> None:
    plan = FleetPlan(clusters=1, folder=tmp_path / "run", ephemeral=False)
    with FleetProcess.start(plan, binary=localfleet_binary, progress=print) as process:
        watched = _open_all(process.running.status().processes.values())
        os.kill(process.pid, signal.SIGKILL)
        assert _still_running(watched, timeout=_GONE_SECONDS) == []
        with pytest.raises(FleetError, match="is gone"):
            process.running.status()


def test_a_start_that_cannot_work_says_why_and_leaves_nothing(
    localfleet_binary: Path, tmp_path: Path
) -> None:
    plan = FleetPlan(clusters=1, folder=tmp_path / "run", ephemeral=False)
    # etcd refuses to start on a data folder that is a file.
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "etcd").write_text("in the way")
    with pytest.raises(FleetError, match="etcd ended unexpectedly"):
        FleetProcess.start(plan, binary=localfleet_binary, progress=print)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        pytest.param({"clusters": 0}, "1 to", id="an empty fleet"),
        pytest.param(
            {"clusters": 2, "separate": frozenset({2})}, "no cluster 2", id="one too many"
        ),
    ],
)
def test_an_impossible_plan_is_refused(plan: Json, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FleetPlan(**plan)


def _open_all(pids: Iterable[int]) -> list[int]:
    return [os.pidfd_open(pid) for pid in pids]


def _still_running(descriptors: list[int], *, timeout: float) -> list[int]:
    """Wait for processes to end; a process's descriptor becomes readable when it has."""
    deadline = time.monotonic() + timeout
    alive = list(descriptors)
    while alive:
        ended, _, _ = select.select(alive, [], [], max(0.0, deadline - time.monotonic()))
        if not ended:
            break
        alive = [each for each in alive if each not in ended]
    for descriptor in descriptors:
        os.close(descriptor)
    return alive


def _wait_until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _GONE_SECONDS
    while not fact():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
