"""The numbers of the deletion budget that a project may set instead of the usual ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trimtab.core.manifest import GroupKind
from trimtab.core.policy import (
    BUDGET_CHILDREN,
    BUDGET_KINDS,
    BUDGET_OBJECTS,
    BUDGET_PERCENT,
    DEFAULT_BUDGET,
    DeletionBudget,
    parse_budget,
    parse_project,
    validate_project,
)

CERTIFICATE = GroupKind("cert-manager.io", "Certificate")
SECRET = GroupKind("", "Secret")


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        pytest.param({}, DEFAULT_BUDGET, id="nothing is asked for"),
        pytest.param({"example.com/x": "y"}, DEFAULT_BUDGET, id="annotations about other things"),
        pytest.param(
            {BUDGET_OBJECTS: "200"}, replace(DEFAULT_BUDGET, max_objects=200), id="more objects"
        ),
        pytest.param({BUDGET_OBJECTS: "0"}, replace(DEFAULT_BUDGET, max_objects=0), id="none"),
        pytest.param(
            {BUDGET_PERCENT: " 100 "},
            replace(DEFAULT_BUDGET, max_share_percent=100),
            id="a whole delivery",
        ),
        pytest.param(
            {BUDGET_CHILDREN: "12"},
            replace(DEFAULT_BUDGET, max_child_deliveries=12),
            id="child deliveries",
        ),
        pytest.param(
            {BUDGET_KINDS: "Secret, cert-manager.io/Certificate"},
            replace(DEFAULT_BUDGET, protected_kinds=frozenset({SECRET, CERTIFICATE})),
            id="other kinds are protected",
        ),
        pytest.param(
            {BUDGET_KINDS: ""},
            replace(DEFAULT_BUDGET, protected_kinds=frozenset()),
            id="no kind is protected",
        ),
        pytest.param(
            {BUDGET_OBJECTS: "1", BUDGET_PERCENT: "2", BUDGET_CHILDREN: "3"},
            replace(DEFAULT_BUDGET, max_objects=1, max_share_percent=2, max_child_deliveries=3),
            id="several",
        ),
    ],
)
def test_a_project_sets_other_numbers(
    annotations: dict[str, str], expected: DeletionBudget
) -> None:
    assert parse_budget(annotations) == (expected, ())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (BUDGET_OBJECTS, "many"),
        (BUDGET_OBJECTS, "-1"),
        (BUDGET_OBJECTS, ""),
        (BUDGET_OBJECTS, "2.5"),
        (BUDGET_PERCENT, "101"),
        (BUDGET_PERCENT, "50%"),
        (BUDGET_CHILDREN, "all"),
        (BUDGET_KINDS, "secrets"),
        (BUDGET_KINDS, "Secret,,"),
        (BUDGET_KINDS, "*/*"),
    ],
)
def test_what_is_not_understood_changes_nothing_and_is_named(name: str, text: str) -> None:
    budget, problems = parse_budget({name: text, BUDGET_CHILDREN: "7"} | {name: text})
    assert budget == parse_budget({BUDGET_CHILDREN: "7"} if name != BUDGET_CHILDREN else {})[0]
    assert len(problems) == 1
    assert name in problems[0]
    assert repr(text) in problems[0]


def test_a_project_carries_its_budget_and_what_is_wrong_with_it() -> None:
    annotations = {BUDGET_OBJECTS: "3", BUDGET_PERCENT: "most"}
    project = parse_project({"metadata": {"name": "team", "annotations": annotations}, "spec": {}})
    assert project.budget == replace(DEFAULT_BUDGET, max_objects=3)
    assert [BUDGET_PERCENT in problem for problem in validate_project(project)] == [True]
    assert parse_project({"metadata": {"name": "team"}}).budget == DEFAULT_BUDGET
