"""The cheap verdict against what API servers really store and own."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from fleet_fixtures import TARGET
from kube_rest import KubeRest, connect
from trimtab.adapters.localfleet import LocalCluster
from trimtab.core.diff import (
    DIFFERS,
    IN_SYNC,
    NEEDS_DRY_RUN,
    Comparison,
    FieldChange,
    compare_desired,
    diff_predicted,
    merge_managers_patch,
    verdict_key,
)
from trimtab.core.manifest import LiveObject, parse_live

pytest_plugins = ["fleet_fixtures"]
pytestmark = pytest.mark.fleet
_OURS = "trimtab"


class _Object:
    """One object on a server, applied by us and written by others."""

    def __init__(self, rest: KubeRest, path: str) -> None:
        self._rest = rest
        self._path = path

    def apply(self, body: dict[str, Any], *, more: str = "") -> LiveObject:
        path = f"{self._path}?fieldManager={_OURS}&force=true{more}"
        kind = "application/apply-patch+yaml"
        return _parsed(self._rest.send("PATCH", path, body, content_type=kind))

    def edit(self, patch: dict[str, Any], manager: str = "kubectl-edit") -> LiveObject:
        return _parsed(self._rest.patch(f"{self._path}?fieldManager={manager}", patch))

    def patch_json(self, patch: bytes) -> LiveObject:
        kind = "application/json-patch+json"
        return _parsed(self._rest.send("PATCH", self._path, json.loads(patch), content_type=kind))


def _parsed(body: dict[str, Any]) -> LiveObject:
    return parse_live(json.dumps(body).encode())


def _spec_changes(live: LiveObject, predicted: LiveObject) -> list[FieldChange]:
    """Cluster controllers write status and revisions while a test runs; they leave spec alone."""
    return [c for c in diff_predicted(live, predicted) if c.path.startswith(("spec", "data"))]


def _compare(desired: dict[str, Any], live: LiveObject) -> Comparison:
    return compare_desired(desired, live, manager=_OURS)


@pytest.fixture
def placed(target: LocalCluster, new_namespace: Callable[[int], str]) -> Callable[..., _Object]:
    namespace, rest = new_namespace(TARGET), connect(target)

    def make(body: dict[str, Any], api: str) -> _Object:
        body["metadata"]["namespace"] = namespace
        path = f"/{api}/namespaces/{namespace}/{body['kind'].lower()}s/{body['metadata']['name']}"
        return _Object(rest, path)

    return make


def _deployment() -> dict[str, Any]:
    container = {
        "name": "web",
        "image": "web:1",
        "env": [{"name": "A", "value": "1"}],
        "ports": [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}],
        "resources": {"limits": {"cpu": "100m", "memory": "64Mi"}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
    }
    pod = {
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "hostNetwork": False,
    }
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web", "app.kubernetes.io/name": "web"}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels, "creationTimestamp": None}, "spec": pod},
        },
        "status": {},
    }


def _service() -> dict[str, Any]:
    ports = [
        {"name": "http", "port": 80, "targetPort": 8080},
        {"name": "dns", "port": 53, "protocol": "UDP"},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "annotations": {"note": "x"}},
        "spec": {"selector": {"app": "web"}, "ports": ports},
    }


def _config_map() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "finalizers": ["example.com/keep"]},
        "data": {"a.b": "1", "empty": ""},
    }


@pytest.mark.parametrize(
    ("make", "api"),
    [(_deployment, "apis/apps/v1"), (_service, "api/v1"), (_config_map, "api/v1")],
)
def test_what_an_apply_left_is_in_sync(
    placed: Callable[..., _Object], make: Callable[[], dict[str, Any]], api: str
) -> None:
    desired = make()
    there = placed(desired, api)
    live = there.apply(desired)
    assert _compare(desired, live) == Comparison(IN_SYNC)
    noisy = there.edit({"metadata": {"annotations": {"foreign": "yes"}}}, "other")
    assert _compare(desired, noisy) == Comparison(IN_SYNC)
    assert verdict_key("digest", noisy, _OURS) == verdict_key("digest", live, _OURS)
    assert _spec_changes(noisy, there.apply(desired, more="&dryRun=All")) == []
    there.edit({"metadata": {"finalizers": None}}, "other")


def test_a_hand_edit_differs_names_its_manager_and_is_healed(
    placed: Callable[..., _Object],
) -> None:
    desired = _deployment()
    there = placed(desired, "apis/apps/v1")
    before = there.apply(desired)
    edited = there.edit({"spec": {"replicas": 3}})
    found = _compare(desired, edited)
    assert found.state == DIFFERS
    assert [str(c) for c in found.changes] == ["spec.replicas: 3 -> 0 (set by kubectl-edit)"]
    assert verdict_key("digest", edited, _OURS) != verdict_key("digest", before, _OURS)
    predicted = there.apply(desired, more="&dryRun=All")
    assert list(found.changes) == _spec_changes(edited, predicted)
    assert _compare(desired, there.apply(desired)).state == IN_SYNC


def test_other_spellings_need_a_dry_run_which_finds_nothing(
    placed: Callable[..., _Object],
) -> None:
    desired = _deployment()
    limits = desired["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    limits["cpu"] = "0.1"
    there = placed(desired, "apis/apps/v1")
    live = there.apply(desired)
    assert _compare(desired, live).state == NEEDS_DRY_RUN
    assert _spec_changes(live, there.apply(desired, more="&dryRun=All")) == []


def test_a_field_dropped_from_git_is_removed_once_its_owner_is_merged(
    placed: Callable[..., _Object],
) -> None:
    desired = _config_map()
    del desired["metadata"]["finalizers"]
    there = placed(desired, "api/v1")
    there.apply(desired)
    live = there.edit({"data": {"old": "1"}}, "kubectl-client-side-apply")
    patch = merge_managers_patch(live, into=_OURS)
    assert patch is not None
    merged = there.patch_json(patch)
    found = _compare(desired, merged)
    assert found.state == DIFFERS
    assert [change.path for change in found.changes] == ["data.old"]
    assert "old" not in there.apply(desired).body()["data"]  # type: ignore[operator]
