"""Why an Application is as it is: one table of states, and the text as people see it."""

from datetime import UTC, datetime

import pytest

from trimtab.core import JsonObject
from trimtab.core.manifest import as_object
from trimtab.services.explain import explain_application
from trimtab.services.explanation import StepState, format_explanation

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
PROJECT: JsonObject = {
    "metadata": {"name": "default"},
    "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]},
}
FREEZE: JsonObject = {
    **PROJECT,
    "spec": {
        **PROJECT["spec"],  # type: ignore[dict-item]
        "syncWindows": [
            {"kind": "deny", "schedule": "0 0 * * *", "duration": "24h", "applications": ["*"]}
        ],
    },
}
DRIFTED = {
    "kind": "ConfigMap",
    "namespace": "shop",
    "name": "settings",
    "status": "OutOfSync",
}
EXTRA = {**DRIFTED, "name": "old", "requiresPruning": True}
AUTOMATED = {"automated": {}}


def application(
    *, policy: JsonObject | None = None, operation: JsonObject | None = None, **status: object
) -> JsonObject:
    base: dict[str, object] = {
        "sync": {"status": "Synced", "revision": "a" * 40},
        "health": {"status": "Healthy"},
        "resources": [{**DRIFTED, "status": "Synced"}],
    }
    body: dict[str, object] = {
        "metadata": {"name": "web"},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://g/r"},
            "destination": {"server": "https://x", "namespace": "shop"},
        }
        | ({"syncPolicy": policy} if policy is not None else {}),
        "status": base | status,
    }
    if operation is not None:
        body["operation"] = operation
    return body  # type: ignore[return-value]


def deleted(app: JsonObject) -> JsonObject:
    metadata = {**as_object(app["metadata"]), "deletionTimestamp": "2026-03-02T09:00:00Z"}
    return {**app, "metadata": metadata}


def condition(kind: str, message: str = "it broke") -> dict[str, object]:
    return {"conditions": [{"type": kind, "message": message}]}


def out_of_sync(*resources: JsonObject) -> dict[str, object]:
    return {
        "sync": {"status": "OutOfSync", "revision": "a" * 40},
        "resources": list(resources or [DRIFTED]),
    }


def in_project(app: JsonObject, project: str) -> JsonObject:
    return {**app, "spec": {**as_object(app["spec"]), "project": project}}


