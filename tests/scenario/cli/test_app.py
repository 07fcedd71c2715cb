"""``trimtab app``: what each command prints, writes and answers."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from trimtab.core import JsonObject
from trimtab.core.manifest import ObjectKey
from trimtab.ports.cluster import WatchEvent
from trimtab.testing.cluster import FakeCluster

from .conftest import Run, application

KEY = ObjectKey("argoproj.io", "Application", "argocd", "web")
AUTOMATED = {"syncPolicy": {"automated": {"prune": True}}}
HISTORY = [
    {
        "id": 1,
        "deployedAt": "2026-03-01T08:00:00Z",
        "revision": "1" * 40,
        "source": {"path": "old"},
    },
    {
        "id": 2,
        "deployedAt": "2026-03-02T08:00:00Z",
        "revision": "2" * 40,
        "initiatedBy": {"username": "jo"},
    },
]


def body_of(hub: FakeCluster) -> dict[str, Any]:
    live = hub.stored(KEY)
    assert live is not None
    return json.loads(live.raw)


BUDGET = {"type": "DeletionBudgetExceeded", "message": "too much. Confirm it with 3f2a"}


def controller(hub: FakeCluster, phase: str, **state: object) -> Callable[[], None]:
    """Carry out every operation at once, as a controller would in the end."""

    def act(event: WatchEvent) -> None:
        body = dict(event.live.body())
        if event.live.key == KEY and body.pop("operation", None):
            done = {"phase": phase, "operation": {}, "startedAt": "2026-03-02T10:00:00Z", **state}
            hub.seed({**body, "status": {**body["status"], "operationState": done}})  # type: ignore[dict-item]

    hub.ensure([KEY.group_kind])
    return hub.subscribe(act)


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


def test_sync_writes_the_operation_and_does_not_wait(hub: FakeCluster, run: Run) -> None:
    hub.seed(
        application(spec={"syncPolicy": {"syncOptions": ["PruneLast=true"], "retry": {"limit": 3}}})
    )
    ran = run("app", "sync", "web", "--prune", "--resource", "apps:Deployment:shop/web", "--async")
    assert ran.code == 0
    asked, warning = ran.err.splitlines()
    assert asked == "asked for a sync of web"
    assert "nobody serves namespace argocd" in warning
    operation = body_of(hub)["operation"]
    assert operation.pop("initiatedBy")["username"]
    assert operation == {
        "sync": {
            "prune": True,
            "resources": [
                {"group": "apps", "kind": "Deployment", "name": "web", "namespace": "shop"}
            ],
            "syncOptions": ["PruneLast=true"],
            "syncStrategy": {"hook": {}},
        },
        "retry": {"limit": 3},
    }


def test_sync_waits_for_the_end_and_prints_the_result(hub: FakeCluster, run: Run) -> None:
    hub.seed(application())
    result = {
        "revision": "a" * 40,
        "resources": [
            {
                "group": "apps",
                "version": "v1",
                "kind": "Deployment",
                "namespace": "shop",
                "name": "web",
                "status": "Synced",
                "message": "configured",
            }
        ],
    }
    controller(hub, "Succeeded", message="successfully synced", syncResult=result)
    ran = run("app", "sync", "web")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "KIND        NAMESPACE  NAME  RESULT  MESSAGE",
        "Deployment  shop       web   Synced  configured",
    ]
    assert "operation Succeeded: successfully synced" in ran.err


def test_a_failed_sync_is_a_negative_answer(hub: FakeCluster, run: Run) -> None:
    hub.seed(application())
    controller(hub, "Failed", message="one or more objects failed to apply")
    assert run("app", "sync", "web").code == 1


def test_a_sync_that_does_not_end_in_time(hub: FakeCluster, run: Run) -> None:
    hub.seed(application())
    ran = run("app", "sync", "web", "--timeout", "0.05")
    assert ran.code == 6
    assert "trimtab app explain web" in ran.err


def test_confirm_writes_the_annotation_beside_the_operation(hub: FakeCluster, run: Run) -> None:
    hub.seed(application())
    run("app", "sync", "web", "--confirm", "3f2a", "--async")
    body = body_of(hub)
    assert body["metadata"]["annotations"] == {"trimtab.dev/confirm-plan": "3f2a"}
    assert body["operation"]["sync"]["syncStrategy"] == {"hook": {}}


@pytest.mark.parametrize("pruned", [True, False])
def test_confirm_prunes_if_the_stopped_plan_did(pruned: bool, hub: FakeCluster, run: Run) -> None:
    stopped = {"phase": "Failed", "operation": {"sync": {"prune": pruned}}}
    hub.seed(application(status={"operationState": stopped}))
    run("app", "sync", "web", "--confirm", "3f2a", "--async")
    assert body_of(hub)["operation"]["sync"].get("prune", False) is pruned


def test_a_plan_over_the_deletion_budget_needs_an_approval(hub: FakeCluster, run: Run) -> None:
    hub.seed(application(status={"conditions": [BUDGET]}))
    controller(hub, "Failed", message="stopped")
    ran = run("app", "sync", "web", "--prune")
    assert ran.code == 7
    assert "Confirm it with 3f2a" in ran.err
    assert "next: `trimtab app diff web`" in ran.err


def test_a_second_operation_is_refused(hub: FakeCluster, run: Run) -> None:
    hub.seed(application())
    run("app", "sync", "web", "--async")
    ran = run("app", "sync", "web", "--async")
    assert ran.code == 7
    assert "another operation is in progress" in ran.err


def test_another_revision_than_automation_follows_is_refused(hub: FakeCluster, run: Run) -> None:
    hub.seed(application(spec=AUTOMATED))
    assert run("app", "sync", "web", "--revision", "v1", "--async").code == 7
    assert run("app", "sync", "web", "--revision", "v1", "--dry-run", "--async").code == 0


def test_rollback_takes_the_entry_before_the_newest(hub: FakeCluster, run: Run) -> None:
    hub.seed(application(status={"history": HISTORY}))
    assert run("app", "rollback", "web", "--async").code == 0
    assert body_of(hub)["operation"]["sync"] == {
        "revision": "1" * 40,
        "source": {"path": "old"},
        "syncStrategy": {"apply": {}},
    }


@pytest.mark.parametrize(
    ("spec", "args", "code", "said"),
    [
        (AUTOMATED, [], 7, "expected automated sync to be off"),
        ({}, ["9"], 5, "expected deployment 9 in the history, found ids: 1, 2"),
    ],
    ids=["automated", "unknown id"],
)
def test_rollback_refuses(
    hub: FakeCluster, run: Run, spec: JsonObject, args: list[str], code: int, said: str
) -> None:
    hub.seed(application(spec=spec, status={"history": HISTORY}))
    ran = run("app", "rollback", "web", *args, "--async")
    assert ran.code == code
    assert said in ran.err
    assert "operation" not in body_of(hub)


def test_terminate_turns_a_running_operation(hub: FakeCluster, run: Run) -> None:
    running = {"phase": "Running", "operation": {}, "startedAt": "2026-03-02T10:00:00Z"}
    hub.seed(application(status={"operationState": running}))
    assert run("app", "terminate", "web").code == 0
    assert body_of(hub)["status"]["operationState"]["phase"] == "Terminating"


def test_terminate_takes_back_what_has_not_begun(hub: FakeCluster, run: Run) -> None:
    hub.seed(application())
    run("app", "sync", "web", "--async")
    assert run("app", "terminate", "web").code == 0
    assert "operation" not in body_of(hub)
    assert run("app", "terminate", "web").code == 7


def test_refresh_annotates(hub: FakeCluster, run: Run) -> None:
    hub.seed(application())
    run("app", "refresh", "web", "--hard")
    assert body_of(hub)["metadata"]["annotations"] == {"argocd.argoproj.io/refresh": "hard"}


def test_delete_cascades_through_the_finalizer(hub: FakeCluster, run: Run) -> None:
    hub.seed(application())
    assert run("app", "delete", "web", "--yes").code == 0
    body = body_of(hub)
    assert body["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]
    assert body["metadata"]["deletionTimestamp"]


def test_delete_without_cascade_leaves_resources(hub: FakeCluster, run: Run) -> None:
    body = dict(application())
    body["metadata"] = {
        **body["metadata"],  # type: ignore[dict-item]
        "finalizers": ["resources-finalizer.argocd.argoproj.io"],
    }
    hub.seed(body)
    assert run("app", "delete", "web", "--no-cascade", "--yes").code == 0
    assert hub.stored(KEY) is None


def test_delete_asks_for_a_confirmation_without_a_terminal(hub: FakeCluster, run: Run) -> None:
    hub.seed(application())
    ran = run("app", "delete", "web")
    assert ran.code == 2
    assert "next: --yes" in ran.err
    assert hub.stored(KEY) is not None


CREATE = ["--repo", "https://g/r", "--path", "p", "--dest-name", "prod-1"]


def test_create_from_options(hub: FakeCluster, run: Run) -> None:
    more = ["--sync-policy", "auto", "--self-heal", "--sync-option", "CreateNamespace=true"]
    ran = run("app", "create", "web", *CREATE, *more, "--helm-set", "a=b")
    assert (ran.code, ran.out) == (0, "application.argoproj.io/web created\n")
    assert body_of(hub)["spec"] == {
        "project": "default",
        "source": {
            "repoURL": "https://g/r",
            "path": "p",
            "helm": {"parameters": [{"name": "a", "value": "b"}]},
        },
        "destination": {"name": "prod-1"},
        "syncPolicy": {"syncOptions": ["CreateNamespace=true"], "automated": {"selfHeal": True}},
    }
    again = run("app", "create", "web", *CREATE)
    assert again.code == 7
    assert "next: --upsert" in again.err


@pytest.mark.parametrize("word", ["auto", "automated", "automatic"])
def test_create_takes_argo_cds_words_for_automation(hub: FakeCluster, run: Run, word: str) -> None:
    assert run("app", "create", "web", *CREATE, "--sync-policy", word).code == 0
    assert body_of(hub)["spec"]["syncPolicy"] == {"automated": {}}


def test_create_names_what_is_missing(run: Run) -> None:
    ran = run("app", "create", "web", "--repo", "x")
    assert ran.code == 2
    assert "expected --path or --helm-chart, --dest-server or --dest-name" in ran.err


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("", "found nothing"),
        ("a: b", "found an object without kind of no apiVersion without a name"),
        ("{apiVersion: v1, kind: Pod, metadata: {name: x}}", "found Pod of v1 named 'x'"),
    ],
)
def test_create_takes_applications_only(
    given: str, found: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(given))
    ran = run("app", "create", "-f", "-")
    assert ran.code == 2
    assert f"stdin: expected Applications, {found}" in ran.err


def test_create_from_a_file(hub: FakeCluster, run: Run, tmp_path: Any) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(json.dumps(application()))
    assert run("app", "create", "-f", str(file)).code == 0
    assert hub.stored(KEY) is not None


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
