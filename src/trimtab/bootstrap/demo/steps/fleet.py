"""Steps ``fleet`` and ``install``: what a user has before the first sync."""

import asyncio
import sys
import time

from trimtab.adapters.engines import find_binary
from trimtab.adapters.localfleet import Fleet
from trimtab.bootstrap.demo.applications import (
    ARGOCD,
    parent_application,
    project,
    register_cluster,
    webhook_secret,
)
from trimtab.bootstrap.demo.checkout import Checkout
from trimtab.bootstrap.demo.content import write_content
from trimtab.bootstrap.demo.processes import Child, leashed, trimtab_program
from trimtab.bootstrap.demo.sights import APPLICATION, HUB_KINDS, TARGET_KINDS
from trimtab.bootstrap.demo.step import StepFailed
from trimtab.bootstrap.demo.world import HUB, World, require
from trimtab.core import JsonObject
from trimtab.core.manifest import canonical_json, key_of, manifest_of
from trimtab.ports.cluster import Write

_USER = Write(manager="kubectl")
_REPOSITORY = "shop"
_READY_SECONDS = 60.0
_INSTALL_SECONDS = 120.0


async def start_fleet(world: World) -> str:
    """Start the control planes, Trimtab and the Git server, each a process of its own."""
    await asyncio.to_thread(find_binary, progress=world.reporter.doing)
    started = time.monotonic()
    count = len(world.places) + 1
    fleet = await Fleet.start(count, separate=[world.lost.index], progress=world.reporter.doing)
    world.fleet = await world.stack.enter_async_context(fleet)
    took = time.monotonic() - started
    world.folder.mkdir(parents=True, exist_ok=True)
    await _watch(world)
    await apply(world, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ARGOCD}})
    await apply(world, webhook_secret(world.webhook_secret))
    url = await _serve(world)
    repository = await _git_server(world, f"{url}/api/webhook")
    world.checkout = Checkout(world.folder / "checkout", repository)
    return (
        f"{count} control planes ready in {took:.1f} s (hub and {count - 1} targets); "
        f"trimtab serve at {url}; Git at {repository}"
    )


async def install(world: World) -> str:
    """Install the CRDs and apply what a person would apply; the app-of-apps creates the rest."""
    answer = await world.trimtab("crds", "install")
    require(answer.code == 0, f"`trimtab crds install` failed: {answer.err}")
    await world.watching.until(
        lambda: world.hub.is_synced(APPLICATION),
        within=_READY_SECONDS,
        missing=lambda: "the hub does not serve Applications",
    )
    checkout = world.checkout
    checkout.folder.mkdir(parents=True)
    write_content(checkout.folder, checkout.url, world.places)
    await checkout.begin()
    await checkout.commit("Deliver the shop to every cluster")
    await checkout.push()
    await apply(world, project(checkout.url))
    for place in world.places:
        await apply(world, register_cluster(place, world.fleet.cluster(place.index)))
    await apply(world, parent_application(checkout.url))
    await world.watching.until(
        lambda: len(world.applications()) >= world.application_count,
        within=_INSTALL_SECONDS,
        missing=lambda: (
            f"{len(world.applications())} of {world.application_count} Applications exist; "
            f"the app-of-apps is {world.applications().get('fleet')}"
        ),
    )
    kinds = [place.kind for place in world.places]
    made = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    return (
        f"CRDs, 1 AppProject, {len(world.places)} cluster Secrets, {world.application_count} "
        f"Applications: 1 app-of-apps created the others ({made}, 1 of ConfigMaps)"
    )


async def first_sync(world: World) -> str:
    """Wait until everything is Synced and Healthy, by the hub's watch and by the clusters'."""
    await world.settled(within=_INSTALL_SECONDS + 10 * len(world.places))
    objects = sum(len(list(world.managed(place))) for place in world.places)
    for place in world.places:
        web = world.web(place)
        require(web is not None, f"{place.name} has no Deployment web")
    return (
        f"{world.application_count} Applications Synced and Healthy, "
        f"{objects} objects on {len(world.places)} clusters"
    )


async def apply(world: World, body: JsonObject) -> None:
    """Apply an object to the hub as a person with kubectl would."""
    manifest = manifest_of(body)
    await world.hub.apply(key_of(body), manifest.version, canonical_json(body), _USER)


async def _watch(world: World) -> None:
    world.reporter.doing("opening the demo's own watches")
    places = {HUB: 0, **{place.name: place.index for place in world.places}}
    for name, index in places.items():
        await world.watching.open(
            world.stack,
            name,
            world.fleet.cluster(index).kubeconfig_path,
            HUB_KINDS if name == HUB else TARGET_KINDS,
        )


async def _serve(world: World) -> str:
    world.reporter.doing("starting trimtab serve")
    kubeconfig = world.fleet.cluster(0).kubeconfig_path
    command = [trimtab_program(), "serve", "--kubeconfig", str(kubeconfig)]
    command += ["--state-dir", str(world.state_dir), "--listen", "127.0.0.1:0"]
    child = await _start(world, "trimtab serve", leashed(command))
    ready = await child.first_line(within=_READY_SECONDS)
    url = ready.get("url")
    if not isinstance(url, str):
        raise StepFailed(f"trimtab serve said {ready} where its URL was expected")
    return url


async def _git_server(world: World, webhook: str) -> str:
    world.reporter.doing("starting the Git server")
    command = [sys.executable, "-m", "trimtab.adapters.gitserver"]
    command += ["--root", str(world.folder / "git"), "--create", _REPOSITORY, "--webhook", webhook]
    secret = {"TRIMTAB_WEBHOOK_SECRET": world.webhook_secret}
    child = await _start(world, "the Git server", command, secret)
    ready = await child.first_line(within=_READY_SECONDS)
    repositories = ready["repositories"]
    assert isinstance(repositories, dict)
    return str(repositories[_REPOSITORY])


async def _start(
    world: World, name: str, command: list[str], env: dict[str, str] | None = None
) -> Child:
    log = world.folder / f"{name.split()[-1].lower()}.log"
    child = await Child.start(name, command, log=log, env=env)
    world.stack.push_async_callback(child.stop)
    world.children.append(child)
    return child
