"""``trimtab app sync|rollback|terminate|refresh``: what each asks for and answers."""

from collections.abc import Callable

import pytest

from trimtab.core import JsonObject
from trimtab.ports.cluster import WatchEvent
from trimtab.testing.cluster import FakeCluster

from .conftest import HISTORY, KEY, Run, application, body_of

AUTOMATED = {"syncPolicy": {"automated": {"prune": True}}}

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
