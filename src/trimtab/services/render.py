"""From a source at a commit to its objects, at the least cost.

A render is kept under everything that it depends on: its parameters and the ids of the files that
it really read. A commit that changes none of them costs no render. Plain manifests are read from
the object store and never touch a disk; engines that need a tree share one export per tree.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from trimtab.core import JsonObject
from trimtab.core.manifest import digest_of
from trimtab.core.render import (
    HelmRequest,
    ReadSet,
    RenderRequest,
    SourceType,
    Unstable,
)
from trimtab.ports.renderer import EngineError, Renderer, RenderOutput
from trimtab.ports.source import Source
from trimtab.services.charts import ChartStore, Dependencies
from trimtab.services.folders import SourceFolder, open_folder
from trimtab.services.render_files import inline_request
from trimtab.services.render_pins import Pins
from trimtab.services.render_requests import (
    RenderContext,
    RenderRefused,
    SourceAt,
    directory_request,
    helm_request,
    key_of_render,
    kustomize_request,
)
from trimtab.services.render_steady import Steadier
from trimtab.services.trees import Trees

__all__ = [
    "RenderContext",
    "RenderRefused",
    "RenderService",
    "Rendered",
    "SourceAt",
]

RENDER_TIMEOUT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Rendered:
    """The objects of one source at one commit.

    Args:
        objects: As the engine gave them.
        digest: Over the objects.
        source_type: Which engine.
        read: What the render depends on.
        unstable: Which objects would differ at the next render.
    """

    objects: tuple[JsonObject, ...]
    digest: str
    source_type: SourceType
    read: ReadSet
    unstable: Unstable | None = None


@dataclass(frozen=True, slots=True)
class _Made:
    output: RenderOutput
    source_type: SourceType
    read: ReadSet


@dataclass(slots=True)
class _Kept:
    rendered: Rendered
    commit: str


class RenderService:
    """Renders sources and remembers what it rendered.

    Args:
        source: Git.
        renderer: Engines.
        trees: Exports for engines that need a disk.
        charts: Charts of Helm repositories.
        dependencies: Of charts in Git.
        keep: How many renders are remembered.
        pins: Keeps renders that differ each time.
    """

    def __init__(
        self,
        source: Source,
        renderer: Renderer,
        trees: Trees,
        charts: ChartStore,
        dependencies: Dependencies,
        *,
        keep: int = 8192,
        pins: Pins | None = None,
    ) -> None:
        self._source = source
        self._renderer = renderer
        self._trees = trees
        self._charts = charts
        self._dependencies = dependencies
        self._keep = keep
        self._steadier = Steadier(pins)
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self.renders = 0

    async def render(
        self,
        source: SourceAt,
        context: RenderContext,
        *,
        refs: Mapping[str, SourceAt] | None = None,
        fresh: bool = False,
    ) -> Rendered:
        """Return a source's objects.

        Args:
            source: What to render.
            context: What it may know.
            refs: Sources whose files value files may name, as ``$ref/path``.
            fresh: Do not use an earlier render (hard refresh).

        Raises:
            RenderRefused, EngineError, PathUnknown, SourceTooLarge, and those of Source.fetch
        """
        if source.spec.has_plugin:
            raise _no_plugins()
        if source.spec.only_lends_files:
            return Rendered((), digest_of(()), SourceType.DIRECTORY, ReadSet(()))
        if not source.spec.chart:
            await self._source.fetch(source.repository, source.commit)
        key = key_of_render(source, context, refs or {})
        kept = None if fresh else await self._reusable(key, source)
        if kept is None:
            rendered = await self._render(source, context, refs or {}, fresh=fresh)
            kept = _Kept(rendered, source.commit)
            self._kept[key] = kept
            while len(self._kept) > self._keep:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return kept.rendered

    async def _reusable(self, key: str, source: SourceAt) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is None or kept.commit == source.commit:
            return kept
        if source.spec.chart:
            return None
        read = kept.rendered.read
        ids = await self._source.object_ids(source.repository, source.commit, read.paths)
        if not read.holds(ids):
            return None
        kept.commit = source.commit
        return kept

    async def _render(
        self,
        source: SourceAt,
        context: RenderContext,
        refs: Mapping[str, SourceAt],
        *,
        fresh: bool,
    ) -> Rendered:
        self.renders += 1
        made = await self._make(source, context, refs)
        objects, unstable = made.output.objects, None
        if made.output.volatile:
            spec = source.spec
            # Any new definition changes what a cluster serves: no reason for new passwords.
            anywhere = replace(context, kube_version="", api_versions=())
            pinned = key_of_render(source, anywhere, refs)
            objects, unstable = await self._steadier.steady(
                made.output,
                partial(self._probe, source, context, refs),
                owner=context.owner,
                source=digest_of([spec.repo_url, spec.path, spec.chart, spec.name]),
                entry=digest_of([pinned, made.read.ids, source.commit if spec.chart else ""]),
                fresh=fresh,
            )
        return Rendered(objects, digest_of(objects), made.source_type, made.read, unstable)

    async def _probe(
        self, source: SourceAt, context: RenderContext, refs: Mapping[str, SourceAt]
    ) -> RenderOutput:
        return (await self._make(source, context, refs, is_probe=True)).output

    async def _make(
        self,
        source: SourceAt,
        context: RenderContext,
        refs: Mapping[str, SourceAt],
        *,
        is_probe: bool = False,
    ) -> _Made:
        """Render once."""
        if source.spec.chart:
            return await self._chart(source, context, refs, is_probe=is_probe)
        folder = await open_folder(
            self._source, self._renderer, source, app_name=context.app_instance
        )
        path = folder.path
        match folder.source_type:
            case SourceType.DIRECTORY:
                output, paths = await self._directory(source, folder)
            case SourceType.KUSTOMIZE:
                request = kustomize_request(folder.spec, path, context)
                output, paths = await self._on_disk(source, request, refs)
                # The others' read sets hold the whole folder, and override files with it.
                paths = (*paths, *folder.override_paths)
            case SourceType.HELM:
                request = helm_request(folder.spec, path, context, is_probe=is_probe)
                output, paths = await self._on_disk(source, request, refs)
                paths = (path, *(p for p in paths if not p.startswith(f"{path}/")))
            case SourceType.PLUGIN:
                raise _no_plugins()
        ids = await self._source.object_ids(source.repository, source.commit, paths)
        return _Made(output, folder.source_type, ReadSet.of(paths, ids))

    async def _chart(
        self,
        source: SourceAt,
        context: RenderContext,
        refs: Mapping[str, SourceAt],
        *,
        is_probe: bool,
    ) -> _Made:
        """Render a chart of a Helm repository; the version stands in for the commit."""
        async with self._charts.unpacked(source.repository, source.spec.chart, source.commit) as (
            root,
            path,
        ):
            request = helm_request(source.spec, path, context, is_probe=is_probe)
            request = await self._trees.place_values(root, request, refs)
            output = await self._renderer.render(request, root=root, timeout=RENDER_TIMEOUT)
        return _Made(output, SourceType.HELM, ReadSet(()))

    async def _directory(
        self, source: SourceAt, folder: SourceFolder
    ) -> tuple[RenderOutput, tuple[str, ...]]:
        request = directory_request(folder.spec, folder.path)
        inline = await inline_request(self._source, source, folder, request)
        if inline is None:
            output, paths = await self._on_disk(source, request, {})
            return output, (folder.path, *request.libs, *paths)
        if not inline.files:
            return RenderOutput((), ()), (folder.path,)
        output = await self._renderer.render(inline, root=None, timeout=RENDER_TIMEOUT)
        return output, (folder.path,)

    async def _on_disk(
        self, source: SourceAt, request: RenderRequest, refs: Mapping[str, SourceAt]
    ) -> tuple[RenderOutput, tuple[str, ...]]:
        async with self._trees.export(source.repository, source.commit) as root:
            if isinstance(request, HelmRequest):
                request = await self._trees.place_values(root, request, refs)
            try:
                output = await self._renderer.render(request, root=root, timeout=RENDER_TIMEOUT)
            except EngineError as error:
                if error.code != "dependencies":
                    raise
                await self._dependencies.complete(root, request.path)
                output = await self._renderer.render(request, root=root, timeout=RENDER_TIMEOUT)
        return output, output.read


def _no_plugins() -> RenderRefused:
    return RenderRefused(
        "UnsupportedSource", "spec.source.plugin: config management plugins are not supported"
    )
