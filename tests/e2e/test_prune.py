"""What leaves Git: when it is pruned, in which order, and what is kept."""

from __future__ import annotations

from datetime import UTC, datetime

from e2e.delivery import ONE_TWO, deliver, options
from e2e.installation import Case
from e2e.objects import (
    config,
)


async def test_what_leaves_git_is_pruned_only_with_prune(case: Case) -> None:
    app = await deliver(case, syncPolicy={"automated": {"prune": False}})
    sha = await case.commit({"app/two.yaml": None, "app/one.yaml": config("one", "2")})
    view = await app.until(lambda a: a.revision == sha and a.phase == "Succeeded")
    assert view.sync == "OutOfSync"
    assert await case.target.get("ConfigMap", "two", case.namespace) is not None
    assert [r["name"] for r in view.status["resources"] if r.get("requiresPruning")] == ["two"]
    await app.patch({"spec": {"syncPolicy": {"automated": {"prune": True}}}})
    await app.delivered(sha)
    await case.target.until("ConfigMap", "two", case.namespace, lambda b: b is None)


async def test_an_object_that_forbids_it_is_never_pruned(case: Case) -> None:
    files = {"app/one.yaml": config("one"), "app/kept.yaml": config("kept", options="Prune=false")}
    app = await deliver(case, files)
    sha = await case.commit({"app/kept.yaml": None, "app/one.yaml": config("one", "2")})
    view = await app.until(lambda a: a.revision == sha and a.phase == "Succeeded")
    assert view.results["ConfigMap/kept"]["status"] == "PruneSkipped"
    assert await case.target.get("ConfigMap", "kept", case.namespace) is not None


async def test_a_prune_may_wait_for_an_approval(case: Case) -> None:
    files = {"app/one.yaml": config("one", options="Prune=confirm"), "app/two.yaml": config("two")}
    app = await deliver(case, files)
    sha = await case.commit({"app/one.yaml": None})
    view = await app.until(lambda a: a.phase == "Running" and "confirmation" in a.message)
    assert "one" in view.message
    assert await case.target.get("ConfigMap", "one", case.namespace) is not None
    approved = {"argocd.argoproj.io/deletion-approved": datetime.now(UTC).isoformat()}
    await app.patch({"metadata": {"annotations": approved}})
    await app.delivered(sha)
    assert set(await case.versions()) == {("ConfigMap", "two")}


async def test_an_empty_folder_empties_only_with_allow_empty(case: Case) -> None:
    files = {"app/one.yaml": config("one"), "app/README": "no manifest"}
    app = await deliver(case, files)
    before = await case.versions()
    sha = await case.commit({"app/one.yaml": None})
    view = await app.until(lambda a: a.has("SyncError", "wipe out"))
    assert (view.sync, await case.versions()) == ("OutOfSync", before)
    await app.patch({"spec": {"syncPolicy": {"automated": {"allowEmpty": True}}}})
    await app.delivered(sha)
    await case.target.until("ConfigMap", "one", case.namespace, lambda b: b is None)


async def test_prune_last_deletes_after_everything_else(case: Case) -> None:
    app = await deliver(
        case, {**ONE_TWO, "app/3.yaml": config("three")}, **options("PruneLast=true")
    )
    files = {"app/two.yaml": None, "app/late.yaml": config("late", wave="5")}
    sha = await case.commit(files)
    view = await app.delivered(sha)
    order = [r["name"] for r in view.operation["syncResult"]["resources"]]
    assert order.index("late") < order.index("two")
    assert view.results["ConfigMap/two"]["status"] == "Pruned"


async def test_without_prune_last_waves_of_deletions_come_in_reverse(case: Case) -> None:
    files = {f"app/{n}.yaml": config(f"w{n}", wave=str(n)) for n in range(5)}
    app = await deliver(case, files)
    sha = await case.commit({"app/1.yaml": None, "app/3.yaml": None})
    view = await app.delivered(sha)
    order = [r["name"] for r in view.operation["syncResult"]["resources"]]
    assert order.index("w3") < order.index("w1")
