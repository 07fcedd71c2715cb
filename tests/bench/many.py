"""The group ``many``: hundreds of Applications, each its own directory, changed by one commit."""

import time

from bench import content
from bench.metrics import looks, read_metrics, requests
from bench.results import Results
from bench.waiting import Awaited, Place, contains, is_synced
from bench.world import APPLICATION, CONFIG_MAP, World, say
from trimtab.bootstrap.demo.checkout import Checkout
from trimtab.core import JsonValue
from trimtab.core.manifest import ObjectKey, canonical_json
from trimtab.ports.cluster import Write

_PROJECT = ObjectKey("argoproj.io", "AppProject", content.ARGOCD, content.PROJECT)


class Crowd:
    """Many Applications of one repository, spread over all clusters.

    Args:
        world: Where.
        prefix: Of their names.
        count: How many.
    """

    def __init__(self, world: World, prefix: str, count: int) -> None:
        self._world = world
        self.names = [f"{prefix}-{number:04d}" for number in range(count)]
        targets = list(world.targets)
        self._cluster = {name: targets[i % len(targets)] for i, name in enumerate(self.names)}
        self._checkout: Checkout

    @property
    def config_maps(self) -> list[Place]:
        """Where their objects are."""
        return [
            (content.cluster_name(i), ObjectKey("", CONFIG_MAP.kind, content.NAMESPACE, name))
            for name, i in self._cluster.items()
        ]

    async def write(self) -> None:
        """Make the repository."""
        self._checkout = await self._world.repository(self.names[0].partition("-")[0])
        content.write_config_maps(self._checkout.folder, self.names, "mark-0")
        await self._checkout.commit("Write them all")
        await self._checkout.push()

    async def create(self) -> tuple[float, dict[str, JsonValue]]:
        """Apply all Applications, and return how long it takes until all are delivered."""
        world, where = self._world, self._cluster
        apps = [
            content.application(
                name, self._checkout.url, f"apps/{name}", world.fleet.cluster(where[name]).server
            )
            for name in self.names
        ]
        shown = Awaited(world.watching, self.config_maps, contains("mark-0"))
        synced = Awaited(world.watching, world.app_places(self.names), is_synced())
        before = await world.meter.begin(world.pid)
        with shown, synced:
            started = time.monotonic()
            await world.create(apps)
            applied = time.monotonic() - started
            last = max(await shown.all(), await synced.all())
            cost = (await world.meter.end(world.pid)).since(before)
        detail = cost.detail(len(self.names))
        detail["applied_s"] = round(applied, 3)
        detail["objects_s"] = round(max(shown.at.values()) - started, 3)
        return last - started, detail

    async def commit(self, mark: str) -> tuple[float, dict[str, JsonValue]]:
        """Change all by one commit, and return how long it takes until all hold it."""
        world = self._world
        content.write_config_maps(self._checkout.folder, self.names, mark)
        commit = await self._checkout.commit(f"Change them all to {mark}")
        shown = Awaited(world.watching, self.config_maps, contains(mark))
        synced = Awaited(world.watching, world.app_places(self.names), is_synced(commit))
        before = await world.meter.begin(world.pid)
        with shown, synced:
            started = time.monotonic()
            await self._checkout.push()
            pushed = time.monotonic() - started
            last = await shown.all()
            reported = await synced.all()
            cost = (await world.meter.end(world.pid)).since(before)
        detail = cost.detail(len(self.names))
        detail["push_returned_s"] = round(pushed, 3)
        detail["first_s"] = round(min(shown.at.values()) - started, 3)
        detail["status_s"] = round(reported - started, 3)
        return last - started, detail


async def measure_many(world: World, results: Results, wanted: set[str]) -> None:
    """Measure what is wanted of the group."""
    if "apps_500_commit_s" in wanted:
        crowd = Crowd(world, "some", world.sizes.some)
        await crowd.write()
        await crowd.create()
        await world.watching.quiet(seconds=1.0, within=120, hub="")
        seconds, detail = await crowd.commit("mark-1")
        results.add("apps_500_commit_s", seconds, **detail)
    if wanted - {"apps_500_commit_s"}:
        if world.hub.objects(APPLICATION):
            say("starting again with empty caches")
            await world.delete_applications()
            await world.serve()
        await _thousand(world, results, wanted)


async def _thousand(world: World, results: Results, wanted: set[str]) -> None:
    crowd = Crowd(world, "many", world.sizes.many)
    await crowd.write()
    seconds, detail = await crowd.create()
    results.add("apps_1000_create_s", seconds, **detail)
    if "apps_1000_commit_s" in wanted:
        await world.watching.quiet(seconds=1.0, within=120, hub="")
        seconds, detail = await crowd.commit("mark-1")
        results.add("apps_1000_commit_s", seconds, **detail)
    if "noop_1000_cpu_s" in wanted:
        await world.watching.quiet(seconds=1.0, within=120, hub="")
        await _noop(world, results, len(crowd.names))


async def _noop(world: World, results: Results, count: int) -> None:
    """Change what the AppProject says about itself: every Application is looked at once more."""
    metrics = await read_metrics(world.url)
    looked, asked = looks(metrics), requests(metrics)
    before = await world.meter.begin(world.pid)
    started = time.monotonic()
    body = canonical_json({"spec": {"description": "Nothing changes by this"}})
    await world.hub.patch(_PROJECT, "merge", body, Write("bench"))
    while looks(metrics) < looked + count:
        metrics = await read_metrics(world.url, after=0.1)
    elapsed = time.monotonic() - started
    cost = (await world.meter.end(world.pid)).since(before)
    detail = cost.detail()
    detail["looks"] = looks(metrics) - looked
    detail["requests_sent"] = requests(metrics) - asked
    detail["seconds"] = round(elapsed, 3)
    results.add("noop_1000_cpu_s", cost.ours + cost.workers, **detail)
