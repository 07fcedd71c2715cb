"""Step ``guard``: a commit that deletes most of an application stops, and is released."""

import re

from trimtab.bootstrap.demo.applications import FLAGS_APP, FLAGS_NAMESPACE
from trimtab.bootstrap.demo.content import delete_most_flags, flag_files
from trimtab.bootstrap.demo.sights import CONFIG_MAP, is_managed
from trimtab.bootstrap.demo.world import World, require

_CONDITION = "DeletionBudgetExceeded"
_DIGEST = re.compile(r"[Cc]onfirm it with (\w+)")
_SECONDS = 90.0


async def guard(world: World) -> str:
    """Delete most feature flags in Git; confirm the plan by its digest."""
    before = flags(world)
    doomed = delete_most_flags(world.checkout.folder)
    await world.checkout.commit("Drop the old feature flags")
    await world.checkout.push()
    message = await world.watching.until(
        lambda: _condition(world),
        within=_SECONDS,
        missing=lambda: (
            f"no condition {_CONDITION}: {world.applications().get(FLAGS_APP)}, "
            f"{len(flags(world))} of {len(before)} ConfigMaps left"
        ),
    )
    digest = _DIGEST.search(message)
    require(digest, f"condition {_CONDITION} names no digest: {message}")
    assert digest is not None
    shown = await world.trimtab("app", "diff", FLAGS_APP)
    world.reporter.say(f"  {_CONDITION}: {message}")
    for line in (shown.out or shown.err).splitlines()[:20]:
        world.reporter.say(f"  | {line}")
    require(shown.code in (0, 1), f"`trimtab app diff {FLAGS_APP}` failed: {shown.err.strip()}")
    held = flags(world)
    require(held == before, f"{len(before) - len(held)} ConfigMaps went before the release")
    released = await world.trimtab(
        "app", "sync", FLAGS_APP, "--confirm", digest.group(1), "--prune"
    )
    require(released.code == 0, f"the release failed: {(released.err or released.out).strip()}")
    left = {path.stem for path in flag_files(world.checkout.folder)}
    await world.watching.until(
        lambda: flags(world) == left,
        within=_SECONDS,
        missing=lambda: f"{len(flags(world))} ConfigMaps left, expected {len(left)}",
    )
    await world.settled(within=_SECONDS)
    return (
        f"a commit that deletes {doomed} of {len(before)} objects stopped with {_CONDITION}, "
        f"nothing was deleted; released by digest {digest.group(1)}, {len(left)} objects are left"
    )


def flags(world: World) -> set[str]:
    """Return the names of the feature flags that their cluster holds."""
    place = world.places[0]
    return {
        live.key.name
        for live in world.watching.objects(place.name, CONFIG_MAP)
        if live.key.namespace == FLAGS_NAMESPACE and is_managed(live)
    }


def _condition(world: World) -> str:
    sight = world.applications().get(FLAGS_APP)
    found = dict(sight.conditions) if sight else {}
    return found.get(_CONDITION, "")
