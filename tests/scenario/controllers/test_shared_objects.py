"""Two Applications that claim one object."""

from __future__ import annotations

from scenario.controllers.controller import Controller, story
from scenario.controllers.objects import config, placed


@story
async def test_the_second_application_is_refused_and_the_first_left_alone(one: Controller) -> None:
    one.commit(config("one"), config("two"))
    one.apply_app()
    await one.passed()
    one.target.requests.clear()
    one.apply_app("rival", syncPolicy={"automated": {}})
    await one.until(lambda: one.phase("rival") == "Failed")
    assert "part of application shop" in one.operation("rival")["message"]
    assert "SharedResourceWarning" in one.conditions("rival")
    assert one.writes() == []
    assert (one.sync(), one.conditions()) == ("Synced", {})


@story
async def test_an_object_is_taken_over_from_an_application_that_is_gone(one: Controller) -> None:
    one.commit(config("one"))
    one.apply_app()
    await one.passed()
    await one.delete_app()
    one.apply_app("heir")
    await one.until(lambda: one.sync("heir") == "Synced")
    marks = one.live("one")["metadata"]["annotations"]
    assert marks["argocd.argoproj.io/tracking-id"].startswith("heir:")


@story
async def test_a_copied_mark_deletes_nothing(one: Controller) -> None:
    """Somebody copies an object, tracking annotation included: it says another object's name."""
    one.commit(config("one"))
    one.apply_app()
    await one.passed()
    copied = one.live("one")["metadata"]["annotations"]
    body = placed(config("copy"))
    one.edit({**body, "metadata": {**body["metadata"], "annotations": copied}})
    await one.passed(60)
    assert one.names() == {"one", "copy"}
    assert one.sync() == "Synced"
