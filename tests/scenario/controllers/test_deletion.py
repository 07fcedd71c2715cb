"""Deleting an Application: in which order its objects go, what stays, and what keeps it."""

from __future__ import annotations

import json

from scenario.controllers.controller import Controller, story
from scenario.controllers.deletions import delivered, error
from scenario.controllers.objects import (
    NAMESPACE,
    PLACE,
    config,
    named,
)
from trimtab.core.manifest import Manifest, manifest_of
from trimtab.ports.cluster import Forbidden
from trimtab.services.registry import cluster_secret


@story
async def test_objects_go_in_reverse_order_of_their_waves(one: Controller) -> None:
    await delivered(one, config("a"), config("b", wave="1"), config("c", wave="2"))
    await one.delete_app()
    await one.until(lambda: not one.app())
    assert one.writes() == [("delete", "c"), ("delete", "b"), ("delete", "a")]
    assert one.outcomes()[-1] == ("delete", "Succeeded")


@story
async def test_an_object_that_is_held_is_waited_for(one: Controller) -> None:
    await delivered(one, config("a"), config("b", wave="1"))
    held = one.live("b")
    one.edit({**held, "metadata": {**held["metadata"], "finalizers": ["example.com/theirs"]}})
    await one.delete_app()
    await one.passed(60)
    assert (one.names(), error(one)) == ({"a", "b"}, "")
    await one.until(lambda: "shop/b (finalizers: example.com/theirs" in error(one))
    one.edit({**one.live("b"), "metadata": {**one.live("b")["metadata"], "finalizers": []}})
    await one.until(lambda: not one.app())
    assert one.names() == set()


@story
async def test_a_refused_deletion_is_named_and_tried_again(one: Controller) -> None:
    await delivered(one, config("a"))
    allow = one.target.refuse(
        lambda r: r.verb == "delete", Forbidden(403, "Forbidden", "this account may not")
    )
    await one.delete_app()
    await one.until(lambda: "this account may not" in error(one))
    assert "ConfigMap shop/a" in error(one)
    allow()
    await one.until(lambda: not one.app())
    assert one.names() == set()


@story
async def test_a_destination_that_was_not_read_yet_is_waited_for(one: Controller) -> None:
    """At a start Applications may come before the Secrets of their clusters."""
    await delivered(one, config("a"))
    settings = one.clusters.settings(one.target.server)
    assert settings is not None
    one.hub.seed(cluster_secret(settings, NAMESPACE))
    await one.clusters.remove(one.target.server)
    await one.delete_app()
    await one.until(lambda: error(one))
    assert one.app()
    await one.clusters.put(settings)
    await one.until(lambda: not one.app())
    assert one.names() == set()


@story
async def test_a_project_that_is_gone_leaves_no_objects_behind(one: Controller) -> None:
    await delivered(one, config("a"))
    spec = {**one.app()["spec"], "project": "gone"}
    one.change_app(spec=spec)
    await one.passed()
    await one.delete_app()
    await one.until(lambda: not one.app())
    assert one.names() == set()


@story
async def test_what_is_to_stay_stays(one: Controller) -> None:
    definition = named(
        "CustomResourceDefinition",
        "buoys.example.com",
        "apiextensions.k8s.io/v1",
        spec={
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "buoys", "kind": "Buoy"},
            "versions": [{"name": "v1", "served": True}],
        },
    )
    await delivered(one, config("a"), config("kept", options="Delete=false"), definition)
    await one.delete_app()
    await one.until(lambda: not one.app())
    assert one.names() == {"kept"}
    assert one.target.stored(_key(definition)) is not None


@story
async def test_an_approval_must_be_younger_than_the_deletion(one: Controller) -> None:
    await delivered(one, config("a", options="Delete=confirm"))
    approved = "argocd.argoproj.io/deletion-approved"
    one.annotate(**{approved: one.clock.now().isoformat()})
    await one.passed(60)
    await one.delete_app()
    await one.until(lambda: "ConfigMap shop/a" in error(one))
    await one.passed(60)
    one.annotate(**{approved: one.clock.now().isoformat()})
    await one.until(lambda: not one.app())
    assert one.names() == set()


@story
async def test_objects_of_others_and_copies_of_controllers_are_not_touched(
    one: Controller,
) -> None:
    await delivered(one, config("a"))
    marks = one.live("a")["metadata"]["annotations"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u", "controller": True}
    meta = {"name": "a-copy", "namespace": PLACE, "annotations": marks, "ownerReferences": [owner]}
    one.edit({**config("a-copy"), "metadata": meta})
    one.edit({**config("theirs"), "metadata": {"name": "theirs", "namespace": PLACE}})
    await one.delete_app()
    await one.until(lambda: not one.app())
    assert one.names() == {"a-copy", "theirs"}


@story
async def test_without_the_lease_nothing_is_deleted(one: Controller) -> None:
    await delivered(one, config("a"))
    one.is_leader = False
    await one.delete_app()
    await one.passed(60)
    assert one.names() == {"a"}


def _key(body: object) -> object:
    made: Manifest = manifest_of(json.loads(json.dumps(body)))
    return made.key
