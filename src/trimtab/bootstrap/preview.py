"""What the controllers would make of one Application, computed on this machine.

The same parts as in ``serve``: Git, engines, the destination's discovery, and the comparison with
its dry runs. Nothing is written anywhere but in the cache of this machine.
"""

import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec

from trimtab.adapters.engines import (
    EngineCharts,
    EngineNormaliser,
    EnginePool,
    EngineRenderer,
    find_binary,
)
from trimtab.adapters.git import GitSource
from trimtab.bootstrap.client import connect_destination
from trimtab.controllers.application.compare import Comparer
from trimtab.controllers.application.desire import Desirer, resolve_target
from trimtab.controllers.application.model import Desired, Inputs, Memory, Target
from trimtab.controllers.application.settings import (
    ApplicationSettings,
    application_settings,
)
from trimtab.core.manifest import (
    LiveObject,
    ObjectKey,
    app_instance_name,
    as_list,
    as_object,
    field_at,
    text_at,
)
from trimtab.core.plan import Candidate
from trimtab.core.policy import parse_project
from trimtab.crds.argoproj_v1alpha1.application import Application
from trimtab.crds.argoproj_v1alpha1.mapping import map_ignore_rules, sources_of
from trimtab.ports.cluster import Cluster
from trimtab.ports.source import Source
from trimtab.services.capabilities import CapabilityCache
from trimtab.services.catalogue import DEFAULT_PROJECT
from trimtab.services.charts import ChartStore, Dependencies
from trimtab.services.installation import read_installation
from trimtab.services.registry import (
    find_cluster,
    read_book,
    read_clusters,
)
from trimtab.services.render import RenderService
from trimtab.services.render_pins import HubPins
from trimtab.services.repositories import permitted_submodule
from trimtab.services.submodules import SubmoduleSource
from trimtab.services.trees import Trees

_APPLICATION = msgspec.json.Decoder(Application)
_SYNC_TIMEOUT = timedelta(seconds=60)


@asynccontextmanager
async def open_source(state_dir: Path) -> AsyncGenerator[Source]:
    """Open Git with the mirrors of a state folder."""
    source = GitSource(state_dir / "cache" / "git")
    try:
        yield source
    finally:
        await source.close()


@dataclass(frozen=True, slots=True)
class Preview:
    """One Application, ready to be rendered and compared."""

    inputs: Inputs
    target: Target
    desirer: Desirer
    comparer: Comparer

    async def desired(self) -> Desired:
        """Return the manifests that its sources render to.

        Raises:
            ComparisonFailed: A source cannot be rendered.
        """
        return await self.desirer.desire(self.inputs, Memory(), self.target)

    async def candidates(self) -> list[Candidate]:
        """Return desired and live objects in pairs, sorted by key; hooks are left out."""
        desired = await self.desired()
        keys = {manifest.key for manifest in desired.objects}
        cluster = self.inputs.cluster
        kinds = sorted({key.group_kind for key in keys})
        cluster.ensure(kinds)
        await cluster.wait_synced(kinds, timeout=_SYNC_TIMEOUT)
        seen = await self.comparer.compare(desired.objects)
        found = [(one.key, one.candidate()) for one in seen]
        for key in recorded_keys(self.inputs.app_live):
            live = None if key in keys else await cluster.get(key)
            if live is not None:
                found.append((key, Candidate(None, live)))
        return [candidate for _, candidate in sorted(found, key=lambda pair: pair[0])]


def recorded_keys(app: LiveObject) -> list[ObjectKey]:
    """Return the objects that an Application's status names, hooks left out."""
    items = map(as_object, as_list(field_at(app.body(), "status", "resources")))
    return [
        ObjectKey(*(text_at(item, name) for name in ("group", "kind", "namespace", "name")))
        for item in items
        if not item.get("hook")
    ]


@asynccontextmanager
async def open_preview(
    hub: Cluster,
    app: LiveObject,
    *,
    namespace: str,
    state_dir: Path,
    revisions: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> AsyncGenerator[Preview]:
    """Open everything that one Application's comparison needs.

    Args:
        hub: Where it lives.
        app: The Application.
        namespace: Of projects, clusters and repositories.
        state_dir: Its cache is shared with ``serve``.
        revisions: In place of the target revisions, one a source.
        progress: Told while the engines are being built.

    Raises:
        ClusterUnknown, RepositoryUnreachable, RepositoryDenied, RevisionUnknown
    """
    wire = _APPLICATION.decode(app.raw)
    destination = wire.spec.destination
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(
            connect_destination(hub, namespace, server=destination.server, name=destination.name)
        )
        inputs = await _inputs(hub, app, wire, cluster, namespace)
        book = await read_book(hub, namespace)
        repository = partial(book.find, project=wire.spec.project)
        source = SubmoduleSource(
            await stack.enter_async_context(open_source(state_dir)),
            lambda url, parent: permitted_submodule(repository(url), parent, inputs.project),
        )
        pool = await stack.enter_async_context(
            EnginePool(lambda: find_binary(progress=progress), workers=1)
        )
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trimtab-preview-")))
        charts = ChartStore(EngineCharts(pool), folder / "charts", time.monotonic)
        target = await resolve_target(
            source, charts, repository, sources_of(wire.spec), revisions=revisions, fresh=True
        )
        renderer = EngineRenderer(pool)
        settings = await _settings(hub, renderer, namespace)
        dependencies = Dependencies(renderer, repository)
        trees = Trees(source, folder / "trees")
        pins = HubPins(hub, is_read_only=True)
        render = RenderService(source, renderer, trees, charts, dependencies, pins=pins)
        comparer = Comparer(inputs, Memory(), settings.manager, EngineNormaliser(pool))
        yield Preview(
            inputs, target, Desirer(render, settings, CapabilityCache(time.monotonic)), comparer
        )


async def _inputs(
    hub: Cluster, app: LiveObject, wire: Application, cluster: Cluster, namespace: str
) -> Inputs:
    destination = wire.spec.destination
    project = await hub.get(ObjectKey("argoproj.io", "AppProject", namespace, wire.spec.project))
    return Inputs(
        key=f"{app.key.namespace}/{app.key.name}",
        app=wire,
        app_live=app,
        project=parse_project(project.body() if project else DEFAULT_PROJECT),
        cluster=cluster,
        settings=find_cluster(
            await read_clusters(hub, namespace), server=destination.server, name=destination.name
        ),
        app_instance=app_instance_name(app.key.name, app.key.namespace, namespace),
        ignore=map_ignore_rules(wire.spec.ignore_differences),
    )


async def _settings(hub: Cluster, renderer: EngineRenderer, namespace: str) -> ApplicationSettings:
    installation = await read_installation(hub, renderer, namespace)
    return application_settings(installation, namespace)
