"""The group ``fleet``: pushes to all clusters, edits by hand, memory, and doing nothing."""

import asyncio
import statistics
import time

from bench import content
from bench.cost import engine_workers
from bench.procfs import rss_mb
from bench.results import Results, percentile
from bench.waiting import Awaited, Place, contains, is_synced
from bench.world import CONFIG_MAP, DEPLOYMENT, World, say
from trimtab.bootstrap.demo.checkout import Checkout
from trimtab.core.manifest import LiveObject, ObjectKey, canonical_json
from trimtab.ports.cluster import Write

_HAND = Write("kubectl-edit")
_WEB = ObjectKey(DEPLOYMENT.group, DEPLOYMENT.kind, content.NAMESPACE, "web")


async def measure_fleet(world: World, results: Results, wanted: set[str]) -> None:
    """Measure what is wanted of the group."""
    checkout = await _deliver_web(world)
    if wanted & {"push_20_s", "push_20_p95_s"}:
        await _pushes(world, checkout, results)
    if wanted & {"heal_s", "heal_p99_s"}:
        await _heals(world, results)
    if wanted & {"rss_mb", "workers_rss_mb", "idle_cpu_percent"}:
        await _fill(world)
        _memory(world, results)
        await _idle(world, results)


async def _deliver_web(world: World) -> Checkout:
    """Deliver one Kustomize overlay with three objects to each cluster."""
    checkout = await world.repository("web")
    content.write_overlays(checkout.folder, len(world.targets))
    await checkout.commit("Deliver the first version")
    await checkout.push()
    names = [f"web-{content.cluster_name(index)}" for index in world.targets]
    apps = [
        content.application(
            name, checkout.url, content.overlay_path(i), world.fleet.cluster(i).server
        )
        for name, i in zip(names, world.targets, strict=True)
    ]
    with Awaited(world.watching, world.app_places(names), is_synced()) as awaited:
        await world.create(apps)
        await awaited.all()
    return checkout


async def _pushes(world: World, checkout: Checkout, results: Results) -> None:
    places: list[Place] = [(content.cluster_name(i), _WEB) for i in world.targets]
    names = [f"web-{content.cluster_name(index)}" for index in world.targets]
    times: list[float] = []
    firsts: list[float] = []
    count = world.sizes.pushes
    before = await world.meter.begin(world.pid)
    for number in range(1, count + 1):
        await _at_rest(world)
        content.set_tag(checkout.folder, str(number))
        commit = await checkout.commit(f"Release {number}")
        settled = Awaited(world.watching, world.app_places(names), is_synced(commit))
        shown = Awaited(world.watching, places, contains(f'"{content.IMAGE}:{number}"'))
        with settled, shown:
            started = time.monotonic()
            await checkout.push()
            times.append(await shown.all() - started)
            firsts.append(min(shown.at.values()) - started)
            await settled.all()
    cost = (await world.meter.end(world.pid)).since(before)
    detail = cost.detail(count * len(places))
    detail["first_cluster_s"] = round(statistics.median(firsts), 4)
    detail["all_s"] = [round(value, 3) for value in times]
    results.add("push_20_s", statistics.median(times), **detail)
    results.add("push_20_p95_s", percentile(times, 95), max_s=round(max(times), 4))


async def _heals(world: World, results: Results) -> None:
    times: list[float] = []
    before = await world.meter.begin(world.pid)
    for index in list(world.targets)[: world.sizes.deployments]:
        await _at_rest(world)
        for number in range(world.sizes.edits):
            seconds = await _heal(world, index, f"{content.IMAGE}:by-hand-{number}")
            times.append(seconds)
    cost = (await world.meter.end(world.pid)).since(before)
    detail = cost.detail(len(times))
    detail["all_ms"] = [round(1000 * value, 1) for value in times]
    results.add("heal_s", statistics.median(times), **detail)
    results.add("heal_p99_s", percentile(times, 99), max_s=round(max(times), 4))


async def _at_rest(world: World) -> None:
    """Wait until the rollouts of the change before are over: they are the clusters' own work."""
    await world.watching.quiet(seconds=0.5, within=120, hub="")


async def _heal(world: World, index: int, image: str) -> float:
    """Edit a Deployment, and return how long the edit lasted."""
    cluster = world.target(index)
    live = cluster.live(_WEB)
    assert live is not None
    body = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}}
    edit, was_seen = f'"{image}"'.encode(), [False]

    def restored(found: LiveObject) -> bool:
        # A watch shows every state: the edit is seen before what undoes it.
        is_edited = edit in found.raw.partition(b'"spec"')[2]
        was_seen[0] = was_seen[0] or is_edited
        return was_seen[0] and not is_edited

    with Awaited(world.watching, [(content.cluster_name(index), _WEB)], restored) as awaited:
        started = time.monotonic()
        await cluster.patch(_WEB, "strategic", canonical_json(body), _HAND)
        return await awaited.all(within=60) - started


async def _fill(world: World) -> None:
    """Add Applications with one ConfigMap each until each cluster has its deliveries."""
    more = world.sizes.deliveries - 1
    say(f"adding {more * len(world.targets)} Applications")
    placed = [
        (f"fill-{content.cluster_name(i)}-{n}", i) for n in range(more) for i in world.targets
    ]
    checkout = await world.repository("fill")
    names = [name for name, _ in placed]
    content.write_config_maps(checkout.folder, names, "0")
    await checkout.commit("Fill the fleet")
    await checkout.push()
    apps = [
        content.application(name, checkout.url, f"apps/{name}", world.fleet.cluster(i).server)
        for name, i in placed
    ]
    with Awaited(world.watching, world.app_places(names), is_synced()) as awaited:
        await world.create(apps)
        await awaited.all()


def _memory(world: World, results: Results) -> None:
    workers = [rss_mb(pid) for pid in engine_workers(world.pid)]
    size = {
        "clusters": len(world.targets),
        "deliveries": len(world.targets) * world.sizes.deliveries,
        "config_maps_seen": sum(len(world.target(i).objects(CONFIG_MAP)) for i in world.targets),
    }
    results.add("rss_mb", rss_mb(world.pid), **size)
    results.add("workers_rss_mb", sum(workers), each=[round(w, 1) for w in workers])


async def _idle(world: World, results: Results) -> None:
    await world.watching.quiet(seconds=1.0, within=120, hub="")
    seconds = world.sizes.idle_seconds
    say(f"watching it idle for {seconds:g} s")
    before = await world.meter.begin(world.pid)
    started = time.monotonic()
    await asyncio.sleep(seconds)
    elapsed = time.monotonic() - started
    cost = (await world.meter.end(world.pid)).since(before)
    idle = cost.ours + cost.workers
    results.add("idle_cpu_percent", 100 * idle / elapsed, seconds=seconds, **cost.detail())
