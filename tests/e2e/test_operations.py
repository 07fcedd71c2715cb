"""What a person asks of an Application: syncs, rollbacks, refreshes, deletion; what it tells."""

from __future__ import annotations

import itertools
import json
import re

from e2e.installation import App, AppView, Case
from e2e.objects import config, data_of, deployment, job, text

MANUAL = {"syncPolicy": {"automated": {"enabled": False}}}
_asks = itertools.count(1)
FINALIZER = "resources-finalizer.argocd.argoproj.io"


async def wait_out_of_sync(case: Case, files: dict[str, object]) -> tuple[App, str]:
    """Return a manual Application that has seen a commit."""
    sha = await case.commit(files)
    app = await case.apply_app(**MANUAL)
    await app.until(lambda a: a.sync == "OutOfSync" and a.revision == sha)
    return app, sha


def ended(app: AppView) -> bool:
    """Whether an operation was taken up and has ended."""
    return "operation" not in app.body and app.phase in ("Succeeded", "Failed", "Error")


async def synced(app: App, **sync: object) -> AppView:
    """Ask for a sync and return the Application after it has ended."""
    info = [{"name": "ask", "value": str(next(_asks))}]
    await app.patch(
        {"operation": {"initiatedBy": {"username": "dana"}, "sync": sync, "info": info}}
    )
    return await app.until(lambda a: ended(a) and a.operation["operation"].get("info") == info)


async def test_a_sync_that_a_person_asks_for(case: Case) -> None:
    app, sha = await wait_out_of_sync(case, {"app/one.yaml": config("one")})
    info = [{"name": "Reason", "value": "a test"}]
    asked = {"sync": {}, "initiatedBy": {"username": "dana"}, "info": info}
    await app.patch({"operation": asked})
    view = await app.delivered(sha)
    assert view.phase == "Succeeded"
    operation = view.operation["operation"]
    assert operation["initiatedBy"] == {"username": "dana"}
    assert operation["info"] == info
    assert "operation" not in view.body
    shown = await case.installation.trimtab("app", "history", app.name, "-o", "json")
    assert sha in shown.stdout, shown.stderr


async def test_a_sync_prunes_only_when_asked(case: Case) -> None:
    app, _ = await wait_out_of_sync(
        case, {"app/one.yaml": config("one"), "app/two.yaml": config("two")}
    )
    await synced(app)
    sha = await case.commit({"app/two.yaml": None})
    await app.until(lambda a: a.revision == sha)
    view = await synced(app)
    assert view.results["ConfigMap/two"]["status"] == "PruneSkipped"
    assert await case.target.get("ConfigMap", "two", case.namespace) is not None
    await synced(app, prune=True)
    await case.target.until("ConfigMap", "two", case.namespace, lambda b: b is None)


async def test_a_selective_sync_touches_only_what_it_names(case: Case) -> None:
    files = {
        "app/one.yaml": config("one"),
        "app/two.yaml": config("two"),
        "app/web.yaml": deployment("web"),
        "app/before.yaml": job("before", hook="PreSync"),
    }
    app, _ = await wait_out_of_sync(case, files)
    named = [
        {"kind": "ConfigMap", "name": "two", "namespace": case.namespace},
        {"group": "apps", "kind": "Deployment", "name": "web"},
    ]
    view = await synced(app, resources=named)
    assert set(view.results) == {"ConfigMap/two", "Deployment/web"}
    assert set(await case.versions("ConfigMap", "apps/Deployment", "batch/Job")) == {
        ("ConfigMap", "two"),
        ("apps/Deployment", "web"),
    }
    assert view.sync == "OutOfSync"
    assert "history" not in view.status


async def test_a_dry_run_changes_nothing(case: Case) -> None:
    app, _ = await wait_out_of_sync(
        case, {"app/one.yaml": config("one"), "app/web.yaml": deployment("web")}
    )
    view = await synced(app, dryRun=True)
    assert view.phase == "Succeeded"
    assert "dry run" in view.message
    assert set(view.results) == {"ConfigMap/one", "Deployment/web"}
    assert await case.versions("ConfigMap", "apps/Deployment") == {}
    assert "history" not in view.status


