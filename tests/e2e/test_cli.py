"""``trimtab app`` as users have it: real processes, a real hub, a real target."""

from __future__ import annotations

import asyncio
import json

import pytest

from e2e.command import Commands
from e2e.installation import App, Case
from e2e.objects import config, data_of, deployment, job

MANUAL = {"syncPolicy": {"automated": {"enabled": False}}}


@pytest.fixture
def trimtab(case: Case) -> Commands:
    """Return the command line of the case's installation."""
    return Commands(case.installation)


async def manual_app(case: Case, files: dict[str, object]) -> tuple[App, str]:
    """Return a manual Application that has seen a commit."""
    sha = await case.commit(files)
    app = await case.apply_app(**MANUAL)
    await app.until(lambda a: a.sync == "OutOfSync" and a.revision == sha)
    return app, sha


async def value_of(case: Case, name: str) -> object:
    """Return the value of a ConfigMap in the case's namespace."""
    return data_of(await case.target.get("ConfigMap", name, case.namespace)).get("value")


async def test_an_application_from_its_creation_to_its_deletion(
    case: Case, trimtab: Commands
) -> None:
    await case.commit({"app/one.yaml": config("one")})
    app = App(case.installation, case.name)
    place = [
        "--dest-name",
        "target",
        "--dest-namespace",
        case.namespace,
        "--label",
        f"c={app.name}",
    ]
    given = [app.name, "--repo", case.repo.url, "--path", "app", "--sync-policy", "auto", *place]
    assert "(dry run)" in (await trimtab("app", "create", *given, "--dry-run")).stdout
    await trimtab("app", "get", app.name, code=5)
    assert app.name in (await trimtab("app", "create", *given)).stdout
    assert "--upsert" in (await trimtab("app", "create", *given, code=7)).stderr
    await trimtab("app", "wait", app.name, "--timeout", "30")
    listed = await trimtab("app", "list", "-l", f"c={app.name}")
    assert [line.split()[:3] for line in listed.stdout.splitlines()] == [
        ["NAME", "SYNC", "HEALTH"],
        [app.name, "Synced", "Healthy"],
    ]
    assert f"└─ ConfigMap {case.namespace}/one" in (await trimtab("app", "get", app.name)).stdout
    shown = await trimtab.read("app", "get", app.name)
    assert "managedFields" not in shown["metadata"]
    changed = {"metadata": shown["metadata"], "spec": {**shown["spec"], "info": []}}
    head = {"apiVersion": shown["apiVersion"], "kind": shown["kind"]}
    body = head | {"metadata": {"name": app.name}, "spec": changed["spec"]}
    await trimtab("app", "create", "--upsert", "-f", "-", stdin=json.dumps(body))
    assert "--yes" in (await trimtab("app", "delete", app.name, code=2)).stderr
    await trimtab("app", "delete", app.name, "--dry-run")
    assert await value_of(case, "one") == "1"
    assert (await trimtab("app", "delete", app.name, "--yes", "--wait")).stdout.endswith(
        "deleted\n"
    )
    assert await value_of(case, "one") is None
    told = await trimtab("app", "get", app.name, code=5)
    assert "next: `trimtab app list`" in told.stderr


async def test_diff_manifests_sync_history_and_rollback(case: Case, trimtab: Commands) -> None:
    app, first = await manual_app(case, {"app/one.yaml": config("one")})
    found = await trimtab("app", "diff", app.name, code=1)
    assert found.stdout == f"+ ConfigMap {case.namespace}/one\n"
    assert (await trimtab.read("app", "manifests", app.name))[0]["data"] == {"value": "1"}
    assert "create (dry run)" in (await trimtab("app", "sync", app.name, "--dry-run")).stdout
    assert await value_of(case, "one") is None
    assert "configmap/one created" in (await trimtab("app", "sync", app.name)).stdout
    same = await trimtab("app", "diff", app.name)
    assert (same.stdout, same.stderr.splitlines()[-1]) == ("", "live equals desired")
    second = await case.commit({"app/one.yaml": config("one", "2")})
    found = await trimtab("app", "diff", app.name, code=1)
    assert "data.value: 1 -> 2 (set by trimtab)" in found.stdout
    old = await trimtab("app", "manifests", app.name, "--revision", first, "-o", "yaml")
    assert "value: '1'" in old.stdout
    await trimtab("app", "sync", app.name)
    live = await trimtab.read("app", "manifests", app.name, "--source", "live")
    assert live[0]["data"] == {"value": "2"}
    history = (await trimtab.read("app", "history", app.name))["items"]
    assert [entry["revision"] for entry in history] == [first, second]
    await trimtab("app", "rollback", app.name, "99", code=5)
    await trimtab("app", "rollback", app.name, str(history[0]["id"]))
    assert await value_of(case, "one") == "1"


