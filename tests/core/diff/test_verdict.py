"""The cheap verdict."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.diff.simulation import OURS, applied, deployment, entry, live_of, own_fields
from trimtab.core.diff import (
    DIFFERS,
    IN_SYNC,
    NEEDS_DRY_RUN,
    compare_desired,
    parse_ignore_rules,
    verdict_key,
)

_SCALARS = st.one_of(st.booleans(), st.integers(), st.text(max_size=6))
_BODIES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(_SCALARS, max_size=3),
        st.dictionaries(st.text(min_size=1, max_size=4), inner, min_size=1, max_size=3),
    ),
    max_leaves=8,
)


def _container(body: dict[str, Any]) -> dict[str, Any]:
    return body["spec"]["template"]["spec"]["containers"][0]


def _changed(path: list[str | int], value: Any) -> dict[str, Any]:
    body = copy.deepcopy(deployment())
    place: Any = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return body


_CONTAINER: list[str | int] = ["spec", "template", "spec", "containers", 0]


def _compare(desired: Any, live: Any, **more: Any) -> Any:
    return compare_desired(desired, live, manager=OURS, **more)


@given(st.dictionaries(st.sampled_from(["spec", "data", "rules"]), _BODIES, max_size=3))
def test_what_was_just_applied_is_in_sync(fields: dict[str, Any]) -> None:
    body = {"apiVersion": "apps/v1", "kind": "Thing", "metadata": {"name": "x"}, **fields}
    assert _compare(body, applied(body)).state == IN_SYNC


def test_an_applied_deployment_is_in_sync_whatever_others_add() -> None:
    body = deployment()
    there = copy.deepcopy(body)
    there["status"] = {"replicas": 2}
    there["spec"]["strategy"] = {"type": "RollingUpdate"}
    _container(there)["ports"][0]["protocol"] = "TCP"
    _container(there)["env"].append({"name": "C", "value": "added"})
    live = live_of(there, entry(OURS, own_fields(body)))
    assert _compare(body, live).state == IN_SYNC


@pytest.mark.parametrize(
    ("sentence", "path", "value", "shown"),
    [
        ("a number by hand", ["spec", "replicas"], 5, "spec.replicas: 5 -> 2"),
        (
            "an image by hand",
            [*_CONTAINER, "image"],
            "web:2",
            "spec.template.spec.containers[name=web].image: web:2 -> web:1",
        ),
        (
            "an env item removed",
            [*_CONTAINER, "env"],
            [{"name": "B", "value": "2"}],
            (
                "spec.template.spec.containers[name=web].env[name=A]: "
                '(none) -> {"name":"A","value":"1"}'
            ),
        ),
        ("a label lost", ["metadata", "labels"], {}, "metadata.labels.app: (none) -> web"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_a_change_that_no_server_makes_is_certain(
    sentence: str, path: list[str | int], value: Any, shown: str
) -> None:
    there = _changed(path, value)
    live = live_of(there, entry(OURS, own_fields(deployment())))
    found = _compare(deployment(), live)
    assert found.state == DIFFERS, sentence
    assert [str(change).partition(" (set by")[0] for change in found.changes] == [shown]


def test_the_manager_that_changed_a_field_is_named() -> None:
    there = _changed(["spec", "replicas"], 5)
    ours = own_fields(deployment())
    del ours["f:spec"]["f:replicas"]
    edit = entry("kubectl-edit", {"f:spec": {"f:replicas": {}}}, operation="Update")
    found = _compare(deployment(), live_of(there, entry(OURS, ours), edit))
    assert [change.manager for change in found.changes] == ["kubectl-edit"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param([*_CONTAINER, "resources", "limits", "cpu"], "0.1", id="a-quantity"),
        pytest.param([*_CONTAINER, "env", 0, "value"], 1, id="text-for-a-number"),
        pytest.param(
            [*_CONTAINER, "env"],
            [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
            id="order",
        ),
    ],
)  # fmt: skip
def test_what_canonicalisation_explains_needs_a_dry_run(path: list[str | int], value: Any) -> None:
    live = live_of(_changed(path, value), entry(OURS, own_fields(deployment())))
    assert _compare(deployment(), live).state == NEEDS_DRY_RUN


def test_a_webhook_that_rewrites_our_own_apply_needs_a_dry_run() -> None:
    there = _changed([*_CONTAINER, "image"], "mirror/web:1")
    ours = own_fields(deployment())
    containers = ours["f:spec"]["f:template"]["f:spec"]["f:containers"]
    del containers['k:{"name":"web"}']["f:image"]
    image = {"f:containers": {'k:{"name":"web"}': {"f:image": {}}}}
    hook = entry(OURS, {"f:spec": {"f:template": {"f:spec": image}}}, operation="Update")
    assert _compare(deployment(), live_of(there, entry(OURS, ours), hook)).state == NEEDS_DRY_RUN


def test_an_object_that_we_never_applied_needs_a_dry_run() -> None:
    assert _compare(deployment(), live_of(deployment())).state == NEEDS_DRY_RUN


def test_a_label_that_git_no_longer_has_is_removed() -> None:
    before = _changed(["metadata", "labels"], {"app": "web", "old": "yes"})
    found = _compare(deployment(), applied(before))
    assert found.state == DIFFERS
    assert str(found.changes[0]) == "metadata.labels.old: yes -> (none) (set by trimtab)"


def test_a_field_that_git_no_longer_has_may_get_a_default() -> None:
    found = _compare(deployment(), applied(deployment(minReadySeconds=5)))
    assert found.state == NEEDS_DRY_RUN
    assert found.changes[0].path == "spec.minReadySeconds"


def test_a_field_that_another_manager_holds_too_stays() -> None:
    before = deployment(minReadySeconds=5)
    other = entry("other", {"f:spec": {"f:minReadySeconds": {}}})
    found = _compare(deployment(), applied(before, other))
    assert (found.state, found.changes) == (NEEDS_DRY_RUN, ())


def test_an_ignored_pointer_does_not_count() -> None:
    live = live_of(_changed(["spec", "replicas"], 9), entry(OURS, own_fields(deployment())))
    rules = parse_ignore_rules(
        [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}]
    )
    assert _compare(deployment(), live, ignore=rules).state == IN_SYNC


def test_a_trusted_managers_field_does_not_count() -> None:
    ours = own_fields(deployment())
    del ours["f:spec"]["f:replicas"]
    scaler = entry("hpa", {"f:spec": {"f:replicas": {}}}, operation="Update")
    live = live_of(_changed(["spec", "replicas"], 9), entry(OURS, ours), scaler)
    rules = parse_ignore_rules([{"group": "*", "kind": "*", "managedFieldsManagers": ["hpa"]}])
    assert _compare(deployment(), live, ignore=rules).state == IN_SYNC


def test_the_key_outlives_what_others_write() -> None:
    body = deployment()
    noisy = {**copy.deepcopy(body), "status": {"replicas": 1}}
    noisy["metadata"]["annotations"] = {"lease": "renewed"}
    ours = entry(OURS, own_fields(body))
    keys = {
        verdict_key("digest", live_of(body, ours, version="1"), OURS),
        verdict_key("digest", live_of(noisy, ours, version="2"), OURS),
    }
    assert len(keys) == 1


def test_the_key_changes_with_every_side_of_the_verdict() -> None:
    body, ours = deployment(), entry(OURS, own_fields(deployment()))
    keys = {
        verdict_key("digest", live_of(body, ours), OURS),
        verdict_key("another", live_of(body, ours), OURS),
        verdict_key("digest", live_of(_changed(["spec", "replicas"], 3), ours), OURS),
        verdict_key("digest", live_of(body, entry(OURS, {"f:spec": {}})), OURS),
        verdict_key("digest", live_of(body), OURS),
    }
    assert len(keys) == 5
