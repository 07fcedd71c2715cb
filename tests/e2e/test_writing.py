"""How an object is written: replaced, recreated, unvalidated, created by POST."""

from __future__ import annotations

import asyncio
import json

from e2e.delivery import deliver, options
from e2e.installation import Case
from e2e.objects import (
    config,
    data_of,
    deployment,
    text,
)


async def test_replace_leaves_nothing_that_git_does_not_state(case: Case) -> None:
    app = await deliver(case, **options("Replace=true"))
    found = await case.target.get("ConfigMap", "one", case.namespace)
    await case.target.patch("ConfigMap", "one", case.namespace, {"data": {"foreign": "x"}})
    sha = await case.commit({"app/one.yaml": config("one", "2")})
    await app.delivered(sha)
    body = await case.target.get("ConfigMap", "one", case.namespace)
    assert found is not None
    assert body is not None
    assert body["data"] == {"value": "2"}
    assert body["metadata"]["uid"] == found["metadata"]["uid"]


async def test_force_recreates_what_cannot_be_changed(case: Case) -> None:
    fixed = {"data": {"value": "1"}, "immutable": True}
    app = await deliver(
        case, {"app/fixed.yaml": text("ConfigMap", "fixed", **fixed)}, **options("Force=true")
    )
    before = await case.target.get("ConfigMap", "fixed", case.namespace)
    changed = text("ConfigMap", "fixed", data={"value": "2"}, immutable=True)
    sha = await case.commit({"app/fixed.yaml": changed})
    await app.delivered(sha)
    after = await case.target.get("ConfigMap", "fixed", case.namespace)
    assert before is not None
    assert data_of(after) == {"value": "2"}
    assert after is not None
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


def odd(replicas: int = 1, **annotations: str) -> str:
    """Return a Deployment with fields that no API server knows."""
    body = json.loads(deployment("odd", replicas=replicas, noSuchField=1))
    body["spec"]["template"]["spec"]["containers"][0]["alsoUnknown"] = {"a": 1}
    body["metadata"]["annotations"] = annotations
    return json.dumps(body)


async def test_validation_can_be_switched_off(case: Case) -> None:
    await case.commit({"app/odd.yaml": odd(), "app/one.yaml": config("one")})
    app = await case.apply_app(syncPolicy={"automated": {"selfHeal": False}})
    view = await app.until(lambda a: a.phase in ("Failed", "Succeeded"))
    assert "noSuchField" in view.said
    await app.patch({"spec": {"syncPolicy": {"syncOptions": ["Validate=false"]}}})
    await app.start(syncOptions=["Validate=false"])
    view = await app.until(lambda a: a.sync == "Synced" and a.phase == "Succeeded")
    told = view.results["Deployment/odd"]["message"]
    assert ".spec.noSuchField" in told
    assert ".spec.template.spec.containers[0].alsoUnknown" in told
    assert "left out" not in view.results["ConfigMap/one"]["message"]
    sha = await case.commit({"app/odd.yaml": odd(2)})
    await app.delivered(sha)
    found = await case.target.get("apps/Deployment", "odd", case.namespace)
    assert found is not None
    assert found["spec"]["replicas"] == 2


async def test_unknown_fields_are_no_drift_where_nothing_is_validated(case: Case) -> None:
    """The object says it for itself, it is healed, and a new process has nothing to write."""
    note = {"argocd.argoproj.io/sync-options": "Validate=false"}
    app = await deliver(case, {"app/odd.yaml": odd(**note)})
    await case.target.patch("apps/Deployment", "odd", case.namespace, {"spec": {"replicas": 3}})
    await case.target.until(
        "apps/Deployment", "odd", case.namespace, lambda b: b and b["spec"]["replicas"] == 1
    )
    healed = await app.until(
        lambda a: (
            a.phase == "Succeeded"
            and a.sync == "Synced"
            and a.operation["operation"]["sync"].get("autoHealAttemptsCount")
        )
    )
    await asyncio.to_thread(case.installation.serve.restart)
    await app.refresh("hard")
    view = await app.until(lambda a: "annotations" not in a.body["metadata"])
    assert (view.sync, view.operation) == ("Synced", healed.operation)


