"""A dry run's answer, field by field, and what is left out of an apply."""

import copy

from core.diff.simulation import OURS, applied, deployment, entry, live_of, own_fields
from trimtab.core.diff import (
    diff_predicted,
    diff_state,
    diff_three_way,
    drift_managers,
    hide_secret_data,
    leave_out_ignored,
    parse_ignore_rules,
)

_RULES = parse_ignore_rules(
    [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}]
)


def test_equal_objects_have_no_difference() -> None:
    live = applied(deployment())
    later = live_of(deployment(), entry(OURS, own_fields(deployment())), version="8")
    assert diff_predicted(live, later) == ()


def test_changes_name_the_path_and_the_manager() -> None:
    there = deployment(replicas=9)
    edit = entry(
        "kubectl-edit",
        {"f:spec": {"f:replicas": {}}},
        operation="Update",
        time="2026-03-01T00:00:00Z",
    )
    changes = diff_predicted(applied(there, edit), applied(deployment()))
    assert [str(change) for change in changes] == ["spec.replicas: 9 -> 2 (set by kubectl-edit)"]
    assert drift_managers(changes, ours=[OURS]) == ("kubectl-edit",)


def test_a_list_in_another_order_is_a_difference() -> None:
    turned = copy.deepcopy(deployment())
    turned["spec"]["template"]["spec"]["containers"][0]["env"].reverse()
    (change,) = diff_predicted(applied(turned), applied(deployment()))
    assert change.path == "spec.template.spec.containers[name=web].env"


def test_an_ignored_field_of_another_manager_is_not_sent() -> None:
    scaler = entry("hpa", {"f:spec": {"f:replicas": {}}}, operation="Update")
    live = live_of(deployment(replicas=9), scaler)
    sent = leave_out_ignored(deployment(), live, _RULES, OURS)
    assert sent == {**deployment(), "spec": {"template": deployment()["spec"]["template"]}}


def test_an_ignored_field_of_ours_is_sent_as_it_is_live() -> None:
    live = applied(deployment(replicas=9))
    assert leave_out_ignored(deployment(), live, _RULES, OURS) == deployment(replicas=9)


def test_defaults_and_quantities_are_no_three_way_difference() -> None:
    there = copy.deepcopy(deployment())
    there["spec"]["strategy"] = {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    container = there["spec"]["template"]["spec"]["containers"][0]
    container["resources"]["limits"]["cpu"] = "0.1"
    assert not diff_three_way(deployment(), there).modified
    assert diff_three_way(deployment(replicas=3), there).modified
    assert not diff_three_way(None, there).modified
    assert diff_three_way(deployment(), None).modified


def test_an_ignored_pointer_is_no_difference_of_state() -> None:
    live = live_of(deployment(replicas=9))
    assert not diff_state(live, deployment(), _RULES).modified


def test_masks_show_a_change_and_no_value() -> None:
    before = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "MQ==", "b": "Mg=="}}
    after = {**before, "data": {"a": "OQ==", "b": "Mg=="}}
    target, live = hide_secret_data(after, before)
    assert target is not None
    assert live is not None
    assert target["data"] == {"a": "+" * 8, "b": "+" * 8}
    assert live["data"] == {"a": "+" * 12, "b": "+" * 8}