async def test_a_dry_run_tells_what_would_be_refused(case: Case) -> None:
    bad = text("ConfigMap", "bad", data={"a": "1"}, metadata={"labels": {"x": "not valid!"}})
    app, _ = await wait_out_of_sync(case, {"app/one.yaml": config("one"), "app/bad.yaml": bad})
    view = await synced(app, dryRun=True)
    assert view.phase == "Failed"
    assert "not valid!" in view.results["ConfigMap/bad"]["message"]


async def test_a_sync_to_another_revision(case: Case) -> None:
    first = await case.commit({"app/one.yaml": config("one", "1")})
    app, second = await wait_out_of_sync(case, {"app/one.yaml": config("one", "2")})
    view = await synced(app, revision=first)
    assert view.operation["syncResult"]["revision"] == first
    assert data_of(await case.target.get("ConfigMap", "one", case.namespace)) == {"value": "1"}
    await app.until(lambda a: (a.sync, a.revision) == ("OutOfSync", second))


async def test_a_rollback_through_history(case: Case) -> None:
    first = await case.commit({"app/one.yaml": config("one", "1")})
    app = await case.apply_app(revisionHistoryLimit=2)
    await app.delivered(first)
    for value in ("2", "3"):
        sha = await case.commit({"app/one.yaml": config("one", value)})
        await app.delivered(sha)
    history = app.view.status["history"]
    assert [(h["id"], h["revision"]) for h in history][-1] == (2, sha)
    assert len(history) == 2
    assert history[-1]["source"]["path"] == "app"
    assert history[-1]["initiatedBy"] == {"automated": True}
    refused = await case.installation.trimtab("app", "rollback", app.name, "1")
    assert refused.returncode != 0
    assert "automated" in refused.stderr
    await app.patch({"spec": {"syncPolicy": {"automated": None}}})
    done = await case.installation.trimtab("app", "rollback", app.name, "1", "--wait")
    assert done.returncode == 0, done.stderr
    assert data_of(await case.target.get("ConfigMap", "one", case.namespace)) == {"value": "2"}
    view = await app.until(lambda a: a.sync == "OutOfSync" and ended(a))
    assert [h["id"] for h in view.status["history"]] == [2, 3]


async def test_an_operation_is_terminated(case: Case) -> None:
    files = {"app/one.yaml": config("one"), "app/before.yaml": job("before", hook="PreSync")}
    never = json.loads(files["app/before.yaml"])
    never["spec"]["suspend"] = True
    app, _ = await wait_out_of_sync(case, {**files, "app/before.yaml": json.dumps(never)})
    await app.start()
    await app.until(lambda a: a.phase == "Running" and "before" in a.message)
    done = await case.installation.trimtab("app", "terminate", app.name)
    assert done.returncode == 0, done.stderr
    view = await app.until(ended)
    assert view.phase == "Failed"
    assert "terminated" in view.message.lower()
    assert await case.target.get("ConfigMap", "one", case.namespace) is None
    await case.target.until("batch/Job", "before", case.namespace, lambda b: b is None)


async def test_options_of_an_operation_count_for_it_alone(case: Case) -> None:
    app, _ = await wait_out_of_sync(
        case, {"app/f.yaml": text("ConfigMap", "f", data={"a": "1"}, immutable=True)}
    )
    await synced(app)
    sha = await case.commit({"app/f.yaml": text("ConfigMap", "f", data={"a": "2"}, immutable=True)})
    await app.until(lambda a: a.revision == sha)
    view = await synced(app)
    assert view.phase == "Failed"
    assert "immutable" in view.message
    view = await synced(app, syncOptions=["Force=true"])
    assert view.phase == "Succeeded", view.message
    sha = await case.commit({"app/f.yaml": text("ConfigMap", "f", data={"a": "3"}, immutable=True)})
    await app.until(lambda a: a.revision == sha)
    view = await synced(app, syncStrategy={"hook": {"force": True}})
    assert view.phase == "Succeeded", view.message


