"""Built-in kinds come back in the words of an API server; everything else comes back as it was."""

from __future__ import annotations

from typing import Any

import pytest

from trimtab.adapters.engines import EngineNormaliser, EnginePool
from trimtab.ports.renderer import EngineError

pytest_plugins = ["engine_fixtures"]


@pytest.fixture
def normaliser(engines: EnginePool) -> EngineNormaliser:
    return EngineNormaliser(engines)


def deployment(container: dict[str, Any]) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "c", **container}]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": template}}


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("0.5", "500m"),
        (0.2, "200m"),
        (2, "2"),
        ("1000m", "1"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("1e3", "1e3"),
        ("100M", "100M"),
        ("0.1", "100m"),
        ("many", "many"),
    ],
)
async def test_quantities_are_canonical_or_left_alone(
    given: object, stored: str, normaliser: EngineNormaliser
) -> None:
    resources = {"requests": {"cpu": given}, "limits": {"example.com/gpu": given}}
    (out,) = await normaliser.canonicalise([deployment({"resources": resources})], defaults=False)
    expected = {"requests": {"cpu": stored}, "limits": {"example.com/gpu": stored}}
    assert out == deployment({"resources": expected})


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"args": [], "command": ["a"]}, {"command": ["a"]}),
        ({"tty": False, "stdin": True}, {"stdin": True}),
        ({"workingDir": ""}, {}),
        ({"livenessProbe": None}, {}),
        ({"securityContext": {}}, {"securityContext": {}}),
        ({"securityContext": {"privileged": False}}, {"securityContext": {"privileged": False}}),
        ({"env": [{"name": "A", "value": ""}]}, {"env": [{"name": "A"}]}),
        ({"unknown": None, "alsoUnknown": []}, {"unknown": None, "alsoUnknown": []}),
    ],
)
async def test_what_an_api_server_would_not_store_is_left_out(
    given: dict[str, object], stored: dict[str, object], normaliser: EngineNormaliser
) -> None:
    (out,) = await normaliser.canonicalise([deployment(given)], defaults=False)
    assert out == deployment(stored)


async def test_times_are_utc(normaliser: EngineNormaliser) -> None:
    def lease(time: str) -> dict[str, Any]:
        kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        return {**kind, "spec": {"renewTime": time}}

    (out,) = await normaliser.canonicalise([lease("2026-03-01T12:00:00.5+02:00")])
    assert out == lease("2026-03-01T10:00:00.500000Z")


async def test_custom_kinds_and_odd_objects_come_back_as_they_were(
    normaliser: EngineNormaliser,
) -> None:
    objects: list[Any] = [
        {"apiVersion": "example.com/v1", "kind": "Deployment", "spec": {"cpu": "1000m", "x": None}},
        {"apiVersion": "v1", "kind": "ConfigMap", "data": {"cpu": "1000m", "empty": ""}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "spec": "odd"},
        {"apiVersion": "v9", "kind": "Pod", "spec": {"containers": 3}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "spec": {"template": {"spec": []}, "replicas": 3},
        },
        {},
    ]
    out = list(await normaliser.canonicalise(objects, defaults=False))
    assert out == objects


async def test_defaults_are_those_of_an_api_server(normaliser: EngineNormaliser) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "spec": {
            "type": "LoadBalancer",
            "ports": [{"port": 80}, {"port": 1, "targetPort": "x", "protocol": "UDP"}],
        },
    }
    probe = {"httpGet": {"port": 80}}
    workload = deployment(
        {"image": "a/b:5000/c", "ports": [{"containerPort": 1}], "livenessProbe": probe}
    )
    out_service, out_workload = await normaliser.canonicalise([service, workload])
    assert out_service["spec"] == {
        "type": "LoadBalancer",
        "sessionAffinity": "None",
        "externalTrafficPolicy": "Cluster",
        "internalTrafficPolicy": "Cluster",
        "allocateLoadBalancerNodePorts": True,
        "ports": [
            {"port": 80, "protocol": "TCP", "targetPort": 80},
            {"port": 1, "protocol": "UDP", "targetPort": "x"},
        ],
    }
    spec: Any = out_workload["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
    pod = spec["template"]["spec"]
    assert (pod["restartPolicy"], pod["terminationGracePeriodSeconds"]) == ("Always", 30)
    container = pod["containers"][0]
    assert container["imagePullPolicy"] == "Always"
    assert container["ports"] == [{"containerPort": 1, "protocol": "TCP"}]
    assert container["livenessProbe"]["httpGet"] == {"path": "/", "port": 80, "scheme": "HTTP"}
    assert container["livenessProbe"]["failureThreshold"] == 3


async def test_normalising_twice_changes_nothing_more(normaliser: EngineNormaliser) -> None:
    once = await normaliser.canonicalise([deployment({"image": "a:1"})])
    assert list(await normaliser.canonicalise(once)) == list(once)


async def test_fields_of_custom_kinds_may_hold_kubernetes_types(
    normaliser: EngineNormaliser,
) -> None:
    custom = {
        "apiVersion": "example.com/v1",
        "kind": "Ship",
        "spec": {
            "decks": [{"pod": {"containers": [{"resources": {"limits": {"cpu": "2000m"}}}]}}],
            "ram": "1.25G",
        },
        "wait": "90m",
    }
    known = [
        ("spec.decks.pod", "core/v1/PodSpec"),
        ("spec.ram", "core/Quantity"),
        ("wait", "meta/v1/Duration"),
    ]
    types = [{"group": "example.com", "kind": "Ship", "field": f, "type": t} for f, t in known]
    (out,) = await normaliser.canonicalise([custom], known_types=types)
    assert out == {
        **custom,
        "spec": {
            "decks": [{"pod": {"containers": [{"resources": {"limits": {"cpu": "2"}}}]}}],
            "ram": "1250M",
        },
        "wait": "1h30m0s",
    }
    with pytest.raises(EngineError, match="core/v1/Nothing"):
        await normaliser.canonicalise(
            [custom], known_types=[{**types[0], "type": "core/v1/Nothing"}]
        )
