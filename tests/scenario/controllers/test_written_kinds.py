"""Kinds are recorded before their first object is written: what a crash leaves can be found."""

from __future__ import annotations

from scenario.controllers.controller import Controller, story
from scenario.controllers.objects import NAMESPACE, config, named
from trimtab.ports.cluster import ClusterUnreachable
from trimtab.services.written_kinds import WrittenKinds
from trimtab.testing.cluster import Request


@story
async def test_a_kind_is_recorded_before_its_first_object_is_written(one: Controller) -> None:
    unrecorded: list[str] = []

    def looks(request: Request) -> bool:
        """See each write to the target cluster, and refuse none."""
        recorded = WrittenKinds(one.hub, NAMESPACE).of(one.target.server)
        is_write = request.verb == "apply" and not request.dry_run
        if is_write and request.key.group_kind not in recorded:
            unrecorded.append(str(request.key))
        return False

    one.target.refuse(looks, ClusterUnreachable("ClusterUnreachable", "never said"))
    one.commit(config("one"))
    one.apply_app()
    await one.until(lambda: one.sync() == "Synced")
    one.commit(named("Secret", "two"))
    await one.until(lambda: one.stored("two", "Secret") and one.sync() == "Synced")
    assert unrecorded == []


@story
async def test_nothing_is_written_when_its_kind_cannot_be_recorded(one: Controller) -> None:
    lost = ClusterUnreachable("ClusterUnreachable", "the hub is full")
    again = one.hub.refuse(lambda request: request.key.kind == "ConfigMap", lost)
    one.commit(config("one"))
    one.apply_app()
    await one.passed(30)
    assert one.writes() == []
    again()
    await one.until(lambda: one.sync() == "Synced")
    assert one.names() == {"one"}


@story
async def test_a_second_application_of_the_same_kinds_records_nothing(one: Controller) -> None:
    one.commit(config("one"))
    one.apply_app()
    await one.until(lambda: one.sync() == "Synced")
    before = len(one.hub.requests)
    one.apply_app("other", source={"repoURL": "https://git.example.com/shop.git", "path": "more"})
    one.source.commit("https://git.example.com/shop.git", {"more/two.json": _TWO})
    await one.until(lambda: one.sync("other") == "Synced")
    kinds = [request.key.kind for request in one.hub.requests[before:]]
    assert "ConfigMap" not in kinds


_TWO = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two"}}'
