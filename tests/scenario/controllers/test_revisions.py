"""Which commit a target revision means."""

from __future__ import annotations

from scenario.controllers.controller import URL, Controller, story
from scenario.controllers.objects import config


@story
async def test_a_range_follows_the_tags_of_its_prefix(one: Controller) -> None:
    first = one.commit(config("one"))
    one.source.tag(URL, "shop-1.0.0", first)
    source = {"repoURL": URL, "path": "app", "targetRevision": "1.*", "tagPrefix": "shop-"}
    one.apply_app(source=source)
    await one.until(lambda: one.sync() == "Synced")
    assert one.status()["sync"]["revision"] == first
    other = one.commit(config("one", "2"))
    one.source.tag(URL, "depot-1.5.0", other)
    await one.passed(600)
    assert one.status()["sync"]["revision"] == first
    one.source.tag(URL, "shop-1.1.0", other)
    await one.until(lambda: one.status()["sync"]["revision"] == other)
    assert one.live("one")["data"] == {"value": "2"}
    assert "UnsupportedField" not in one.conditions()
