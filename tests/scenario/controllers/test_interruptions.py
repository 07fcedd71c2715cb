"""Syncs that are cut off: by a lost cluster, a restart, a lost lease, a wrong clock."""

from __future__ import annotations

from datetime import timedelta

from scenario.controllers.controller import Controller, story
from scenario.controllers.objects import DONE, config, job, place_key
from scenario.controllers.process import REFRESH
from trimtab.ports.cluster import Change, Forbidden, WatchEvent
from trimtab.ports.ledger import LedgerUnavailable

_WAVES = (config("early"), job("load", wave="1"), config("late", wave="2"))


async def begun(one: Controller, **spec: object) -> None:
    """Bring a sync to the middle of its waves."""
    one.commit(*_WAVES)
    one.apply_app(**spec)
    await one.until(lambda: one.phase() == "Running" and one.names("Job"))


@story
async def test_a_cluster_that_is_lost_is_unknown_and_catches_up(one: Controller) -> None:
    one.commit(config("one"))
    one.apply_app()
    await one.passed()
    one.target.go_offline()
    sha = one.commit(config("one", "2"))
    await one.until(lambda: one.sync() == "Unknown", seconds=30)
    assert one.status()["health"]["status"] == "Unknown"
    assert "ClusterUnreachable" in one.conditions()
    assert "target" in one.conditions()["ClusterUnreachable"]
    await one.passed(3600)
    one.target.come_back()
    await one.until(lambda: one.sync() == "Synced", seconds=5)
    assert one.status()["sync"]["revision"] == sha
    assert one.live("one")["data"] == {"value": "2"}
    assert one.conditions() == {}


@story
async def test_a_lost_cluster_slows_nobody_else(one: Controller) -> None:
    one.commit(config("one"))
    one.apply_app()
    one.apply_app("hub", destination={"name": "in-cluster", "namespace": "default"})
    await one.passed()
    one.target.go_offline()
    sha = one.commit(config("one", "2"))
    await one.passed(0.01)
    assert one.status("hub")["sync"]["revision"] == sha
    assert one.sync("hub") == "Synced"


@story
async def test_a_restart_goes_on_in_the_middle_of_a_wave(one: Controller) -> None:
    await begun(one)
    before = one.live("load", "Job")["metadata"]["uid"]
    one.target.requests.clear()
    await one.restart()
    await one.passed(60)
    assert (one.writes(), one.phase()) == ([], "Running")
    one.target.set_status(place_key("load", "Job"), DONE)
    await one.until(lambda: one.phase() == "Succeeded")
    assert one.live("load", "Job")["metadata"]["uid"] == before
    assert one.writes() == [("apply", "late")]
    assert one.outcomes() == [("sync", "Succeeded")]


@story
async def test_a_process_that_dies_before_any_request_is_followed_by_one_that_goes_on(
    one: Controller,
) -> None:
    """Whatever request it was about to send, the commit arrives whole, and is recorded."""
    deaths = 0
    one.apply_app()

    def end(event: WatchEvent) -> None:
        if event.live.key.kind == "Job" and event.change is Change.ADDED:
            one.target.set_status(event.live.key, DONE)

    one.target.subscribe(end)
    while deaths < 100:
        value = str(deaths)
        hook = job(f"before{value}", hook="PreSync", policy="HookSucceeded")
        sha = one.commit(hook, config("early", value), config("late", value, wave="1"))
        has_died = await one.dies_before(deaths)
        await one.until(lambda sha=sha: one.status().get("sync", {}).get("revision") == sha)
        await one.until(lambda: (one.sync(), one.phase()) == ("Synced", "Succeeded"))
        assert one.operation()["syncResult"]["revision"] == sha
        assert [one.live(n)["data"]["value"] for n in ("early", "late")] == [value, value]
        assert one.names("Job") == set()
        assert one.ledger.entries[-1].revision == sha
        one.commit(without=[f"before{value}"])
        await one.passed(5)
        if not has_died:
            break
        deaths += 1
    assert deaths > 5


@story
async def test_a_hook_that_ended_while_nobody_looked_is_not_run_again(one: Controller) -> None:
    one.commit(job("before", hook="PreSync"), config("one"))
    one.apply_app()
    await one.until(lambda: one.names("Job"))
    await one.restart(between=lambda: one.target.set_status(place_key("before", "Job"), DONE))
    await one.until(lambda: one.phase() == "Succeeded")
    assert one.writes() == [("apply", "before"), ("apply", "one")]


@story
async def test_a_restart_with_nothing_to_do_writes_nothing(one: Controller) -> None:
    one.commit(config("one"), config("two"))
    one.apply_app()
    await one.passed()
    one.target.requests.clear()
    one.hub.requests.clear()
    await one.restart()
    await one.passed(60)
    assert one.looks
    assert (one.target.requests, one.hub.requests) == ([], [])


