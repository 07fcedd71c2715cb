"""What people are told by Kubernetes Events."""

from __future__ import annotations

from scenario.controllers.controller import Controller, story
from scenario.controllers.objects import config, placed


def told(one: Controller) -> list[tuple[str, str, bool]]:
    """Return reason, message and weight of each Event."""
    return [(event.reason, event.message, event.is_warning) for event in one.events]


@story
async def test_automation_that_does_what_git_says_is_no_event(one: Controller) -> None:
    one.commit(config("one"))
    one.apply_app()
    await one.until(lambda: one.sync() == "Synced")
    assert told(one) == []


@story
async def test_an_undone_edit_is_told_with_who_made_it(one: Controller) -> None:
    one.commit(config("one"))
    one.apply_app()
    await one.until(lambda: one.sync() == "Synced")
    one.edit(placed(config("one", "by hand")))
    await one.until(lambda: one.events)
    assert told(one) == [
        ("SelfHealed", "self-heal: drift by kubectl-edit: ConfigMap shop/one", False)
    ]


@story
async def test_a_sync_that_a_person_asked_for_is_told(one: Controller) -> None:
    sha = one.commit(config("one"))
    one.apply_app(syncPolicy={})
    one.ask()
    await one.until(lambda: one.phase() == "Succeeded")
    message = f"Sync operation to {sha} succeeded: successfully synced (all tasks run)"
    assert told(one) == [("OperationCompleted", message, False)]


@story
async def test_a_sync_that_failed_is_a_warning(one: Controller) -> None:
    one.commit(config("one"), config("two"))
    one.apply_app(destination={"name": "target", "namespace": "nowhere"})
    await one.until(lambda: one.events)
    ((reason, message, is_warning), *_) = told(one)
    assert (reason, is_warning) == ("OperationCompleted", True)
    assert "failed" in message
    assert "nowhere" in message
