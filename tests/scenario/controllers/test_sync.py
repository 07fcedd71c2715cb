"""Syncs of an Application: what is written, in which order, and what ends them."""

from __future__ import annotations

from scenario.controllers.controller import Controller, story
from scenario.controllers.objects import DONE, FAILED, config, job, place_key


@story
async def test_a_commit_reaches_its_cluster(one: Controller) -> None:
    sha = one.commit(config("one"), config("two"))
    one.apply_app()
    await one.until(lambda: one.sync() == "Synced")
    assert one.names() == {"one", "two"}
    assert one.status()["sync"]["revision"] == sha
    assert one.outcomes() == [("sync", "Succeeded")]
    sha = one.commit(config("one", "2"), without=["two"])
    await one.until(lambda: one.status()["sync"]["revision"] == sha and one.phase() == "Succeeded")
    assert one.names() == {"one"}
    assert one.live("one")["data"] == {"value": "2"}


@story
async def test_one_changed_object_costs_one_write_there_and_one_in_the_hub(
    one: Controller,
) -> None:
    one.commit(config("one"), config("two"))
    one.apply_app()
    await one.passed()
    one.target.requests.clear()
    one.hub.requests.clear()
    one.commit(config("one", "2"))
    await one.passed()
    assert [(r.verb, r.key.name, r.dry_run) for r in one.target.requests] == [
        ("apply", "one", False)
    ]
    assert [(r.verb, r.key.name) for r in one.hub.requests] == [("patch", "shop")]


@story
async def test_a_commit_elsewhere_writes_nothing_but_the_revision(one: Controller) -> None:
    one.commit(config("one"))
    one.apply_app()
    await one.passed()
    one.target.requests.clear()
    sha = one.source.commit("https://git.example.com/shop.git", {"docs/README": "hello"})
    await one.until(lambda: one.status()["sync"]["revision"] == sha)
    assert one.target.requests == []
    assert one.outcomes() == [("sync", "Succeeded")]


@story
async def test_nothing_is_asked_while_nothing_happens(one: Controller) -> None:
    one.commit(config("one"), job("load"))
    one.apply_app()
    await one.passed()
    one.target.requests.clear()
    one.hub.requests.clear()
    await one.passed(3600)
    assert (one.target.requests, one.hub.requests) == ([], [])


@story
async def test_a_wave_waits_for_the_one_before(one: Controller) -> None:
    one.commit(config("late", wave="2"), job("load", wave="1"), config("early"))
    one.apply_app()
    await one.until(lambda: one.phase() == "Running")
    assert (one.names(), one.names("Job")) == ({"early"}, {"load"})
    assert "load" in one.operation()["message"]
    await one.passed(600)
    assert one.names() == {"early"}
    one.target.set_status(place_key("load", "Job"), DONE)
    await one.until(lambda: one.phase() == "Succeeded")
    assert [name for _, name in one.writes()] == ["early", "load", "late"]


@story
async def test_a_degraded_object_stops_the_later_waves(one: Controller) -> None:
    one.commit(config("late", wave="2"), job("load", wave="1"))
    one.apply_app(syncPolicy={"automated": {}})
    await one.until(lambda: one.phase() == "Running")
    one.target.set_status(place_key("load", "Job"), FAILED)
    await one.until(lambda: one.phase() == "Failed")
    assert "no disk" in one.operation()["message"]
    assert one.names() == set()


@story
async def test_a_wave_has_a_deadline(one: Controller) -> None:
    one.commit(config("late", wave="2"), job("load", wave="1"))
    one.apply_app(syncPolicy={"automated": {}})
    await one.until(lambda: one.phase() == "Failed", seconds=4000)
    assert "timed out waiting for healthy state of batch/Job/load" in one.operation()["message"]


@story
async def test_hooks_run_around_the_objects_and_are_cleaned_up(one: Controller) -> None:
    one.commit(
        job("before", hook="PreSync"),
        config("one"),
        job("after", hook="PostSync", policy="HookSucceeded"),
    )
    one.apply_app()
    for name, there in (("before", set()), ("after", {"one"})):
        await one.until(lambda name=name: name in one.names("Job"))
        assert one.names() == there
        one.target.set_status(place_key(name, "Job"), DONE)
    await one.until(lambda: one.phase() == "Succeeded")
    assert one.names("Job") == {"before"}


