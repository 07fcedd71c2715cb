"""Drift: what is put back, by whom it was changed, and how two controllers do not fight."""

from __future__ import annotations

import itertools

from scenario.controllers.controller import Controller, story
from scenario.controllers.objects import config, named, placed
from trimtab.ports.cluster import Forbidden

_HAND = placed(config("one", "by hand"))


async def delivered(one: Controller, **spec: object) -> None:
    one.commit(config("one"), config("two"))
    one.apply_app(**spec)
    await one.passed()
    assert one.sync() == "Synced"
    one.target.requests.clear()


def value(one: Controller) -> str:
    return one.live("one")["data"]["value"]


@story
async def test_a_changed_value_is_put_back_at_once_by_one_request(one: Controller) -> None:
    await delivered(one)
    one.edit(_HAND)
    assert value(one) == "by hand"
    await one.passed(0.001)
    assert value(one) == "1"
    assert [(r.verb, r.key.name, r.dry_run) for r in one.target.requests] == [
        ("apply", "one", False)
    ]
    healed = one.ledger.entries[-1]
    assert (healed.kind, healed.outcome) == ("self-heal", "Succeeded")
    assert "kubectl-edit" in healed.reason


@story
async def test_a_deleted_object_comes_back(one: Controller) -> None:
    await delivered(one)
    before = one.live("one")["metadata"]["uid"]
    one.target.vanish(one.stored("one").key)
    await one.until(lambda: "one" in one.names())
    assert one.live("one")["metadata"]["uid"] != before


@story
async def test_a_namespace_that_is_wiped_comes_back_with_create_namespace(one: Controller) -> None:
    policy = {"automated": {"selfHeal": True}, "syncOptions": ["CreateNamespace=true"]}
    await delivered(one, syncPolicy=policy)
    key = named("Namespace", "shop")
    one.target.vanish(one.target.seed(key).key)
    assert one.names() == set()
    await one.until(lambda: one.names() == {"one", "two"})


@story
async def test_what_others_add_stays(one: Controller) -> None:
    await delivered(one)
    one.edit({**one.live("one"), "data": {"value": "1", "theirs": "x"}})
    await one.passed(60)
    assert one.live("one")["data"] == {"value": "1", "theirs": "x"}
    assert (one.sync(), one.writes()) == ("Synced", [])


@story
async def test_without_self_heal_drift_is_shown_and_left(one: Controller) -> None:
    await delivered(one, syncPolicy={"automated": {}})
    one.edit(_HAND)
    await one.passed(3600)
    assert (one.sync(), value(one), one.writes()) == ("OutOfSync", "by hand", [])


@story
async def test_two_controllers_never_fight_at_full_speed(one: Controller) -> None:
    await delivered(one)
    fights: list[float] = []

    def other(_: object) -> None:
        if one.stored("one") is not None and value(one) != "theirs":
            fights.append(one.clock.monotonic())
            one.edit(placed(config("one", "theirs")), manager="other-controller")

    stop = one.target.subscribe(other)
    one.edit(placed(config("one", "theirs")), manager="other-controller")
    await one.passed(3600)
    stop()
    waits = [round(later - earlier) for earlier, later in itertools.pairwise(fights)]
    assert waits[:15] == [0] * 9 + [2, 6, 18, 54, 162, 300]
    assert set(waits[15:]) == {300}
    assert "other-controller" in one.conditions()["DriftContended"]


@story
async def test_a_failing_heal_is_not_tried_hot(one: Controller) -> None:
    await delivered(one)
    one.target.refuse(lambda r: r.verb == "apply", Forbidden(403, "Forbidden", "no"))
    one.edit(_HAND)
    await one.passed(600)
    assert 2 <= len(one.writes()) <= 20
    assert "no" in one.conditions()["SyncError"]


@story
async def test_values_of_secrets_are_told_nowhere(one: Controller) -> None:
    secret = named("Secret", "keys", data={"password": "aHVudGVyMg=="})
    one.commit(secret)
    one.apply_app()
    await one.passed()
    one.edit(placed({**secret, "data": {"password": "c3RvbGVu"}}))
    await one.until(lambda: one.ledger.entries[-1].kind == "self-heal")
    said = f"{one.app()}{one.ledger.entries}"
    assert "aHVudGVyMg" not in said
    assert "c3RvbGVu" not in said
    assert one.live("keys", "Secret")["data"] == {"password": "aHVudGVyMg=="}