CASES: dict[str, tuple[JsonObject, JsonObject | None, str | None, str]] = {
    "all is well": (application(), PROJECT, None, ""),
    "nobody has made project default": (application(), None, None, ""),
    "its project does not exist": (
        in_project(application(), "nobody"),
        None,
        "source",
        "expected AppProject nobody",
    ),
    "its project forbids the source": (
        application(),
        {"metadata": {"name": "default"}, "spec": {}},
        "source",
        "not permitted in project",
    ),
    "its spec is invalid": (
        application(**condition("InvalidSpecError")),
        PROJECT,
        "source",
        "it broke",
    ),
    "nobody has looked yet": (application(sync={}), PROJECT, "source", "not resolved yet"),
    "no revision was ever resolved": (
        application(sync={}, **condition("ComparisonError")),
        PROJECT,
        "source",
        "it broke",
    ),
    "the repository is gone now": (
        application(**condition("ComparisonError", "RepositoryUnreachable: refused")),
        PROJECT,
        "source",
        "refused",
    ),
    "a chart fails": (application(**condition("ComparisonError")), PROJECT, "render", "it broke"),
    "it is being deleted": (deleted(application()), PROJECT, "apply", "being deleted since"),
    "a hook keeps it from being deleted": (
        deleted(application(**condition("DeletionError"))),
        PROJECT,
        "apply",
        "it broke",
    ),
    "the cluster does not answer": (
        application(sync={"status": "Unknown", "revision": "a"}, **condition("ClusterUnreachable")),
        PROJECT,
        "diff",
        "it broke",
    ),
    "automation is off": (application(**out_of_sync()), PROJECT, "apply", "automated sync is off"),
    "automation is disabled": (
        application(policy={"automated": {"enabled": False}}, **out_of_sync()),
        PROJECT,
        "apply",
        "automated sync is off",
    ),
    "a window denies it": (
        application(policy=AUTOMATED, **out_of_sync()),
        FREEZE,
        "apply",
        "window",
    ),
    "only prunes are left and pruning is off": (
        application(policy=AUTOMATED, **out_of_sync(EXTRA)),
        PROJECT,
        "apply",
        "pruning is off",
    ),
    "it drifted and selfHeal is off": (
        application(
            policy=AUTOMATED,
            operationState={"phase": "Succeeded", "syncResult": {"revision": "a" * 40}},
            **out_of_sync(),
        ),
        PROJECT,
        "apply",
        "selfHeal is off",
    ),
    "a sync is due": (
        application(policy=AUTOMATED, **out_of_sync()),
        PROJECT,
        "apply",
        "a sync is due",
    ),
    "a sync is asked for": (
        application(operation={"sync": {}}),
        PROJECT,
        "apply",
        "asked for, not begun",
    ),
    "a sync runs": (
        application(operationState={"phase": "Running", "message": "waiting for wave 1"}),
        PROJECT,
        "apply",
        "waiting for wave 1",
    ),
    "a sync failed": (
        application(
            operationState={
                "phase": "Failed",
                "message": "one object failed",
                "syncResult": {
                    "resources": [
                        {"kind": "Job", "name": "x", "status": "SyncFailed", "message": "immutable"}
                    ]
                },
            },
            **out_of_sync(),
        ),
        PROJECT,
        "apply",
        "Job x: immutable",
    ),
    "too much would be deleted": (
        application(**condition("DeletionBudgetExceeded", "digest 3f2a")),
        PROJECT,
        "apply",
        "digest 3f2a",
    ),
    "another manager fights": (
        application(**condition("DriftContended", "hpa")),
        PROJECT,
        "apply",
        "hpa",
    ),
    "it progresses": (application(health={"status": "Progressing"}), PROJECT, "health", ""),
    "an object is degraded": (
        application(
            health={"status": "Degraded"},
            resources=[
                {"kind": "Pod", "name": "p", "health": {"status": "Degraded", "message": "crash"}}
            ],
        ),
        PROJECT,
        "health",
        "Pod p is Degraded: crash",
    ),
    "its health is unknown": (application(health={}), PROJECT, "health", "Unknown"),
}


@pytest.mark.parametrize(("app", "project", "step", "said"), CASES.values(), ids=CASES.keys())
def test_the_step_that_does_not_hold(
    app: JsonObject, project: JsonObject | None, step: str | None, said: str
) -> None:
    found = explain_application(app, project, NOW)
    stuck = found.stuck_at
    assert (stuck.name if stuck else None) == step
    if stuck:
        assert said in "\n".join(stuck.messages)


def test_warnings_stop_nothing() -> None:
    app = application(**condition("UnsupportedField", "spec.source.plugin"))
    found = explain_application(app, PROJECT, NOW)
    assert found.stuck_at is None
    assert found.warnings == ("UnsupportedField: spec.source.plugin",)


def test_steps_after_a_failed_source_are_unknown() -> None:
    app = application(sync={}, health={}, **condition("ComparisonError"))
    states = [step.state for step in explain_application(app, PROJECT, NOW).steps]
    assert states[:3] == [StepState.FAILED, StepState.UNKNOWN, StepState.UNKNOWN]


def test_the_text() -> None:
    app = application(policy=AUTOMATED, **out_of_sync(EXTRA, DRIFTED))
    assert format_explanation(explain_application(app, PROJECT, NOW)) == (
        "web: OutOfSync, Healthy\n"
        f"  + source  https://g/r at {'a' * 40}\n"
        "  + render  1 object\n"
        "  + diff    2 of 2 objects differ\n"
        "            ConfigMap shop/old is to be pruned\n"
        "            ConfigMap shop/settings differs\n"
        "  ~ apply   a sync is due\n"
        "  + health  Healthy\n"
        "it stops at apply (waiting)\n"
        "next: wait: `trimtab app wait web --sync`\n"
    )
