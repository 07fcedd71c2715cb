"""What projects permit."""

import pytest

from trimtab.core.manifest import GroupKind, ObjectKey
from trimtab.core.policy import (
    Destination,
    PlacedKind,
    Project,
    check_delivery,
    glob_matches,
    kind_permitted,
    parse_project,
    service_account_for,
    source_permitted,
    validate_project,
)


def _project(**spec: object) -> Project:
    return parse_project({"metadata": {"name": "shop"}, "spec": spec})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("pattern", "text", "separator", "match"),
    [
        pytest.param("a*", "abc/d", "", True, id="a-star-crosses-without-a-separator"),
        pytest.param("a*", "abc/d", "/", False, id="a-star-stays-between-separators"),
        pytest.param("a**", "abc/d", "/", True, id="two-stars-cross"),
        pytest.param("{dev,test}-?", "test-1", "", True, id="alternatives"),
        pytest.param("[a-c]x", "dx", "", False, id="a-class"),
        pytest.param("[!a-c]x", "dx", "", True, id="a-negated-class"),
        pytest.param("{a", "a", "", False, id="malformed-matches-nothing"),
        pytest.param(r"\*", "*", "", True, id="escaped"),
    ],
)
def test_globs(pattern: str, text: str, separator: str, match: bool) -> None:
    assert glob_matches(pattern, text, separator=separator) is match


def test_a_denied_repository_stays_denied_whatever_else_is_permitted() -> None:
    project = _project(sourceRepos=["*", "!https://git.example.com/secret/*"])
    assert source_permitted(project, "https://git.example.com/open/app.git")
    assert not source_permitted(project, "https://git.example.com/secret/app.git")


def test_violations_are_worded_like_argo_cds() -> None:
    project = _project(
        sourceRepos=["https://git.example.com/a"],
        destinations=[{"server": "https://one", "namespace": "web"}],
        namespaceResourceBlacklist=[{"group": "apps", "kind": "Deployment"}],
    )
    objects = [PlacedKind(ObjectKey("apps", "Deployment", "web", "shop"), is_namespaced=True)]
    found = check_delivery(
        project, ["https://git.example.com/b"], Destination("https://two", "", "web"), objects
    )
    assert [violation.message for violation in found] == [
        "application repo https://git.example.com/b is not permitted in project 'shop'",
        (
            "application destination server 'https://two' and namespace 'web' do not match any of "
            "the allowed destinations in project 'shop'"
        ),
        "Resource apps/Deployment shop is not permitted in project shop.",
    ]


def test_an_object_in_a_foreign_namespace_is_a_violation() -> None:
    project = _project(
        sourceRepos=["*"], destinations=[{"server": "https://one", "namespace": "web"}]
    )
    objects = [PlacedKind(ObjectKey("", "ConfigMap", "other", "x"), is_namespaced=True)]
    found = check_delivery(project, ["any"], Destination("https://one", "", "web"), objects)
    assert [violation.message for violation in found] == [
        "namespace other is not permitted in project 'shop'"
    ]


def test_cluster_kinds_need_a_whitelist_and_namespaced_ones_do_not() -> None:
    project, kind = _project(), GroupKind("", "Namespace")
    assert not kind_permitted(project, kind, namespaced=False, name="x")
    assert kind_permitted(project, GroupKind("", "ConfigMap"), namespaced=True)
    none = _project(namespaceResourceWhitelist=[])
    assert not kind_permitted(none, GroupKind("", "ConfigMap"), namespaced=True)


def test_the_first_matching_service_account_is_used() -> None:
    project = _project(
        destinationServiceAccounts=[
            {"server": "https://one", "namespace": "web", "defaultServiceAccount": "deployer"},
            {"server": "*", "namespace": "*", "defaultServiceAccount": "ops:robot"},
        ]
    )
    account = service_account_for(project, "https://one", "web")
    assert account == "system:serviceaccount:web:deployer"
    assert service_account_for(project, "https://two", "x") == "system:serviceaccount:ops:robot"
    assert service_account_for(_project(), "https://two", "x") is None


def test_problems_of_a_project_say_what_is_wrong() -> None:
    project = _project(
        sourceRepos=["a", "a"],
        roles=[
            {"name": "ops", "policies": ["p, proj:shop:other, applications, get, shop/*, allow"]}
        ],
    )
    repeated, policy = validate_project(project)
    assert repeated == "source repository 'a' already exists"
    assert "policy subject must be: 'proj:shop:ops'" in policy
