"""Hooks of a deletion: when they run, what keeps them, and a process that dies on the way."""

from __future__ import annotations

from scenario.controllers.controller import Controller, story
from scenario.controllers.deletions import RESOURCES, delivered, error
from scenario.controllers.objects import (
    DONE,
    FAILED,
    config,
    job,
    place_key,
)
from trimtab.ports.cluster import Change, Forbidden, WatchEvent

PRE = "pre-delete-finalizer.argocd.argoproj.io"
POST = "post-delete-finalizer.argocd.argoproj.io"
_BEFORE = job("before", hook="PreDelete")
_AFTER = job("after", hook="PostDelete", policy="HookSucceeded")


def finalizers(one: Controller) -> list[str]:
    return one.app().get("metadata", {}).get("finalizers", [])


def ends(one: Controller, name: str, status: object = DONE) -> None:
    one.target.set_status(place_key(name, "Job"), status)  # type: ignore[arg-type]


def end_when_created(one: Controller) -> list[str]:
    """Have Jobs end as soon as they exist, as fast controllers would; return their names."""
    made: list[str] = []

    def end(event: WatchEvent) -> None:
        if event.live.key.kind == "Job" and event.change is Change.ADDED:
            made.append(event.live.key.name)
            ends(one, event.live.key.name)

    one.target.subscribe(end)
    return made


@story
async def test_hooks_run_before_and_after(one: Controller) -> None:
    await delivered(one, config("a"), _BEFORE, _AFTER)
    assert set(finalizers(one)) == {RESOURCES, PRE, f"{PRE}/cleanup", POST, f"{POST}/cleanup"}
    await one.delete_app()
    await one.passed(60)
    assert (one.names("Job"), one.names()) == ({"before"}, {"a"})
    # Waiting costs no request, whatever is live.
    one.edit({**one.live("a"), "data": {"value": "by hand"}})
    one.target.requests.clear()
    one.hub.requests.clear()
    await one.passed(60)
    assert (one.target.requests, one.hub.requests) == ([], [])
    ends(one, "before")
    await one.until(lambda: "after" in one.names("Job"))
    assert one.names() == set()
    assert set(finalizers(one)) == {f"{PRE}/cleanup", POST, f"{POST}/cleanup"}
    ends(one, "after")
    await one.until(lambda: not one.app())
    assert one.names("Job") == {"before"}


@story
async def test_a_hook_without_a_name_runs_once(one: Controller) -> None:
    made = end_when_created(one)
    unnamed = {**_BEFORE, "metadata": {**_BEFORE["metadata"], "name": "", "generateName": "drain-"}}
    await delivered(one, config("a"), unnamed)
    await one.delete_app()
    await one.passed(0)
    await one.restart()
    await one.until(lambda: not one.app())
    assert len(made) == 1
    assert made[0].startswith("drain-delete-predelete-")


@story
async def test_a_failed_hook_keeps_everything_until_its_repair(one: Controller) -> None:
    await delivered(one, config("a"), _BEFORE)
    await one.delete_app()
    await one.until(lambda: one.names("Job"))
    ends(one, "before", FAILED)
    await one.until(lambda: error(one))
    assert "PreDelete hook batch/Job/before failed: no disk" in error(one)
    assert f"remove the finalizer {PRE}" in error(one)
    await one.passed(3600)
    assert one.names() == {"a"}
    one.commit(job("before", hook="PreDelete", policy="HookFailed"))
    await one.passed(60)
    assert not error(one)
    ends(one, "before")
    await one.until(lambda: not one.app())
    assert one.writes().count(("apply", "before")) == 2


@story
async def test_a_hook_that_is_not_permitted_says_so(one: Controller) -> None:
    await delivered(one, config("a"), _BEFORE)
    allow = one.target.refuse(
        lambda r: r.key.name == "before", Forbidden(403, "Forbidden", "no Jobs here")
    )
    await one.delete_app()
    await one.until(lambda: "no Jobs here" in error(one))
    assert one.names() == {"a"}
    allow()
    await one.until(lambda: one.names("Job"))
    ends(one, "before")
    await one.until(lambda: not one.app())


@story
async def test_hooks_are_a_matter_of_git_until_the_deletion(one: Controller) -> None:
    await delivered(one, config("a"), _BEFORE)
    assert PRE in finalizers(one)
    one.commit(without=["before"])
    await one.until(lambda: finalizers(one) == [RESOURCES])
    await one.delete_app()
    await one.until(lambda: not one.app())
    assert one.names("Job") == set()


@story
async def test_a_process_that_dies_before_any_request_is_followed_by_one_that_goes_on(
    one: Controller,
) -> None:
    """Whatever request it was about to send: no hook runs twice and nothing stays behind."""
    deaths, made = 0, end_when_created(one)
    while deaths < 100:
        await delivered(one, config("a"), config("b", wave="1"), _BEFORE, _AFTER)
        await one.delete_app()
        has_died = await one.dies_before(deaths)
        await one.until(lambda: not one.app())
        assert made == ["before", "after"], f"death before request {deaths}: {one.writes()}"
        made.clear()
        assert (one.names(), one.names("Job")) == (set(), {"before"})
        one.target.vanish(place_key("before", "Job"))
        if not has_died:
            break
        deaths += 1
    assert deaths > 5


@story
async def test_a_lost_cluster_keeps_the_application_and_says_so(one: Controller) -> None:
    await delivered(one, config("a"), _BEFORE)
    one.target.go_offline()
    await one.delete_app()
    await one.until(lambda: "target" in error(one))
    await one.passed(3600)
    assert one.app()
    one.target.come_back()
    await one.until(lambda: one.names("Job"))
    ends(one, "before")
    await one.until(lambda: not one.app())
    assert one.names() == set()


@story
async def test_a_destination_that_is_gone_holds_nobody_up(one: Controller) -> None:
    await delivered(one, config("a"), _BEFORE, _AFTER)
    await one.clusters.remove(one.target.server)
    await one.delete_app()
    await one.until(lambda: not one.app())
    assert one.names() == {"a"}


@story
async def test_a_project_that_is_gone_keeps_who_has_hooks(one: Controller) -> None:
    await delivered(one, config("a"), _BEFORE)
    one.change_app(spec={**one.app()["spec"], "project": "gone"})
    await one.delete_app()
    await one.until(lambda: "project gone" in error(one) and PRE in error(one))
    meta = {**one.app()["metadata"], "finalizers": [RESOURCES]}
    one.change_app(metadata=meta)
    await one.until(lambda: not one.app())
    assert one.names() == set()