@story
async def test_a_restart_keeps_the_date_of_the_next_attempt(one: Controller) -> None:
    one.commit(config("one"))
    one.target.refuse(lambda r: r.verb == "apply", Forbidden(403, "Forbidden", "no"))
    retry = {"limit": 5, "backoff": {"duration": "100s"}}
    one.apply_app(syncPolicy={"automated": {}, "retry": retry})
    await one.until(lambda: one.operation().get("retryCount") == 1)
    await one.passed(50)
    await one.restart()
    await one.passed(40)
    assert len(one.writes()) == 1
    await one.passed(20)
    assert len(one.writes()) == 2


@story
async def test_without_the_lease_nothing_is_written(one: Controller) -> None:
    one.is_leader = False
    one.commit(config("one"))
    one.apply_app()
    await one.passed(60)
    assert (one.target.requests, one.hub.requests, one.status()) == ([], [], {})
    one.is_leader = True
    await one.until(lambda: one.sync() == "Synced")


@story
async def test_an_observer_looks_and_writes_nothing(one: Controller) -> None:
    one.commit(config("one"))
    one.apply_app(finalizers=["resources-finalizer.argocd.argoproj.io"])
    one.apply_app("asked", syncPolicy={})
    await one.passed()
    one.ask("asked")
    await one.configure(observe_only=True)
    one.target.requests.clear()
    one.hub.requests.clear()
    one.looks.clear()
    one.commit(config("one", "2"))
    one.edit({**one.live("one"), "data": {"value": "by hand"}})
    await one.passed(60)
    await one.delete_app()
    await one.passed(60)
    assert set(one.looks) == {"argocd/shop", "argocd/asked"}
    assert (one.writes(), [r for r in one.hub.requests if r.verb != "delete"]) == ([], [])


@story
async def test_a_lease_that_is_lost_in_the_middle_stops_the_next_write(one: Controller) -> None:
    await begun(one)
    one.is_leader = False
    one.target.set_status(place_key("load", "Job"), DONE)
    await one.passed(60)
    assert one.names() == {"early"}


@story
async def test_a_replica_whose_clock_is_ahead_or_behind_goes_on(one: Controller) -> None:
    await begun(one)
    for skew in (timedelta(hours=-5), timedelta(minutes=20)):
        one.process_clock = one.clock.seen_from(skew)
        await one.restart()
        await one.passed(60)
        assert one.phase() == "Running"
    one.target.set_status(place_key("load", "Job"), DONE)
    await one.until(lambda: one.phase() == "Succeeded")
    one.edit({**one.live("early"), "data": {"value": "by hand"}})
    await one.until(lambda: one.live("early")["data"] == {"value": "1"})


@story
async def test_an_application_deleted_while_syncing_takes_its_objects_along(
    one: Controller,
) -> None:
    one.commit(*_WAVES)
    one.apply_app(finalizers=["resources-finalizer.argocd.argoproj.io"])
    await one.until(lambda: one.phase() == "Running" and one.names("Job"))
    await one.delete_app()
    await one.until(lambda: not one.app())
    assert (one.names(), one.names("Job")) == (set(), set())


@story
async def test_an_application_deleted_while_syncing_without_finalizer_leaves_them(
    one: Controller,
) -> None:
    await begun(one)
    await one.delete_app()
    one.target.set_status(place_key("load", "Job"), DONE)
    await one.passed(60)
    assert (one.names(), one.names("Job")) == ({"early"}, {"load"})


@story
async def test_an_application_deleted_between_two_writes_is_not_an_error(one: Controller) -> None:
    """It goes while its last report is on its way."""
    one.commit(config("one"))
    one.apply_app()
    live = one.hub.stored(one.hub.seed(one.app()).key)
    one.target.subscribe(lambda _: one.hub.stored(live.key) and one.hub.vanish(live.key))
    await one.passed(60)
    assert (one.app(), one.names()) == ({}, {"one"})


@story
async def test_a_ledger_that_cannot_be_written_holds_nothing_up(one: Controller) -> None:
    one.ledger.fails_with = LedgerUnavailable("LedgerUnavailable", "disk full")
    one.commit(config("one"))
    one.apply_app()
    await one.until(lambda: one.sync() == "Synced")
    second = one.commit(config("one", "2"))
    await one.until(lambda: one.status()["sync"]["revision"] == second)
    one.ledger.fails_with = None
    await one.until(lambda: one.outcomes() == [("sync", "Succeeded")] * 2, seconds=10)


@story
async def test_a_refresh_is_taken_up_once(one: Controller) -> None:
    one.commit(config("one"))
    one.apply_app()
    await one.passed()
    for how in ("normal", "hard"):
        one.annotate(**{REFRESH: how})
        await one.until(lambda: REFRESH not in one.app()["metadata"].get("annotations", {}))
    looks = len(one.looks)
    await one.passed(30)
    assert len(one.looks) == looks
