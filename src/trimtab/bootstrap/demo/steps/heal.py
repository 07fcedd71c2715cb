"""Step ``self-heal``: a Deployment is edited by hand ten times in a row."""

import time
from dataclasses import dataclass
from statistics import median

import msgspec

from trimtab.bootstrap.demo.content import IMAGE
from trimtab.bootstrap.demo.places import NAMESPACE, Place
from trimtab.bootstrap.demo.sights import DEPLOYMENT, fields_of, image_of
from trimtab.bootstrap.demo.world import World, require
from trimtab.core.manifest import LiveObject, ObjectKey
from trimtab.ports.cluster import WatchEvent, Write

EDITS = 10
MANAGER = "kubectl-edit"
_HEAL_SECONDS = 30.0
_WEB = ObjectKey(DEPLOYMENT.group, DEPLOYMENT.kind, NAMESPACE, "web")


@dataclass(frozen=True, slots=True)
class Healed:
    """One edit and what became of it.

    Args:
        seconds: From just before the edit's request until a watch showed the old value.
        edited: Fields that the editor owned right after its edit.
        restorer: Manager that owns the image afterwards.
    """

    seconds: float
    edited: tuple[str, ...]
    restorer: str


async def self_heal(world: World) -> str:
    """Edit one Deployment's image by hand, ten times in a row."""
    place = world.places[0]
    found = [await _edit_once(world, place, number + 1) for number in range(EDITS)]
    world.numbers.heal = [one.seconds for one in found]
    world.history.healed = (place.app, EDITS)
    for number, one in enumerate(found, start=1):
        world.reporter.say(
            f"  edit {number:>2}: {MANAGER} set {', '.join(one.edited)}; "
            f"{one.restorer} set it back after {one.seconds * 1000:.0f} ms"
        )
    restorers = sorted({one.restorer for one in found})
    fields = sorted({name for one in found for name in one.edited})
    return (
        f"{EDITS} edits of Deployment web on {place.name} undone: "
        f"median {median(world.numbers.heal):.3f} s, most {max(world.numbers.heal):.3f} s; "
        f"{MANAGER} had changed {', '.join(fields)}, {', '.join(restorers)} restored it"
    )


async def _edit_once(world: World, place: Place, number: int) -> Healed:
    wanted, edited = world.image, f"{IMAGE}:by-hand-{number}"
    before = world.web(place)
    require(before and image_of(before) == wanted, f"web on {place.name} does not run {wanted}")
    seen: list[tuple[float, LiveObject]] = []

    def note(name: str, event: WatchEvent) -> None:
        if name == place.name and event.live.key == _WEB:
            seen.append((time.monotonic(), event.live))

    stop = world.watching.subscribe(note)
    try:
        started = time.monotonic()
        written = await _edit(world, place, edited)
        version = int(written.meta.resource_version)

        def restored() -> tuple[float, LiveObject] | None:
            return next(
                (
                    (at, live)
                    for at, live in seen
                    if int(live.meta.resource_version) > version and image_of(live) == wanted
                ),
                None,
            )

        found = await world.watching.until(
            restored,
            within=_HEAL_SECONDS,
            missing=lambda: f"edit {number}: web on {place.name} still runs {edited}",
        )
    finally:
        stop()
    assert found is not None
    at, live = found
    return Healed(at - started, _spec_fields(written, MANAGER), _owner_of_image(live))


async def _edit(world: World, place: Place, image: str) -> LiveObject:
    container = {"name": "web", "image": image}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    written = await world.watching.cluster(place.name).patch(
        _WEB, "strategic", msgspec.json.encode(patch), Write(manager=MANAGER)
    )
    return written.live


def _spec_fields(live: LiveObject, manager: str) -> tuple[str, ...]:
    return tuple(name for name in fields_of(live, manager) if name.startswith("spec"))


def _owner_of_image(live: LiveObject) -> str:
    managers = {entry.manager for entry in live.meta.managed_fields or ()}
    owners = [
        manager
        for manager in sorted(managers)
        if any(name.endswith(".image") for name in fields_of(live, manager))
    ]
    return " and ".join(owners) or "nobody"