async def test_refresh_resources_events_and_logs(case: Case, trimtab: Commands) -> None:
    files = {"app/web.yaml": deployment("web", replicas=2), "app/one.yaml": config("one")}
    app, _ = await manual_app(case, files)
    await trimtab("app", "logs", app.name, code=5)
    await trimtab("app", "sync", app.name)
    await trimtab("app", "wait", app.name, "--health", "--timeout", "60")
    await case.commit({"app/one.yaml": config("one", "2")})
    told = await trimtab("app", "refresh", app.name, "--hard", "--wait")
    assert "OutOfSync, Healthy" in told.stderr
    listed = await trimtab("app", "resources", app.name)
    rows = [line.split() for line in listed.stdout.splitlines()]
    assert ["apps", "Deployment", case.namespace, "web", "Synced", "Healthy"] in rows
    assert ["ConfigMap", case.namespace, "one", "OutOfSync"] in rows
    async with asyncio.timeout(20):
        while not (events := (await trimtab.read("app", "events", app.name))["items"]):
            pass
    assert events[0]["reason"] == "OperationCompleted"
    # No kubelet of a local fleet has lines: every pod is found, and says so.
    logs = await trimtab("app", "logs", app.name, "--tail", "5", "--since", "5m")
    assert [line.partition(": ")[2] for line in logs.stderr.splitlines()] == ["no lines"] * 2
    assert "found main" in (await trimtab("app", "logs", app.name, "-c", "nope", code=5)).stderr


async def test_terminate_ends_what_runs(case: Case, trimtab: Commands) -> None:
    slow = job("before", hook="PreSync", pod={"run-for": "600s"})
    app, _ = await manual_app(case, {"app/before.yaml": slow, "app/one.yaml": config("one")})
    assert "NoOperation" in (await trimtab("app", "terminate", app.name, code=7)).stderr
    await trimtab("app", "sync", app.name, "--async")
    await app.until(lambda a: a.phase == "Running")
    await trimtab("app", "wait", app.name, "--operation", "--timeout", "1", code=6)
    busy = await trimtab("app", "explain", app.name, code=1)
    assert "it stops at apply (waiting)" in busy.stdout
    await trimtab("app", "terminate", app.name)
    await trimtab("app", "wait", app.name, "--operation", "--timeout", "30")
    assert (await app.until(lambda a: a.phase == "Failed")).sync == "OutOfSync"
    assert await value_of(case, "one") is None


async def test_explain_names_the_step_that_failed(case: Case, trimtab: Commands) -> None:
    await case.commit({"app/one.yaml": config("one")})
    source = await case.apply_app("-source", source={"path": "nowhere"})
    await source.until(lambda a: "ComparisonError" in a.conditions)
    told = await trimtab("app", "explain", source.name, code=1)
    assert "it stops at source (failed)" in told.stdout
    assert "nowhere" in told.stdout
    sha = await case.commit({"bad/one.yaml": config("two")})
    render = await case.apply_app("-render", source={"path": "bad"})
    await render.delivered(sha)
    await case.commit({"bad/one.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: ["})
    await render.until(lambda a: "ComparisonError" in a.conditions)
    told = await trimtab("app", "explain", render.name, code=1)
    assert "it stops at render (failed)" in told.stdout
    manual = await case.apply_app("-manual", **MANUAL)
    await manual.until(lambda a: a.sync == "OutOfSync")
    told = await trimtab("app", "explain", manual.name, code=1)
    assert "automated sync is off" in told.stdout
    assert f"next: `trimtab app sync {manual.name}`" in told.stdout
    await trimtab("app", "sync", manual.name)
    await manual.until(lambda a: (a.sync, a.health) == ("Synced", "Healthy"))
    assert "nothing is in the way" in (await trimtab("app", "explain", manual.name)).stdout


async def test_changes_are_streamed_until_interrupted(case: Case, trimtab: Commands) -> None:
    app, _ = await manual_app(case, {"app/one.yaml": config("one")})
    async with (
        trimtab.stream("app", "list", "--watch", "-o", "json") as events,
        trimtab.stream("app", "get", app.name, "--watch") as rows,
    ):
        first = json.loads(await events.line(app.name))
        assert first["type"] == "ADDED"
        await rows.line(app.name, "OutOfSync")
        await trimtab("app", "sync", app.name)
        await rows.line(app.name, "Synced", "Succeeded")
        await events.line(app.name, '"MODIFIED"', "Succeeded")
        await trimtab("app", "delete", app.name, "--yes")
        await rows.line(app.name, "Deleted")
        await events.line(app.name, '"DELETED"')
        assert await events.interrupt() == 130
        assert await rows.interrupt() == 130