@story
async def test_a_failed_hook_runs_those_for_failures_and_nothing_else(one: Controller) -> None:
    one.commit(job("before", hook="PreSync"), config("one"), config("alarm", hook="SyncFail"))
    one.apply_app(syncPolicy={"automated": {}})
    await one.until(lambda: one.names("Job"))
    one.target.set_status(place_key("before", "Job"), FAILED)
    await one.until(lambda: one.phase() == "Failed")
    assert one.names() == {"alarm"}
    assert "no disk" in one.operation()["message"]
    assert one.outcomes() == [("sync", "Failed")]


@story
async def test_a_person_ends_a_sync(one: Controller) -> None:
    one.commit(job("before", hook="PreSync"), config("one"))
    one.apply_app(syncPolicy={"automated": {}})
    await one.until(lambda: one.names("Job"))
    state = {**one.operation(), "phase": "Terminating"}
    one.change_app(status={"operationState": state})
    await one.until(lambda: one.phase() == "Failed")
    assert "terminated" in one.operation()["message"].lower()
    assert (one.names(), one.names("Job")) == (set(), set())


@story
async def test_a_newer_commit_takes_the_place_of_a_sync_that_waits(one: Controller) -> None:
    one.commit(job("load", wave="1"), config("late", wave="2"))
    one.apply_app()
    await one.until(lambda: one.phase() == "Running")
    sha = one.commit(config("late", "2", wave="2"), without=["load"])
    await one.until(lambda: one.phase() == "Succeeded")
    assert one.operation()["syncResult"]["revision"] == sha
    assert one.live("late")["data"] == {"value": "2"}
    assert one.ledger.entries[0].reason.startswith("superseded") or any(
        "superseded" in str(entry.detail) + entry.reason for entry in one.ledger.entries
    )


@story
async def test_what_a_person_asked_for_is_not_superseded(one: Controller) -> None:
    first = one.commit(job("load", wave="1"), config("late", wave="2"))
    one.apply_app(syncPolicy={})
    await one.passed()
    one.ask()
    await one.until(lambda: one.phase() == "Running")
    one.commit(config("late", "2", wave="2"))
    await one.passed(60)
    assert one.phase() == "Running"
    one.target.set_status(place_key("load", "Job"), DONE)
    await one.until(lambda: one.phase() == "Succeeded")
    assert one.operation()["syncResult"]["revision"] == first
    assert one.live("late")["data"] == {"value": "1"}


@story
async def test_after_three_supersessions_one_completes(one: Controller) -> None:
    for number in range(4):
        sha = one.commit(job(f"load{number}", wave="1"), config("late", str(number), wave="2"))
        if number == 0:
            one.apply_app(syncPolicy={"automated": {}})
        await one.until(lambda n=number: f"load{n}" in one.names("Job"))
    one.commit(config("late", "too soon", wave="2"))
    await one.passed(60)
    assert one.operation()["operation"]["sync"]["revision"] == sha
    for number in range(4):
        one.target.set_status(place_key(f"load{number}", "Job"), DONE)
    await one.until(lambda: (one.live("late") or {}).get("data") == {"value": "too soon"})
    assert [o for _, o in one.outcomes()] == ["Failed"] * 3 + ["Succeeded"] * 2


@story
async def test_without_automation_nothing_is_written_until_asked(one: Controller) -> None:
    one.commit(config("one"), config("two"))
    one.apply_app(syncPolicy={})
    await one.passed(3600)
    assert (one.sync(), one.writes()) == ("OutOfSync", [])
    one.ask(resources=[{"kind": "ConfigMap", "name": "two"}])
    await one.until(lambda: one.phase() == "Succeeded")
    assert one.names() == {"two"}
    assert "operation" not in one.app()
    assert one.ledger.entries[-1].actor == "dana"


@story
async def test_a_prune_that_wants_a_confirmation_waits_for_a_person(one: Controller) -> None:
    one.commit(config("one", options="Prune=confirm"), config("two"))
    one.apply_app()
    await one.passed()
    approved = "argocd.argoproj.io/deletion-approved"
    one.annotate(**{approved: one.clock.now().isoformat()})
    await one.passed(60)
    one.commit(config("two", "2"), without=["one"])
    await one.until(lambda: "confirmation" in one.operation()["message"])
    await one.passed(600)
    assert (one.names(), one.live("two")["data"]) == ({"one", "two"}, {"value": "1"})
    one.annotate(**{approved: one.clock.now().isoformat()})
    await one.until(lambda: one.phase() == "Succeeded" and one.sync() == "Synced")
    assert (one.names(), one.live("two")["data"]) == ({"two"}, {"value": "2"})
