"""Preflight and the deletion budget: a wrong commit touches nothing."""

from __future__ import annotations

import asyncio
import json
import re

from e2e.delivery import deliver
from e2e.installation import App, AppView, Case
from e2e.objects import config, definition, text

SIX = {f"app/{n}.yaml": config(f"c{n}") for n in range(6)}
DIGEST = re.compile(r"[Cc]onfirm (?:it|this plan) with (\S+)")
CONFIRM = "trimtab.dev/confirm-plan"


async def stopped(app: App, sha: str) -> str:
    """Wait until the budget stops a commit, and return the digest that releases it."""
    view = await app.until(
        lambda a: a.has("DeletionBudgetExceeded") and a.revision == sha and a.phase == "Failed"
    )
    found = DIGEST.search(view.conditions["DeletionBudgetExceeded"])
    assert found, view.conditions
    return found[1].rstrip(".")


def without(*numbers: int) -> dict[str, object]:
    return {f"app/{n}.yaml": None for n in numbers}


async def test_most_of_an_application_is_not_deleted_by_a_commit(case: Case) -> None:
    app = await deliver(case, SIX)
    before = await case.versions()
    sha = await case.commit({**without(0, 1, 2, 3), "app/5.yaml": config("c5", "2")})
    digest = await stopped(app, sha)
    assert await case.versions() == before
    assert "4 of 6" in app.view.conditions["DeletionBudgetExceeded"]
    done = await case.installation.trimtab("app", "sync", app.name, "--confirm", digest, "--prune")
    assert done.returncode == 0, done.stdout + done.stderr
    view = await app.until(lambda a: a.sync == "Synced" and a.revision == sha)
    assert set(await case.versions()) == {("ConfigMap", "c4"), ("ConfigMap", "c5")}
    assert "DeletionBudgetExceeded" not in view.conditions


async def test_the_annotation_releases_exactly_that_plan(case: Case) -> None:
    app = await deliver(case, SIX)
    sha = await case.commit(without(0, 1, 2, 3))
    first = await stopped(app, sha)
    # The same digest does not release what another commit would delete.
    sha = await case.commit(without(4))
    second = await stopped(app, sha)
    assert second != first
    before = await case.versions()
    await app.patch({"metadata": {"annotations": {CONFIRM: first}}})
    await app.refresh()
    await app.until(lambda a: "argocd.argoproj.io/refresh" not in annotations(a))
    assert await case.versions() == before
    await app.patch({"metadata": {"annotations": {CONFIRM: second}}})
    await app.until(lambda a: a.sync == "Synced" and a.revision == sha)
    assert set(await case.versions()) == {("ConfigMap", "c5")}


async def test_a_confirmed_commit_does_not_confirm_the_next(case: Case) -> None:
    app = await deliver(case, SIX)
    sha = await case.commit(without(0, 1, 2, 3))
    digest = await stopped(app, sha)
    files = {f"app/{n}.yaml": config(f"c{n}") for n in range(4)}
    await app.delivered(await case.commit(files))
    await app.patch({"metadata": {"annotations": {CONFIRM: digest}}})
    sha = await case.commit(without(0, 1, 2, 3))
    assert await stopped(app, sha) != digest
    assert len(await case.versions()) == 6


async def test_a_digest_is_good_after_a_restart(case: Case) -> None:
    app = await deliver(case, SIX)
    sha = await case.commit({**without(0, 1, 2, 3), "app/5.yaml": config("c5", "2")})
    digest = await stopped(app, sha)
    before = await case.versions()
    await asyncio.to_thread(case.installation.serve.kill)
    await asyncio.to_thread(case.installation.serve.start)
    # A new process stops at the same plan before anybody has said anything.
    await case.installation.witness_moves()
    assert (await stopped(app, sha), await case.versions()) == (digest, before)
    done = await case.installation.trimtab("app", "sync", app.name, "--confirm", digest, "--prune")
    assert done.returncode == 0, done.stdout + done.stderr
    await app.until(lambda a: a.sync == "Synced" and a.revision == sha)
    assert set(await case.versions()) == {("ConfigMap", "c4"), ("ConfigMap", "c5")}


