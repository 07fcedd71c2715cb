"""The deletion budget: a wrong commit stops, and exactly that plan is released."""

from __future__ import annotations

import re

from scenario.controllers.controller import Controller, story
from scenario.controllers.objects import config
from trimtab.core.plan import DeletionBudget

_SIX = [config(f"c{number}") for number in range(6)]
_DIGEST = re.compile(r"onfirm (?:it|this plan) with (\w+)")
_CONFIRM = "trimtab.dev/confirm-plan"


def stop(one: Controller, name: str = "shop") -> str:
    """Return why a plan is stopped; empty when none is."""
    return one.conditions(name).get("DeletionBudgetExceeded", "")


async def stopped(one: Controller, name: str = "shop") -> str:
    """Wait until a plan is stopped, and return the digest that releases it."""
    await one.until(lambda: stop(one, name))
    found = re.search(
        r"onfirm (?:it|this plan) with (\w+)", one.conditions(name)["DeletionBudgetExceeded"]
    )
    assert found
    return found[1]


async def delivered(one: Controller) -> None:
    one.commit(*_SIX)
    one.apply_app()
    await one.passed()
    assert len(one.names()) == 6
    one.target.requests.clear()


@story
async def test_most_of_a_delivery_is_not_deleted_by_a_commit(one: Controller) -> None:
    await delivered(one)
    one.commit(config("c5", "2"), without=["c0", "c1", "c2", "c3"])
    await stopped(one)
    for _ in range(60):
        await one.passed(60)
        assert stop(one)
    assert (one.writes(), len(one.names())) == ([], 6)
    assert "4 of 6 objects" in stop(one)
    # It is looked at again and again, and told once.
    assert one.outcomes() == [("sync", "Succeeded"), ("sync", "Failed")]
    assert "delete" in str(one.ledger.entries[-1].detail) + one.ledger.entries[-1].reason


@story
async def test_a_stopped_plan_of_a_sync_by_hand_stays_told(one: Controller) -> None:
    await delivered(one)
    one.change_app(spec={**one.app()["spec"], "syncPolicy": {}})
    one.commit(without=["c0", "c1", "c2", "c3"])
    one.ask(prune=True)
    digest = await stopped(one)
    await one.passed(3600)
    assert await stopped(one) == digest
    one.commit(*_SIX)
    await one.until(lambda: one.sync() == "Synced")
    assert one.conditions() == {}


@story
async def test_without_self_heal_a_stopped_plan_stays_told(one: Controller) -> None:
    await delivered(one)
    one.change_app(spec={**one.app()["spec"], "syncPolicy": {"automated": {"prune": True}}})
    one.commit(without=["c0", "c1", "c2", "c3"])
    digest = await stopped(one)
    await one.passed(3600)
    assert await stopped(one) == digest
    assert (one.writes(), len(one.names())) == ([], 6)


@story
async def test_the_digest_releases_exactly_that_plan(one: Controller) -> None:
    await delivered(one)
    one.commit(without=["c0", "c1", "c2", "c3"])
    first = await stopped(one)
    one.commit(without=["c4"])
    await one.until(lambda: "5 of 6" in stop(one))
    second = await stopped(one)
    one.annotate(**{_CONFIRM: first})
    await one.passed(60)
    assert (one.writes(), second != first) == ([], True)
    one.annotate(**{_CONFIRM: second})
    await one.until(lambda: one.names() == {"c5"})
    await one.until(lambda: one.sync() == "Synced")
    assert one.conditions() == {}


@story
async def test_a_confirmation_is_good_after_a_restart(one: Controller) -> None:
    await delivered(one)
    one.commit(without=["c0", "c1", "c2", "c3"])
    digest = await stopped(one)
    await one.restart()
    await one.passed(60)
    assert (one.writes(), await stopped(one)) == ([], digest)
    one.annotate(**{_CONFIRM: digest})
    await one.until(lambda: one.names() == {"c4", "c5"})


@story
async def test_another_object_under_the_same_name_was_not_confirmed(one: Controller) -> None:
    await delivered(one)
    one.commit(without=["c0", "c1", "c2", "c3"])
    digest = await stopped(one)
    key = one.stored("c0").key
    again = {**one.live("c0")}
    again["metadata"] = {k: v for k, v in again["metadata"].items() if k != "uid"}
    one.target.vanish(key)
    one.edit(again)
    one.annotate(**{_CONFIRM: digest})
    await one.passed(60)
    assert len(one.names()) == 6
    assert await stopped(one) != digest


@story
async def test_a_commit_that_empties_the_fleet_stops(one: Controller) -> None:
    """Each delivery keeps to its own budget; together they pass that of the fleet."""
    await one.configure(budget=DeletionBudget(fleet_max=10))
    apps = [f"shop{number}" for number in range(5)]
    one.commit(*_SIX)
    for name in apps:
        one.target.seed({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        one.apply_app(name, destination={"name": "target", "namespace": name})
    await one.until(lambda: all(one.sync(name) == "Synced" for name in apps))
    one.target.requests.clear()
    one.commit(without=["c0", "c1", "c2"])
    await one.passed(60)
    halted = [name for name in apps if stop(one, name)]
    assert (len(one.writes()), len(halted)) == (9, 2)
    assert "12 objects over the fleet, more than 10" in stop(one, halted[0])
    await one.restart()
    await one.passed(3600)
    assert (len(one.writes()), len([n for n in apps if stop(one, n)])) == (9, 2)
    one.annotate(halted[0], **{_CONFIRM: await stopped(one, halted[0])})
    await one.until(lambda: one.sync(halted[0]) == "Synced")
    assert len(one.writes()) == 12


@story
async def test_an_empty_folder_deletes_nothing(one: Controller) -> None:
    await delivered(one)
    one.commit(without=[f"c{number}" for number in range(6)])
    await one.passed(60)
    assert (one.writes(), len(one.names())) == ([], 6)
