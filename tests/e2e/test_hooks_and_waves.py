"""Hooks and waves: what runs when, what waits for what, and what is left afterwards."""

from __future__ import annotations

from e2e.installation import AppView, Case
from e2e.objects import config, deployment, job, version_of

NO_HEAL = {"automated": {"selfHeal": False, "prune": True}}


def ended(app: AppView) -> bool:
    return app.phase in ("Succeeded", "Failed", "Error")


async def test_waves_are_created_in_order_each_after_the_last_is_healthy(case: Case) -> None:
    files = {
        "app/c.yaml": config("c", wave="3"),
        "app/b.yaml": config("b", wave="-1"),
        "app/a.yaml": config("a"),
        "app/web.yaml": deployment("web"),
    }
    sha = await case.commit(files)
    app = await case.apply_app()
    view = await app.delivered(sha)
    order = [
        version_of(await case.target.get("ConfigMap", n, case.namespace)) for n in ("b", "a", "c")
    ]
    assert order == sorted(order)
    # The last wave began after the Deployment, whose status a controller wrote, was available.
    web = await case.target.get("apps/Deployment", "web", case.namespace)
    assert web is not None
    assert web["status"]["availableReplicas"] == 1
    assert [r["name"] for r in view.operation["syncResult"]["resources"]][-1] == "c"
    assert version_of(web) < order[-1]


async def test_a_wave_waits_for_a_deployment_that_is_not_ready(case: Case) -> None:
    spec = {
        "metadata": {
            "labels": {"app": "web"},
            "annotations": {"localfleet.trimtab.dev/ready": "false"},
        },
        "spec": {"containers": [{"name": "main", "image": "web:1"}]},
    }
    files = {
        "app/web.yaml": deployment("web", template=spec),
        "app/late.yaml": config("late", wave="1"),
    }
    await case.commit(files)
    app = await case.apply_app()
    await app.until(lambda a: a.phase == "Running" and "web" in a.message)
    assert await case.target.get("ConfigMap", "late", case.namespace) is None
    # A newer commit takes the place of an automated sync that waits.
    sha = await case.commit({"app/web.yaml": deployment("web")})
    view = await app.delivered(sha)
    assert await case.target.get("ConfigMap", "late", case.namespace) is not None
    assert view.operation["syncResult"]["revision"] == sha
    log = await case.installation.trimtab("log", "--app", app.name, "-o", "json")
    assert "superseded" in log.stdout, log.stderr


async def test_hooks_run_before_with_and_after_the_objects(case: Case) -> None:
    files = {
        "app/before.yaml": job("before", hook="PreSync", pod={"run-for": "300ms"}),
        "app/with.yaml": job("with", hook="Sync"),
        "app/after.yaml": job("after", hook="PostSync"),
        "app/failed.yaml": job("failed", hook="SyncFail"),
        "app/web.yaml": deployment("web"),
    }
    sha = await case.commit(files)
    app = await case.apply_app(syncPolicy=NO_HEAL)
    view = await app.delivered(sha)
    found = await case.versions("batch/Job")
    assert {name for _, name in found} == {"before", "with", "after"}
    results = view.results
    assert results["Job/before"]["hookType"] == "PreSync"
    assert results["Job/before"]["hookPhase"] == "Succeeded"
    assert results["Job/after"]["syncPhase"] == "PostSync"
    times = {}
    for kind, name in (("batch/Job", "before"), ("apps/Deployment", "web"), ("batch/Job", "after")):
        body = await case.target.get(kind, name, case.namespace)
        assert body is not None
        times[name] = body["metadata"]["creationTimestamp"]
    assert times["before"] <= times["web"] <= times["after"]
    # Hooks are no part of what is compared.
    assert {r["kind"] for r in view.status["resources"] if "status" in r} == {"Deployment"}
    assert view.sync == "Synced"


async def test_a_pre_sync_hook_that_fails_stops_the_sync(case: Case) -> None:
    files = {
        "app/before.yaml": job("before", hook="PreSync", pod={"exit-code": "3"}),
        "app/failed.yaml": job("failed", hook="SyncFail"),
        "app/one.yaml": config("one"),
    }
    await case.commit(files)
    app = await case.apply_app(syncPolicy=NO_HEAL)
    view = await app.until(ended)
    assert view.phase == "Failed"
    assert "before" in view.message
    assert view.results["Job/before"]["hookPhase"] == "Failed"
    assert view.results["Job/failed"]["hookPhase"] == "Succeeded"
    assert await case.target.get("ConfigMap", "one", case.namespace) is None


async def test_delete_policies_of_hooks(case: Case) -> None:
    files = {
        "app/1.yaml": job("on-success", hook="PreSync", policy="HookSucceeded"),
        "app/2.yaml": job("kept", hook="PreSync"),
        "app/3.yaml": job(
            "again", hook="PreSync", policy="BeforeHookCreation", pod={"run-for": "50ms"}
        ),
        "app/one.yaml": config("one"),
    }
    sha = await case.commit(files)
    app = await case.apply_app(syncPolicy=NO_HEAL)
    await app.delivered(sha)
    await case.target.until("batch/Job", "on-success", case.namespace, lambda b: b is None)
    first = await case.versions("batch/Job")
    assert {name for _, name in first} == {"kept", "again"}
    sha = await case.commit({"app/one.yaml": config("one", "2")})
    await app.delivered(sha)
    second = await case.versions("batch/Job")
    assert second["batch/Job", "again"][0] != first["batch/Job", "again"][0]


async def test_a_hook_that_fails_is_deleted_by_policy(case: Case) -> None:
    hook = job("fails", hook="PreSync", policy="HookFailed", pod={"exit-code": "1"})
    await case.commit({"app/1.yaml": hook, "app/one.yaml": config("one")})
    app = await case.apply_app(syncPolicy=NO_HEAL)
    await app.until(lambda a: a.phase == "Failed")
    await case.target.until("batch/Job", "fails", case.namespace, lambda b: b is None)


async def test_what_a_person_asked_for_is_not_superseded(case: Case) -> None:
    files = {
        "app/before.yaml": job("before", hook="PreSync", pod={"run-for": "2s"}),
        "app/one.yaml": config("one", "1"),
    }
    first = await case.commit(files)
    app = await case.apply_app(syncPolicy={"automated": {"enabled": False}})
    await app.until(lambda a: a.revision == first)
    await app.start()
    await app.until(lambda a: a.phase == "Running")
    await case.commit({"app/one.yaml": config("one", "2")})
    view = await app.until(ended)
    assert view.phase == "Succeeded"
    assert view.operation["syncResult"]["revision"] == first


async def test_hooks_with_generated_names_run_once_a_sync(case: Case) -> None:
    body = job("x", hook="PreSync", policy="HookSucceeded").replace(
        '"name": "x"', '"generateName": "made-"'
    )
    sha = await case.commit({"app/1.yaml": body, "app/one.yaml": config("one")})
    app = await case.apply_app(syncPolicy=NO_HEAL)
    view = await app.delivered(sha)
    made = [name for name in view.results if name.startswith("Job/made-")]
    assert len(made) == 1
