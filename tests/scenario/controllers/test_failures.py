"""Syncs that fail: what is said, what is tried again, and that nothing else is touched."""

from __future__ import annotations

from scenario.controllers.controller import Controller, story
from scenario.controllers.objects import config
from trimtab.ports.cluster import Forbidden, Invalid, ServerError


@story
async def test_a_failed_sync_is_tried_again_later_and_later(one: Controller) -> None:
    one.commit(config("one"))
    allow = one.target.refuse(
        lambda r: r.verb == "apply", Forbidden(403, "Forbidden", "the quota is used up")
    )
    retry = {"limit": 3, "backoff": {"duration": "10s", "factor": 2, "maxDuration": "1m"}}
    one.apply_app(syncPolicy={"automated": {}, "retry": retry})
    await one.until(lambda: one.operation().get("retryCount") == 1)
    assert one.phase() == "Running"
    assert "the quota is used up" in one.operation()["message"]
    began = one.clock.monotonic()
    await one.until(lambda: one.operation()["retryCount"] == 3)
    # After 10 s the second attempt, after 20 s more the third.
    assert 28 <= one.clock.monotonic() - began <= 36
    allow()
    await one.until(lambda: one.phase() == "Succeeded", seconds=60)
    assert [outcome for _, outcome in one.outcomes()] == ["Failed"] * 3 + ["Succeeded"]


@story
async def test_retries_end_at_their_limit(one: Controller) -> None:
    one.commit(config("one"))
    one.target.refuse(lambda r: r.verb == "apply", Forbidden(403, "Forbidden", "no"))
    retry = {"limit": 2, "backoff": {"duration": "1s"}}
    one.apply_app(syncPolicy={"automated": {}, "retry": retry})
    await one.until(lambda: one.phase() == "Failed")
    await one.passed(3600)
    assert len(one.writes()) == 3
    assert one.operation()["retryCount"] == 2


@story
async def test_a_broken_commit_changes_nothing_and_is_named(one: Controller) -> None:
    one.commit(config("one"))
    one.apply_app()
    await one.passed()
    one.target.requests.clear()
    sha = one.commit(config("one", "2"), text="{")
    await one.until(lambda: "ComparisonError" in one.conditions())
    assert sha in one.conditions()["ComparisonError"]
    assert "broken.json" in one.conditions()["ComparisonError"]
    assert one.sync() == "Unknown"
    assert one.target.requests == []
    one.commit(without=["broken"])
    await one.until(lambda: one.sync() == "Synced")
    assert one.conditions() == {}
    assert one.live("one")["data"] == {"value": "2"}


@story
async def test_one_refused_object_means_that_nothing_is_touched(one: Controller) -> None:
    one.commit(config("one"), config("two"))
    one.target.refuse(
        lambda r: r.key.name == "two", Invalid(422, "Invalid", "two is not as the policy wants")
    )
    one.apply_app(syncPolicy={"automated": {}})
    await one.until(lambda: one.phase() == "Failed")
    assert "nothing was changed: ConfigMap shop/two: two is" in one.operation()["message"]
    assert one.writes() == []


@story
async def test_what_preflight_cannot_know_is_reported_object_by_object(one: Controller) -> None:
    one.commit(config("one"), config("two"), config("late", wave="1"))
    one.target.refuse(
        lambda r: r.key.name == "two" and not r.dry_run, ServerError(500, "", "out of space")
    )
    one.apply_app(syncPolicy={"automated": {}})
    await one.until(lambda: one.phase() == "Failed")
    results = {r["name"]: r["status"] for r in one.operation()["syncResult"]["resources"]}
    assert results == {"one": "Synced", "two": "SyncFailed"}
    assert one.names() == {"one"}


@story
async def test_a_failed_sync_without_self_heal_is_not_tried_again(one: Controller) -> None:
    sha = one.commit(config("one"))
    one.target.refuse(lambda r: r.verb == "apply", Forbidden(403, "Forbidden", "no"))
    one.apply_app(syncPolicy={"automated": {}})
    await one.passed(3600)
    assert len(one.writes()) == 1
    assert one.conditions()["SyncError"].startswith(f"Failed last sync attempt to {sha}")


@story
async def test_the_commit_that_repairs_a_broken_one_does_not_wait(one: Controller) -> None:
    """However long the broken one has failed, and with whatever backoff."""
    one.target.refuse(
        lambda r: b"bad" in r.body, Invalid(422, "Invalid", "the policy refuses bad values")
    )
    one.commit(config("one"))
    one.apply_app()
    await one.passed()
    one.commit(config("one", "bad"))
    await one.passed(1000)
    assert one.phase() == "Failed"
    sha = one.commit(config("one", "good"))
    await one.passed(1)
    assert one.operation()["syncResult"]["revision"] == sha
    assert one.live("one")["data"] == {"value": "good"}