async def test_strategy_apply_runs_no_hooks(case: Case) -> None:
    files = {
        "app/f.yaml": text("ConfigMap", "f", data={"a": "1"}, immutable=True),
        "app/before.yaml": job("before", hook="PreSync"),
    }
    app, _ = await wait_out_of_sync(case, files)
    view = await synced(app, syncStrategy={"apply": {"force": False}})
    assert set(view.results) == {"ConfigMap/f"}
    sha = await case.commit({"app/f.yaml": text("ConfigMap", "f", data={"a": "2"}, immutable=True)})
    await app.until(lambda a: a.revision == sha)
    view = await synced(app, syncStrategy={"apply": {"force": True}})
    assert view.phase == "Succeeded", view.message


async def test_a_sync_with_retries_of_its_own(case: Case) -> None:
    missing = text("ConfigMap", "x", metadata={"namespace": f"{case.name}-none"}, data={})
    app, _ = await wait_out_of_sync(case, {"app/x.yaml": missing})
    retry = {"limit": 2, "backoff": {"duration": "1s", "factor": 1, "maxDuration": "1s"}}
    await app.patch({"operation": {"sync": {}, "retry": retry}})
    view = await app.until(ended)
    assert (view.phase, view.operation["retryCount"]) == ("Failed", 2)


async def test_refresh_is_honoured_and_removed(case: Case) -> None:
    app, _ = await wait_out_of_sync(case, {"app/one.yaml": config("one")})
    for how in ("normal", "hard"):
        await app.refresh(how)
        await app.until(
            lambda a: "argocd.argoproj.io/refresh" not in a.body["metadata"].get("annotations", {})
        )
    done = await case.installation.trimtab("app", "refresh", app.name, "--hard")
    assert done.returncode == 0, done.stderr


async def test_cascading_deletion_takes_the_objects_along(case: Case) -> None:
    for suffix in ("", "/background", "/foreground"):
        files = {"app/web.yaml": deployment("web"), "app/one.yaml": config("one", wave="-1")}
        sha = await case.commit(files)
        app = await case.apply_app(finalizers=[FINALIZER + suffix])
        await app.delivered(sha)
        await app.delete()
        await app.gone()
        assert await case.versions("ConfigMap", "apps/Deployment") == {}


async def test_without_the_finalizer_objects_stay(case: Case) -> None:
    sha = await case.commit({"app/one.yaml": config("one")})
    app = await case.apply_app()
    await app.delivered(sha)
    before = await case.versions()
    await app.delete()
    await app.gone()
    app = await case.apply_app()
    await app.delivered(sha)
    assert await case.versions() == before


async def test_an_object_may_outlive_its_application(case: Case) -> None:
    files = {
        "app/one.yaml": config("one"),
        "app/kept.yaml": config("kept", options="Delete=false"),
    }
    sha = await case.commit(files)
    app = await case.apply_app(finalizers=[FINALIZER])
    await app.delivered(sha)
    await app.delete()
    await app.gone()
    assert set(await case.versions()) == {("ConfigMap", "kept")}


async def test_finalizers_of_others_are_kept(case: Case) -> None:
    sha = await case.commit({"app/one.yaml": config("one")})
    app = await case.apply_app(finalizers=[FINALIZER, "example.com/other"])
    await app.delivered(sha)
    await app.delete()
    view = await app.until(lambda a: FINALIZER not in a.body["metadata"]["finalizers"])
    assert view.body["metadata"]["finalizers"] == ["example.com/other"]
    assert await case.versions() == {}


