"""Step ``bad-commit``: broken YAML, then a chart that fails to render."""

from collections.abc import Callable
from pathlib import Path

from trimtab.bootstrap.demo.content import break_chart, break_yaml
from trimtab.bootstrap.demo.places import Place, SourceKind
from trimtab.bootstrap.demo.sights import APPLICATION, identities
from trimtab.bootstrap.demo.world import HUB, World, first_few, require
from trimtab.core.manifest import ObjectKey, digest_of

_SECONDS = 90.0


async def bad_commit(world: World) -> str:
    """Push two bad commits; people are told, and no managed object changes."""
    await world.watching.quiet(seconds=1.0, within=_SECONDS, hub=HUB)
    before = _snapshot(world)
    told = [
        await _break(world, "Announce the sale", break_yaml, SourceKind.DIRECTORY),
        await _break(world, "Name the image's owner", break_chart, SourceKind.HELM),
    ]
    await world.watching.quiet(seconds=1.0, within=_SECONDS, hub=HUB)
    changed = _changes(before, _snapshot(world))
    require(not changed, f"a bad commit changed objects: {first_few(changed)}")
    count = sum(len(objects) for name, objects in before.items() if name != HUB)
    return (
        f"no uid and no resourceVersion of {count} managed objects changed on "
        f"{len(world.places)} clusters; people are told: {'; '.join(told)}"
    )


async def _break(
    world: World, message: str, change: Callable[[Path], None], kind: SourceKind
) -> str:
    """Commit and push something broken; return what one of the affected Applications says."""
    change(world.checkout.folder)
    commit = await world.checkout.commit(message)
    world.history.to_revert.insert(0, commit)
    affected = [place for place in world.places if place.kind is kind]
    await world.checkout.push()
    await world.watching.until(
        lambda: not _silent(world, affected, commit),
        within=_SECONDS,
        missing=lambda: (
            f"no condition names {commit[:8]}: {first_few(_silent(world, affected, commit))}"
        ),
    )
    text = _complaint(world, affected[0], commit)
    world.reporter.say(f"  {affected[0].app}: {text}")
    return f"{len(affected)} {kind} Applications name {commit[:8]}, {text}"


def _silent(world: World, affected: list[Place], commit: str) -> list[str]:
    """Return the affected Applications that do not name the commit, with what they say instead."""
    found = world.applications()
    return [
        f"{place.app} is {found.get(place.app)}"
        for place in affected
        if not _complaint(world, place, commit)
    ]


def _complaint(world: World, place: Place, commit: str) -> str:
    sight = world.applications().get(place.app)
    named = [
        f"{kind}: {text}" for kind, text in (sight.conditions if sight else ()) if commit in text
    ]
    return named[0] if named else ""


def _snapshot(world: World) -> dict[str, dict[ObjectKey, tuple[str, str]]]:
    """Return uid and resourceVersion of what the targets hold, uid and spec of the Applications.

    An Application's own resourceVersion changes when its status tells about the bad commit.
    """
    found = {place.name: identities(world.managed(place)) for place in world.places}
    found[HUB] = {
        live.key: (live.meta.uid, digest_of(live.body().get("spec")))
        for live in world.watching.objects(HUB, APPLICATION)
    }
    return found


def _changes(
    before: dict[str, dict[ObjectKey, tuple[str, str]]],
    after: dict[str, dict[ObjectKey, tuple[str, str]]],
) -> list[str]:
    return [
        f"{key} on {name}"
        for name, objects in before.items()
        for key in sorted(objects.keys() | after[name].keys())
        if objects.get(key) != after[name].get(key)
    ]