async def test_server_side_apply_shares_an_object(case: Case) -> None:
    """Fields of other appliers stay, with the option or without: every apply is server-side."""
    app = await deliver(case, **options("ServerSideApply=true"))
    body = json.loads(text("ConfigMap", "one", metadata={"namespace": case.namespace}))
    await case.target.apply({**body, "data": {"theirs": "x"}}, manager="neighbour")
    sha = await case.commit({"app/one.yaml": config("one", "2")})
    await app.delivered(sha)
    found = await case.target.get("ConfigMap", "one", case.namespace)
    assert data_of(found) == {"theirs": "x", "value": "2"}
    assert not [c for c in app.view.conditions if "Unsupported" in c]


async def test_values_of_secrets_are_shown_nowhere(case: Case) -> None:
    old, new = "c2VjcmV0LW9sZA==", "c2VjcmV0LW5ldw=="
    app = await deliver(case, {"app/s.yaml": text("Secret", "keys", data={"token": old})})
    await app.patch({"spec": {"syncPolicy": {"automated": {"enabled": False}}}})
    await case.commit({"app/s.yaml": text("Secret", "keys", data={"token": new})})
    await app.until(lambda a: a.sync == "OutOfSync")
    diff = await case.installation.trimtab("app", "diff", app.name)
    assert "keys" in diff.stdout, diff.stderr
    await app.patch({"spec": {"syncPolicy": {"automated": {"enabled": True}}}})
    await app.until(lambda a: a.sync == "Synced")
    found = await case.target.get("Secret", "keys", case.namespace)
    assert data_of(found) == {"token": new}
    # A hand edit of a Secret goes into the ledger as a self-heal.
    await case.target.patch("Secret", "keys", case.namespace, {"data": {"token": old}})
    await app.until(lambda a: a.operation["operation"]["sync"].get("autoHealAttemptsCount") == 1)
    await app.until(lambda a: a.phase == "Succeeded" and a.sync == "Synced")
    assert data_of(await case.target.get("Secret", "keys", case.namespace)) == {"token": new}
    shown = f"{app.view.body} {diff.stdout} {diff.stderr} {case.installation.serve.last_log()}"
    ledger = b"".join(p.read_bytes() for p in case.installation.folder.rglob("ledger*"))
    assert ledger
    for secret in ("secret-old", "secret-new", old, new):
        assert secret not in shown
        assert secret.encode() not in ledger


async def test_generate_name_is_created_once_a_sync(case: Case) -> None:
    made = {"generateName": "run-"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": made, "data": {"a": "1"}}
    await case.commit({"app/one.yaml": config("one"), "app/run.yaml": json.dumps(body)})
    app = await case.apply_app(syncPolicy={"automated": {"selfHeal": False, "prune": False}})
    await app.until(lambda a: a.phase == "Succeeded" or a.conditions)
    names = {name for _, name in await case.versions() if name.startswith("run-")}
    assert len(names) == 1, app.view.said


async def test_duplicate_list_keys_are_reduced_with_a_warning(case: Case) -> None:
    body = json.loads(deployment("web"))
    env = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    body["spec"]["template"]["spec"]["containers"][0]["env"] = env
    app = await deliver(case, {"app/web.yaml": json.dumps(body)})
    found = await case.target.get("apps/Deployment", "web", case.namespace)
    assert found is not None
    assert found["spec"]["template"]["spec"]["containers"][0]["env"] == [env[1]]
    assert "env" in app.view.said


async def test_string_data_is_folded_so_that_removals_propagate(case: Case) -> None:
    app = await deliver(case, {"app/s.yaml": text("Secret", "s", stringData={"a": "1", "b": "2"})})
    sha = await case.commit({"app/s.yaml": text("Secret", "s", stringData={"a": "1"})})
    await app.delivered(sha)
    assert set(data_of(await case.target.get("Secret", "s", case.namespace))) == {"a"}
