"""What somebody changes by hand is changed back; two controllers never fight at full speed."""

from __future__ import annotations

import json

from e2e.delivery import deliver
from e2e.installation import Case
from e2e.objects import config, data_of, deployment, version_of

NO_HEAL = {"automated": {"selfHeal": False, "prune": True}}


async def test_a_changed_value_is_restored(case: Case) -> None:
    await deliver(case, {"app/web.yaml": deployment("web", replicas=2)})
    await case.target.patch("apps/Deployment", "web", case.namespace, {"spec": {"replicas": 5}})
    await case.target.until(
        "apps/Deployment", "web", case.namespace, lambda b: b and b["spec"]["replicas"] == 2
    )


async def test_a_heal_is_one_write(case: Case) -> None:
    """The resourceVersion after a heal is the next version after the edit, of that object."""
    app = await deliver(case, {"app/one.yaml": config("one"), "app/two.yaml": config("two")})
    two = await case.target.get("ConfigMap", "two", case.namespace)
    edited = await case.target.patch("ConfigMap", "one", case.namespace, {"data": {"value": "x"}})
    healed = await case.target.until(
        "ConfigMap",
        "one",
        case.namespace,
        lambda b: data_of(b) == {"value": "1"} and version_of(b) > version_of(edited),
    )
    await app.until(lambda a: a.sync == "Synced" and a.phase == "Succeeded")
    assert version_of(await case.target.get("ConfigMap", "one", case.namespace)) == version_of(
        healed
    )
    assert await case.target.get("ConfigMap", "two", case.namespace) == two
    log = await case.installation.trimtab("log", "--app", app.name, "-o", "json")
    assert "self-heal: drift by test" in log.stdout, log.stdout + log.stderr


async def test_a_removed_field_is_restored_and_an_added_one_stays(case: Case) -> None:
    await deliver(case, {"app/one.yaml": config("one")})
    change = {"data": {"value": None, "theirs": "x"}}
    await case.target.patch("ConfigMap", "one", case.namespace, change)
    await case.target.until(
        "ConfigMap", "one", case.namespace, lambda b: data_of(b) == {"value": "1", "theirs": "x"}
    )


async def test_an_object_deleted_by_hand_comes_back(case: Case) -> None:
    app = await deliver(case, {"app/one.yaml": config("one")})
    await case.target.delete("ConfigMap", "one", case.namespace)
    await case.target.until(
        "ConfigMap", "one", case.namespace, lambda b: data_of(b) == {"value": "1"}
    )
    await app.until(lambda a: a.sync == "Synced")


async def test_without_self_heal_drift_is_shown_and_left(case: Case) -> None:
    app = await deliver(case, {"app/one.yaml": config("one")}, syncPolicy=NO_HEAL)
    await case.target.patch("ConfigMap", "one", case.namespace, {"data": {"value": "x"}})
    await app.until(lambda a: a.sync == "OutOfSync")
    assert data_of(await case.target.get("ConfigMap", "one", case.namespace)) == {"value": "x"}
    sha = await case.commit({"app/one.yaml": config("one", "2")})
    await app.delivered(sha)


async def test_two_controllers_do_not_fight_at_full_speed(case: Case) -> None:
    app = await deliver(case, {"app/one.yaml": config("one"), "app/two.yaml": config("two")})
    for edit in range(10):
        change = {"data": {"value": f"edit {edit}"}}
        edited = version_of(await case.target.patch("ConfigMap", "one", case.namespace, change))
        await case.target.until(
            "ConfigMap",
            "one",
            case.namespace,
            lambda b, since=edited: data_of(b) == {"value": "1"} and version_of(b) > since,
        )
    await case.target.patch("ConfigMap", "one", case.namespace, {"data": {"value": "again"}})
    view = await app.until(lambda a: a.has("DriftContended", "test"))
    assert "ConfigMap" in view.conditions["DriftContended"]
    # Another object is healed at once meanwhile, and the contended one after its wait.
    await case.target.patch("ConfigMap", "two", case.namespace, {"data": {"value": "x"}})
    await case.target.until(
        "ConfigMap", "two", case.namespace, lambda b: data_of(b) == {"value": "1"}
    )
    await case.target.until(
        "ConfigMap", "one", case.namespace, lambda b: data_of(b) == {"value": "1"}
    )
    await app.until(lambda a: a.sync == "Synced" and not a.has("DriftContended"))


async def test_fields_of_others_are_no_drift(case: Case) -> None:
    app = await deliver(case, {"app/one.yaml": config("one")})
    before = app.view.body["metadata"]["resourceVersion"]
    change = {"metadata": {"labels": {"theirs": "x"}}, "data": {"theirs": "x"}}
    body = await case.target.patch("ConfigMap", "one", case.namespace, change)
    await app.refresh()
    await app.until(lambda a: "annotations" not in a.body["metadata"])
    found = await case.target.get("ConfigMap", "one", case.namespace)
    assert version_of(found) == version_of(body)
    assert app.view.sync == "Synced"
    assert before


async def test_an_edit_that_needs_no_write_is_none(case: Case) -> None:
    """An apply of what is there already leaves the resourceVersion, and the ledger, alone."""
    app = await deliver(case, {"app/one.yaml": config("one")})
    found = await case.target.get("ConfigMap", "one", case.namespace)
    await app.start()
    asked = {"username": "dana"}
    await app.until(
        lambda a: a.operation["operation"]["initiatedBy"] == asked and a.phase == "Succeeded"
    )
    now = await case.target.get("ConfigMap", "one", case.namespace)
    assert json.dumps(now, sort_keys=True) == json.dumps(found, sort_keys=True)
