"""Deleting an Application: what runs before and after its objects go, and what keeps it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from e2e.delivery import deliver
from e2e.installation import App, Case
from e2e.objects import DELETE_POLICY, HOOK, config, job, text

RESOURCES = "resources-finalizer.argocd.argoproj.io"
PRE = "pre-delete-finalizer.argocd.argoproj.io"
POST = "post-delete-finalizer.argocd.argoproj.io"
OF_HOOKS = {PRE, f"{PRE}/cleanup", POST, f"{POST}/cleanup"}


def gate(name: str, phase: str, policy: str = "") -> str:
    """Return a hook that runs until somebody opens it: a load balancer without an address."""
    notes = {HOOK: phase, **({DELETE_POLICY: policy} if policy else {})}
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": name}}
    return text("Service", name, metadata={"annotations": notes}, spec=spec)


async def reached(case: Case, name: str) -> dict[str, Any]:
    """Wait until a gate stands, and return it."""
    found = await case.target.until("Service", name, case.namespace, bool)
    assert found is not None
    return found


async def opened(case: Case, name: str) -> None:
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    await case.target.patch("Service", name, case.namespace, status, subresource="status")


async def delivered(case: Case, files: dict[str, object], finalizer: str = RESOURCES) -> App:
    return await deliver(case, files, finalizers=[finalizer])


def finalizers(app: App) -> set[str]:
    return set(app.view.body.get("metadata", {}).get("finalizers") or [])


GATES: dict[str, object] = {
    "app/one.yaml": config("one"),
    "app/before.yaml": gate("before", "PreDelete"),
    "app/after.yaml": gate("after", "PostDelete", "HookSucceeded"),
}


async def test_hooks_run_before_and_after_the_objects_are_deleted(case: Case) -> None:
    app = await delivered(case, GATES)
    assert finalizers(app) == {RESOURCES, *OF_HOOKS}
    assert await case.versions("Service") == {}
    await app.delete()
    await reached(case, "before")
    assert await case.target.get("ConfigMap", "one", case.namespace) is not None
    await opened(case, "before")
    await reached(case, "after")
    assert await case.versions() == {}
    assert finalizers(app) == {f"{PRE}/cleanup", POST, f"{POST}/cleanup"}
    await opened(case, "after")
    await app.gone()
    # Each as its policy says: by default a hook is deleted only before it is created again.
    await case.target.until("Service", "after", case.namespace, lambda b: b is None)
    assert {name for _, name in await case.versions("Service")} == {"before"}
    log = await case.installation.trimtab("log", "--app", app.name, "-o", "json")
    assert [e["kind"] for e in json.loads(log.stdout)["items"]].count("delete") == 1


async def test_a_failed_hook_keeps_the_application_until_it_is_repaired(case: Case) -> None:
    bad = job("backup", pod={"exit-code": "3"}, hook="PreDelete")
    app = await delivered(case, {"app/one.yaml": config("one"), "app/job.yaml": bad})
    before = await case.versions()
    await app.delete()
    view = await app.until(lambda a: a.has("DeletionError", "batch/Job/backup", PRE))
    assert "Repair it in Git" in view.conditions["DeletionError"]
    assert "batch/Job/backup" in await app.told()
    assert await case.versions() == before
    await case.commit({"app/job.yaml": job("backup", hook="PreDelete")})
    await app.gone()
    assert await case.versions() == {}


async def test_a_failed_hook_runs_again_when_its_object_is_deleted(case: Case) -> None:
    bad = job("backup", pod={"exit-code": "3"}, hook="PreDelete")
    app = await delivered(case, {"app/one.yaml": config("one"), "app/job.yaml": bad})
    await app.delete()
    await app.until(lambda a: a.has("DeletionError", "batch/Job/backup"))
    failed = await case.target.get("batch/Job", "backup", case.namespace)
    assert failed is not None
    await case.target.delete("batch/Job", "backup", case.namespace)
    await case.target.until(
        "batch/Job",
        "backup",
        case.namespace,
        lambda b: b is not None and b["metadata"]["uid"] != failed["metadata"]["uid"],
    )
    # A person who does not want to wait for it says so by its finalizer.
    await app.patch({"metadata": {"finalizers": [RESOURCES]}})
    await app.gone()
    assert await case.versions() == {}


async def test_hooks_that_leave_git_hold_nobody_up(case: Case) -> None:
    app = await delivered(case, GATES)
    await case.commit({"app/before.yaml": None, "app/after.yaml": None})
    await app.until(lambda a: set(a.body["metadata"]["finalizers"]) == {RESOURCES})
    await app.delete()
    await app.gone()
    assert await case.versions("ConfigMap", "Service") == {}


async def test_hooks_of_a_deletion_run_without_the_resources_finalizer(case: Case) -> None:
    """As in Argo CD: they are kept by finalizers of their own, and objects stay."""
    app = await delivered(case, GATES, "example.com/theirs")
    await app.delete()
    for name in ("before", "after"):
        await reached(case, name)
        await opened(case, name)
    await app.until(lambda a: a.body["metadata"]["finalizers"] == ["example.com/theirs"])
    assert await case.target.get("ConfigMap", "one", case.namespace) is not None
    await app.patch({"metadata": {"finalizers": None}})
    await app.gone()


async def test_a_kill_in_the_middle_of_a_deletion_runs_no_hook_twice(case: Case) -> None:
    serve = case.installation.serve
    app = await delivered(case, GATES)
    await app.delete()
    for name in ("before", "after"):
        begun = await reached(case, name)
        await asyncio.to_thread(serve.kill)
        await asyncio.to_thread(serve.start)
        # What a live process would do again, it has done when another Application has moved.
        await case.installation.witness_moves()
        found = await reached(case, name)
        assert found["metadata"]["uid"] == begun["metadata"]["uid"]
        await opened(case, name)
    await app.gone()
    assert await case.versions() == {}


async def test_a_repository_that_is_gone_keeps_only_who_has_hooks(case: Case) -> None:
    files = {**GATES, "plain/two.yaml": config("two")}
    app = await delivered(case, files)
    plain = await case.apply_app("-plain", source={"path": "plain"}, finalizers=[RESOURCES])
    await plain.until(lambda a: a.sync == "Synced")
    for one in (app, plain):
        await one.patch({"spec": {"source": {"repoURL": f"{case.repo.url}-gone"}}})
        await one.delete()
    await plain.gone()
    view = await app.until(lambda a: a.has("DeletionError", PRE))
    assert "-gone" in view.conditions["DeletionError"]
    assert set(await case.versions()) == {("ConfigMap", "one")}
    await app.patch({"metadata": {"finalizers": [RESOURCES]}})
    await app.gone()
    assert await case.versions() == {}


async def test_hooks_of_a_chart_run_at_its_deletion(case: Case) -> None:
    def hook(name: str, event: str) -> str:
        notes = {"helm.sh/hook": event, "helm.sh/hook-delete-policy": "hook-succeeded"}
        return text("ConfigMap", name, metadata={"annotations": notes}, data={})

    files = {
        "app/Chart.yaml": "{apiVersion: v2, name: web, version: 1.0.0}",
        "app/templates/one.yaml": config("one"),
        "app/templates/job.yaml": job("drain", pod={"exit-code": "1"}).replace(
            '"name": "drain"', '"name": "drain", "annotations": {"helm.sh/hook": "pre-delete"}'
        ),
        "app/templates/bye.yaml": hook("bye", "post-delete"),
    }
    app = await delivered(case, files)
    assert finalizers(app) == {RESOURCES, *OF_HOOKS}
    await app.delete()
    await app.until(lambda a: a.has("DeletionError", "batch/Job/drain"))
    await case.commit({"app/templates/job.yaml": None})
    await app.gone()
    assert await case.versions() == {}


async def test_an_object_may_wait_for_an_approval_of_its_deletion(case: Case) -> None:
    files = {"app/one.yaml": config("one", options="Delete=confirm"), "app/two.yaml": config("two")}
    app = await delivered(case, files)
    before = await case.versions()
    await app.delete()
    await app.until(lambda a: a.has("DeletionError", "confirm", "one"))
    assert await case.versions() == before
    approved = {"argocd.argoproj.io/deletion-approved": datetime.now(UTC).isoformat()}
    await app.patch({"metadata": {"annotations": approved}})
    await app.gone()
    assert await case.versions() == {}