async def test_a_commit_deletes_no_more_than_a_hundred_objects_over_the_fleet(case: Case) -> None:
    """Seven Applications lose 18 of 40 objects each: within their own budgets, but 126 in all."""
    files = {f"app/{n:02}.yaml": config(f"c{n:02}") for n in range(40)}
    sha = await case.commit(files)
    names = [await case.new_namespace(f"{case.name}-f{n}") for n in range(7)]
    async with asyncio.TaskGroup() as tasks:
        made = [
            tasks.create_task(case.apply_app(f"-f{n}", destination={"namespace": name}))
            for n, name in enumerate(names)
        ]
    apps = [task.result() for task in made]
    for app in apps:
        await app.delivered(sha)
    sha = await case.commit(dict.fromkeys(sorted(files)[:18]))
    for app in apps:
        await app.until(lambda a: a.revision == sha and a.phase in ("Succeeded", "Failed"))
    halted = [app for app in apps if app.view.has("DeletionBudgetExceeded")]
    left = [len(await case.target.versions(name)) for name in names]
    assert (sorted(left), len(halted)) == ([22] * 5 + [40] * 2, 2)
    assert all("108 objects over the fleet" in app.view.said for app in halted)
    await asyncio.to_thread(case.installation.serve.kill)
    await asyncio.to_thread(case.installation.serve.start)
    await case.installation.witness_moves()
    assert [app.view.has("DeletionBudgetExceeded") for app in halted] == [True, True]
    # Each is a plan of its own, released by its own digest.
    digest = await stopped(halted[0], sha)
    done = await case.installation.trimtab(
        "app", "sync", halted[0].name, "--confirm", digest, "--prune"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    await halted[0].delivered(sha)
    left = [len(await case.target.versions(name)) for name in names]
    assert sorted(left) == [22] * 6 + [40]


async def test_a_small_deletion_needs_nobody(case: Case) -> None:
    app = await deliver(case, SIX)
    sha = await case.commit(without(0, 1))
    await app.delivered(sha)
    assert len(await case.versions()) == 4


async def test_what_holds_other_things_is_not_deleted_by_a_commit(case: Case) -> None:
    group = f"{case.name}.example.com"
    where = f"{case.name}-held"
    files = {
        **SIX,
        "app/crd.yaml": definition("anchors", "Anchor", group),
        "app/ns.yaml": text("Namespace", where),
    }
    app = await deliver(case, files)
    case._namespaces.append((case.target, where))
    for path, name in (("app/crd.yaml", f"anchors.{group}"), ("app/ns.yaml", where)):
        sha = await case.commit({path: None})
        await stopped(app, sha)
        assert name in app.view.conditions["DeletionBudgetExceeded"]
    await case.target.delete("apiextensions.k8s.io/CustomResourceDefinition", f"anchors.{group}")


async def test_replacing_by_deletion_counts(case: Case) -> None:
    def fixed(value: str) -> dict[str, object]:
        return {
            f"app/{n}.yaml": text("ConfigMap", f"f{n}", data={"v": value}, immutable=True)
            for n in range(6)
        }

    app = await deliver(case, fixed("1"), syncPolicy={"syncOptions": ["Force=true"]})
    before = await case.versions()
    sha = await case.commit(fixed("2"))
    await stopped(app, sha)
    assert await case.versions() == before


async def test_children_are_not_deleted_in_numbers(case: Case) -> None:
    names = [f"{case.name}-kid{n}" for n in range(9)]
    where = case.installation.namespace
    child = {**case.spec(source={"path": "kids"}), "syncPolicy": {}}
    files = {
        f"apps/{name}.yaml": text(
            "Application", name, "argoproj.io/v1alpha1", metadata={"namespace": where}, spec=child
        )
        for name in names
    }
    sha = await case.commit({**files, "kids/one.yaml": config("one")})
    destination = {"name": None, "server": "https://kubernetes.default.svc", "namespace": where}
    parent = await case.apply_app("-parent", source={"path": "apps"}, destination=destination)
    await parent.until(lambda a: a.sync == "Synced" and a.revision == sha)
    sha = await case.commit({f"apps/{name}.yaml": None for name in names[:4]})
    await stopped(parent, sha)
    assert "4 child deliveries" in parent.view.conditions["DeletionBudgetExceeded"]
    assert all(App(case.installation, name).view.body for name in names)
    await case.apply_app(
        "-parent",
        source={"path": "apps"},
        destination=destination,
        syncPolicy={"automated": {"enabled": False}},
    )
    for name in names:
        await App(case.installation, name).delete()


async def test_deleting_the_application_is_a_confirmation(case: Case) -> None:
    sha = await case.commit(SIX)
    app = await case.apply_app(finalizers=["resources-finalizer.argocd.argoproj.io"])
    await app.delivered(sha)
    await app.delete()
    await app.gone()
    assert await case.versions() == {}


async def test_one_refused_object_of_two_means_that_nothing_was_touched(case: Case) -> None:
    app = await deliver(case, {"app/one.yaml": config("one"), "app/two.yaml": config("two")})
    before = await case.versions()
    bad = text("ConfigMap", "two", metadata={"labels": {"x": "not valid!"}}, data={})
    await case.commit({"app/one.yaml": config("one", "2"), "app/two.yaml": bad})
    view = await app.until(lambda a: a.phase == "Failed" or "not valid!" in a.message)
    assert "nothing was changed" in view.message
    assert await case.versions() == before
    assert set(view.results) == {"ConfigMap/two"}


async def test_a_namespace_and_its_objects_in_one_plan(case: Case) -> None:
    where = f"{case.name}-new"
    case._namespaces.append((case.target, where))
    inside = text("ConfigMap", "inside", metadata={"namespace": where}, data={"a": "1"})
    await deliver(
        case,
        {"app/ns.yaml": text("Namespace", where), "app/in.yaml": inside, **SIX},
    )
    assert await case.target.get("ConfigMap", "inside", where) is not None


async def test_what_preflight_cannot_know_is_reported_object_by_object(case: Case) -> None:
    """A quota: each dry run is within it, the writes together are not."""
    quota = text("ResourceQuota", "few", spec={"hard": {"count/secrets": "1"}})
    body = {**json.loads(quota)}
    body["metadata"]["namespace"] = case.namespace
    await case.target.apply(body)
    await case.target.until(
        "ResourceQuota", "few", case.namespace, lambda b: b and b.get("status", {}).get("used")
    )
    files = {f"app/{n}.yaml": text("Secret", f"s{n}", data={}) for n in range(3)}
    await case.commit({**files, "app/late.yaml": config("late", wave="1")})
    app = await case.apply_app(syncPolicy={"automated": {"selfHeal": False}})
    view = await app.until(lambda a: a.phase == "Failed")
    statuses = sorted(result["status"] for result in view.results.values())
    assert statuses == ["SyncFailed", "SyncFailed", "Synced"]
    assert "exceeded quota" in view.said
    assert await case.target.get("ConfigMap", "late", case.namespace) is None


def annotations(app: AppView) -> dict[str, str]:
    return app.body["metadata"].get("annotations", {})
