"""Steps ``namespace-wiped`` and ``cluster-lost``: a cluster loses much, or is lost itself."""

import asyncio
import time

from trimtab.bootstrap.demo.places import NAMESPACE, Place
from trimtab.bootstrap.demo.sights import image_of, is_rolled_out
from trimtab.bootstrap.demo.steps.push import change_tag
from trimtab.bootstrap.demo.turning import push_image, spread
from trimtab.bootstrap.demo.world import World, require
from trimtab.core.manifest import ObjectKey

LATER_TAG = "1.2.0"
_BACK_SECONDS = 120.0
_UNKNOWN_SECONDS = 30.0
_PUSH_SECONDS = 120.0


async def namespace_wiped(world: World) -> str:
    """Delete the shop's namespace on one cluster, with everything in it."""
    place = world.places[1]
    cluster = world.watching.cluster(place.name)
    key = ObjectKey("", "Namespace", "", NAMESPACE)
    old = cluster.live(key)
    require(old, f"{place.name} has no namespace {NAMESPACE}")
    assert old is not None
    count = sum(live.key.namespace == NAMESPACE for live in world.managed(place))
    started = time.monotonic()
    await cluster.delete(key, uid=old.meta.uid)

    def back() -> bool:
        namespace, web = cluster.live(key), world.web(place)
        if namespace is None or namespace.meta.uid == old.meta.uid or web is None:
            return False
        return image_of(web) == world.image and is_rolled_out(web)

    def missing() -> str:
        namespace = cluster.live(key)
        state = "is gone" if namespace is None else "is there"
        if namespace is not None and namespace.meta.uid == old.meta.uid:
            state = "is still being deleted"
        return f"namespace {state} on {place.name}; {world.applications().get(place.app)}"

    await world.watching.until(back, within=_BACK_SECONDS, missing=missing)
    took = time.monotonic() - started
    await world.settled(within=_BACK_SECONDS)
    again = sum(live.key.namespace == NAMESPACE for live in world.managed(place))
    require(again == count, f"{again} of {count} objects are back on {place.name}")
    return (
        f"namespace {NAMESPACE} on {place.name} and its {count} objects are back and Healthy "
        f"{took:.1f} s after the delete request"
    )


async def cluster_lost(world: World) -> str:
    """Kill one cluster's API server, push a commit, and start the cluster again."""
    lost = world.lost
    others = [place for place in world.places if place is not lost]
    await change_tag(world, LATER_TAG)
    await world.checkout.commit(f"Release {LATER_TAG} while a cluster is away")
    killed = time.monotonic()
    await world.fleet.kill(lost.index)
    try:
        async with asyncio.TaskGroup() as tasks:
            unknown = tasks.create_task(_until_unknown(world, lost, killed))
            pushed = tasks.create_task(push_image(world, others, within=_PUSH_SECONDS))
    except Exception:
        # The next steps need all clusters, whatever became of this one.
        await world.fleet.start_cluster(lost.index)
        raise
    turning = pushed.result()
    started = time.monotonic()
    world.reporter.doing(f"starting {lost.name} again")
    await world.fleet.start_cluster(lost.index)
    ready = time.monotonic()
    await world.watching.until(
        lambda: _runs(world, lost),
        within=_BACK_SECONDS,
        missing=lambda: (
            f"{lost.name} does not run {world.image}: {world.applications().get(lost.app)}"
        ),
    )
    converged = time.monotonic()
    await world.settled(within=_BACK_SECONDS)
    return (
        f"{lost.name} was Unknown {unknown.result():.1f} s after its API server was killed; the "
        f"other {len(others)} hold {LATER_TAG} ({spread(list(turning.turned.values()))}); started "
        f"again in {ready - started:.1f} s, it ran {LATER_TAG} {converged - ready:.1f} s later"
    )


async def _until_unknown(world: World, lost: Place, killed: float) -> float:
    """Return how long after the kill the lost cluster's Application said Unknown."""

    def sync() -> str:
        sight = world.applications().get(lost.app)
        return sight.sync if sight else "missing"

    await world.watching.until(
        lambda: sync() == "Unknown",
        within=max(0.0, _UNKNOWN_SECONDS - (time.monotonic() - killed)),
        missing=lambda: f"{lost.app} is {sync()}, expected Unknown",
    )
    return time.monotonic() - killed


def _runs(world: World, place: Place) -> bool:
    web = world.web(place)
    return web is not None and image_of(web) == world.image and is_rolled_out(web)