async def test_the_status_that_tools_of_argo_cd_read(case: Case) -> None:
    files = {
        "app/web.yaml": deployment("web", image="registry.example.com/web:1"),
        "app/one.yaml": config("one", wave="-2"),
    }
    sha = await case.commit(files)
    app = await case.apply_app(ignoreDifferences=[{"kind": "Secret", "jsonPointers": ["/data"]}])
    view = await app.delivered(sha)
    status = view.status
    compared = status["sync"]["comparedTo"]
    assert compared["source"] == view.body["spec"]["source"]
    assert compared["destination"] == view.body["spec"]["destination"]
    assert compared["ignoreDifferences"] == view.body["spec"]["ignoreDifferences"]
    assert status["sourceType"] == "Directory"
    assert status["controllerNamespace"] == case.installation.namespace
    assert status["summary"] == {"images": ["registry.example.com/web:1"]}
    assert status["resources"] == [
        {
            "version": "v1",
            "kind": "ConfigMap",
            "namespace": case.namespace,
            "name": "one",
            "status": "Synced",
            "syncWave": -2,
        },
        {
            "group": "apps",
            "version": "v1",
            "kind": "Deployment",
            "namespace": case.namespace,
            "name": "web",
            "status": "Synced",
            "health": status["resources"][1]["health"],
        },
    ]
    assert status["resources"][1]["health"]["status"] == "Healthy"
    operation = status["operationState"]
    assert operation["phase"] == "Succeeded"
    result = operation["syncResult"]["resources"][0]
    assert set(result) >= {"group", "version", "kind", "namespace", "name", "status", "syncPhase"}
    assert (result["syncPhase"], result["status"]) == ("Sync", "Synced")
    assert operation["syncResult"]["source"] == view.body["spec"]["source"]
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    for when in (
        status["reconciledAt"],
        status["health"]["lastTransitionTime"],
        operation["startedAt"],
        operation["finishedAt"],
        status["history"][0]["deployedAt"],
        status["history"][0]["deployStartedAt"],
    ):
        assert stamp.fullmatch(when)
    tracked = await case.target.get("ConfigMap", "one", case.namespace)
    assert tracked is not None
    mark = tracked["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"]
    assert mark == f"{app.name}:/ConfigMap:{case.namespace}/one"


async def test_a_condition_has_type_message_and_time(case: Case) -> None:
    app, _ = await wait_out_of_sync(case, {"app/one.yaml": config("one")})
    await case.apply_app(source={"targetRevision": "nowhere"}, **MANUAL)
    view = await app.until(lambda a: a.has("ComparisonError", "nowhere"))
    assert view.sync == "Unknown"
    assert all(c["lastTransitionTime"] for c in view.status["conditions"])
    await case.apply_app(**MANUAL)
    await app.until(lambda a: not a.conditions and a.sync == "OutOfSync")


async def test_the_other_destination_form(case: Case) -> None:
    """A destination by server URL instead of by name."""
    sha = await case.commit({"app/one.yaml": config("one")})
    server = case.target.server
    app = await case.apply_app(destination={"name": None, "server": server})
    await app.delivered(sha)
    assert set(await case.versions()) == {("ConfigMap", "one")}


async def test_an_application_of_applications(case: Case) -> None:
    children = [f"{case.name}-child{n}" for n in range(2)]
    parent_repo = case.repo
    files: dict[str, object] = {}
    for child in children:
        spec = case.spec(source={"path": child})
        meta = {"namespace": case.installation.namespace, "finalizers": [FINALIZER]}
        api = "argoproj.io/v1alpha1"
        files[f"apps/{child}.yaml"] = text("Application", child, api, metadata=meta, spec=spec)
        files[f"{child}/c.yaml"] = config(child)
    sha = await case.commit(files)
    destination = {
        "name": None,
        "server": "https://kubernetes.default.svc",
        "namespace": case.installation.namespace,
    }
    parent = await case.apply_app(
        "-parent", source={"path": "apps", "repoURL": parent_repo.url}, destination=destination
    )
    view = await parent.delivered(sha)
    assert view.status["summary"]["isAppOfApps"] is True
    for child in children:
        await case.target.until("ConfigMap", child, case.namespace, lambda b: b is not None)
    # Our status writes of the child are no drift of the parent, nor does the parent undo them.
    child_app = App(case.installation, children[0])
    await child_app.delivered(sha)
    await parent.refresh()
    view = await parent.until(lambda a: "annotations" not in a.body["metadata"])
    assert view.sync == "Synced"
    assert child_app.view.health == "Healthy"
    # A child that leaves Git takes its objects along.
    sha = await case.commit({f"apps/{children[1]}.yaml": None})
    await parent.until(lambda a: a.revision == sha and a.sync == "Synced")
    await App(case.installation, children[1]).gone()
    await case.target.until("ConfigMap", children[1], case.namespace, lambda b: b is None)
    await child_app.patch({"metadata": {"finalizers": None}})
    await parent.delete()
    await parent.gone()
    await child_app.delete()
