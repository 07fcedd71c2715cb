"""Steps ``push`` and ``revert``: a commit for the whole fleet, and back."""

from collections.abc import Mapping

from trimtab.bootstrap.demo.content import FIRST_TAG, set_tag
from trimtab.bootstrap.demo.sights import APPLICATION, comparable
from trimtab.bootstrap.demo.turning import push_image, spread
from trimtab.bootstrap.demo.world import HUB, World, first_few, require
from trimtab.core import JsonObject, JsonValue
from trimtab.core.manifest import ObjectKey

NEW_TAG = "1.1.0"
_PUSH_SECONDS = 120.0
_SETTLE_SECONDS = 120.0


async def push(world: World) -> str:
    """Push a new image tag for all clusters; the clock starts just before ``git push``."""
    await world.watching.quiet(seconds=1.0, within=_SETTLE_SECONDS, hub=HUB)
    world.history.before_push = managed_objects(world)
    await change_tag(world, NEW_TAG)
    world.history.pushed = await world.checkout.commit(f"Release {NEW_TAG} to the whole fleet")
    world.history.to_revert.insert(0, world.history.pushed)
    turning = await push_image(world, world.places, within=_PUSH_SECONDS)
    world.numbers.push_to_cluster = sorted(turning.turned.values())
    world.numbers.push_healthy = sorted(turning.healthy.values())
    for name in sorted(turning.turned, key=lambda name: turning.turned[name]):
        turned, healthy = turning.turned[name], turning.healthy[name]
        world.reporter.say(f"  {name:<12} turned {turned:6.3f} s   Healthy {healthy:6.3f} s")
    require(not turning.refusal, f"the push arrived, but its webhook did not: {turning.refusal}")
    return (
        f"{len(turning.turned)} clusters run {NEW_TAG}: {spread(world.numbers.push_to_cluster)}; "
        f"Healthy: {spread(world.numbers.push_healthy)}"
    )


async def revert(world: World) -> str:
    """Revert everything since the push, and compare the fleet with what it was before."""
    commits = world.history.to_revert
    require(world.history.pushed in commits, "the push step pushed nothing that could be reverted")
    await world.checkout.revert(commits)
    before = world.history.before_push
    world.history.tag = FIRST_TAG
    turning = await push_image(world, world.places, within=_PUSH_SECONDS)
    await world.settled(within=_SETTLE_SECONDS)
    await world.watching.quiet(seconds=1.0, within=_SETTLE_SECONDS, hub=HUB)
    different = _differences(before, managed_objects(world))
    require(not different, f"not as before the push: {first_few(different)}")
    count = sum(len(objects) for objects in before.values())
    return (
        f"{len(commits)} commits reverted by one push; {count} managed objects on "
        f"{len(before)} clusters, the hub's Applications among them, equal those before the push, "
        f"uid included (compared without "
        f"managedFields, resourceVersion, generation, status and the Deployment controller's "
        f"revision annotation); {spread(list(turning.turned.values()))}"
    )


async def change_tag(world: World, tag: str) -> None:
    """Change the image tag of the whole fleet in the working folder."""
    set_tag(world.checkout.folder, world.history.tag, tag)
    world.history.tag = tag


def managed_objects(world: World) -> dict[str, dict[ObjectKey, JsonObject]]:
    """Return every managed object in its comparable form, by cluster; on the hub, Applications."""
    found = {
        place.name: {live.key: comparable(live) for live in world.managed(place)}
        for place in world.places
    }
    applications = world.watching.objects(HUB, APPLICATION)
    found[HUB] = {live.key: comparable(live) for live in applications}
    return found


def _differences(
    before: dict[str, dict[ObjectKey, JsonObject]], after: dict[str, dict[ObjectKey, JsonObject]]
) -> list[str]:
    found: list[str] = []
    for name, objects in before.items():
        now = after[name]
        for key in sorted(objects.keys() | now.keys()):
            if key not in now:
                found.append(f"{key} on {name} is gone")
            elif key not in objects:
                found.append(f"{key} on {name} is new")
            elif objects[key] != now[key]:
                found.append(f"{key} on {name} differs: {_first_change(objects[key], now[key])}")
    return found


def _first_change(before: JsonValue, after: JsonValue, path: str = "") -> str:
    """Return where two JSON values differ first, with both values."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted(before.keys() | after.keys()):
            one, other = before.get(name), after.get(name)
            if one != other:
                return _first_change(one, other, f"{path}.{name}")
    return f"{path.lstrip('.')}: {before!r} then, {after!r} now"
