"""``trimtab app list|get|resources|history|events|explain|wait``: what people read."""

import pytest

from trimtab.core import JsonObject
from trimtab.core.manifest import ObjectKey
from trimtab.testing.cluster import FakeCluster

from .conftest import HISTORY, Run, application


def test_list_shows_a_line_an_application(hub: FakeCluster, run: Run) -> None:
    hub.seed(application("web"))
    hub.seed(application("api", status={"sync": {"status": "OutOfSync", "revision": "b" * 40}}))
    ran = run("app", "list")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "NAME  SYNC       HEALTH   REVISION  DESTINATION  PROJECT",
        "api   OutOfSync  Healthy  bbbbbbbb  prod-1/shop  default",
        "web   Synced     Healthy  aaaaaaaa  prod-1/shop  default",
    ]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("name", "application.argoproj.io/web\n"),
        ("jsonpath={.items[*].status.sync.status}", "Synced\n"),
    ],
)
def test_list_prints_for_machines(hub: FakeCluster, run: Run, output: str, expected: str) -> None:
    hub.seed(application())
    assert run("app", "list", "-o", output).out == expected


def test_list_filters(hub: FakeCluster, run: Run) -> None:
    hub.seed(application("web"))
    hub.seed(application("api", status={"sync": {"status": "OutOfSync"}}))
    assert run("app", "list", "--sync", "OutOfSync", "-o", "name").out.split() == [
        "application.argoproj.io/api"
    ]
    assert run("app", "list", "-p", "other").err == "nothing found\n"


def test_options_of_the_hub_may_follow_the_command(hub: FakeCluster, run: Run) -> None:
    hub.seed(application())
    assert run("app", "list", "-n", "elsewhere").err == "nothing found\n"


def test_get_shows_state_and_tree(hub: FakeCluster, run: Run) -> None:
    hub.seed(application(status={"conditions": [{"type": "SyncError", "message": "no"}]}))
    assert run("app", "get", "web").out.splitlines() == [
        "Name:        web",
        "Project:     default",
        "Destination: prod-1/shop",
        "Repository:  https://git.example.com/shop.git",
        "Path:        web",
        "Target:      main",
        "Sync:        Synced",
        f"Revision:    {'a' * 40}",
        "Health:      Healthy",
        "Condition:   SyncError: no",
        "",
        "Application web",
        "├─ Service shop/web     Synced     Healthy",
        "└─ Deployment shop/web  Synced     Healthy",
    ]


def test_an_unknown_application_is_told_with_what_to_do(run: Run) -> None:
    ran = run("app", "get", "nope")
    assert (ran.code, ran.out) == (5, "")
    assert ran.err.splitlines() == [
        "error: expected application nope in namespace argocd, found none",
        "next: `trimtab app list` shows those there are; --namespace names another namespace",
    ]


def test_a_hub_without_the_definitions_is_told(run: Run, hub: FakeCluster) -> None:
    hub.vanish(
        ObjectKey(
            "apiextensions.k8s.io", "CustomResourceDefinition", "", "applications.argoproj.io"
        )
    )
    ran = run("app", "list")
    assert ran.code == 5
    assert "trimtab crds install" in ran.err


def test_resources_and_history(hub: FakeCluster, run: Run) -> None:
    hub.seed(application(status={"history": HISTORY}))
    assert run("app", "resources", "web").out.splitlines() == [
        "GROUP  KIND        NAMESPACE  NAME  SYNC    HEALTH",
        "       Service     shop       web   Synced  Healthy",
        "apps   Deployment  shop       web   Synced  Healthy",
    ]
    assert run("app", "history", "web", "-o", "jsonpath={.items[*].id}").out == "1 2\n"


@pytest.mark.parametrize(
    ("status", "args", "code"),
    [
        ({}, [], 0),
        ({"health": {"status": "Degraded"}}, ["--health"], 1),
        ({"health": {"status": "Progressing"}}, ["--health", "--timeout", "0.05"], 6),
        ({"sync": {"status": "OutOfSync"}}, ["--health"], 0),
        ({"sync": {"status": "OutOfSync"}}, ["--sync", "--timeout", "0.05"], 6),
    ],
)
def test_wait(hub: FakeCluster, run: Run, status: JsonObject, args: list[str], code: int) -> None:
    hub.seed(application(status=status))
    assert run("app", "wait", "web", *args).code == code


def test_events_are_those_about_the_application(hub: FakeCluster, run: Run) -> None:
    hub.seed(application())
    for name, about in (("one", "web"), ("two", "other")):
        hub.seed(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": name, "namespace": "argocd"},
                "involvedObject": {"kind": "Application", "name": about},
                "type": "Normal",
                "reason": "Synced",
                "message": f"about {about}",
                "lastTimestamp": "2026-03-02T09:00:00Z",
            }
        )
    ran = run("app", "events", "web")
    assert "about web" in ran.out
    assert "about other" not in ran.out


def test_explain_names_the_step_that_does_not_hold(hub: FakeCluster, run: Run) -> None:
    hub.seed(application(spec={"project": "nobody"}))
    ran = run("app", "explain", "web")
    assert ran.code == 1
    assert ran.out.splitlines()[-2:] == [
        "it stops at source (failed)",
        "next: create the project, or name another in spec.project",
    ]
