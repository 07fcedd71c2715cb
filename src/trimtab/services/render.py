"""From a source at a commit to its objects, at the least cost.

A render is kept under everything that it depends on: its parameters and the ids of the files that
it really read. A commit that changes none of them costs no render. Plain manifests are read from
the object store and never touch a disk; engines that need a tree share one export per tree.
"""

import posixpath
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from trimtab.core import JsonObject
from trimtab.core.errors import Stalled
from trimtab.core.manifest import digest_of
from trimtab.core.render import (
    DirectoryRequest,
    HelmRequest,
    KustomizeOptions,
    KustomizeRequest,
    ReadSet,
    RenderRequest,
    SourceSpec,
    SourceType,
    TextFile,
    detect_source_type,
    render_key,
)
from trimtab.ports.renderer import EngineError, Renderer, RenderOutput
from trimtab.ports.source import PathUnknown, Repository, Source, TreeEntry
from trimtab.services.charts import ChartStore, Dependencies
from trimtab.services.trees import Trees

MANIFEST_SUFFIXES = (".yaml", ".yml", ".json")
RENDER_TIMEOUT = timedelta(seconds=60)
MAX_INLINE_BYTES = 10 * 1024 * 1024


class RenderRefused(Stalled):
    """The source cannot be rendered until somebody changes it."""


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What a render may know of its delivery.

    Args:
        app_name: The delivery's name; the default release name.
        namespace: The destination's namespace.
        kube_version: The destination's version, for charts.
        api_versions: Group versions served by the destination, for charts; sorted.
        env: Build variables (ARGOCD_APP_NAME …).
        build_options: Flags of argocd-cm's ``kustomize.buildOptions``.
    """

    app_name: str
    namespace: str
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    env: Mapping[str, str] | None = None
    build_options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceAt:
    """A source with its repository and the commit that its revision means now."""

    spec: SourceSpec
    repository: Repository
    commit: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """The objects of one source at one commit.

    Args:
        objects: As the engine gave them.
        digest: Over the objects.
        source_type: Which engine.
        read: What the render depends on.
    """

    objects: tuple[JsonObject, ...]
    digest: str
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
    ) -> None:
        self._source = source
        self._renderer = renderer
        self._trees = trees
        self._charts = charts
        self._dependencies = dependencies
        self._keep = keep
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
        _check(source.spec)
        if not source.spec.chart:
            await self._source.fetch(source.repository, source.commit)
        key = _key(source, context, refs or {})
        kept = None if fresh else await self._reusable(key, source)
        if kept is None:
            rendered = await self._render(source, context, refs or {})
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
        self, source: SourceAt, context: RenderContext, refs: Mapping[str, SourceAt]
    ) -> Rendered:
        self.renders += 1
        spec = source.spec
        if spec.chart:
            return await self._chart(source, context, refs)
        path = clean_path(spec.path)
        entries = await self._source.entries(source.repository, source.commit, path)
        names = [e.path.rpartition("/")[2] for e in entries if posixpath.dirname(e.path) == path]
        source_type = detect_source_type(
            names,
            has_helm=spec.helm is not None,
            has_kustomize=spec.kustomize is not None,
            has_directory=spec.directory is not None,
        )
        match source_type:
            case SourceType.DIRECTORY:
                output, paths = await self._directory(source, path, entries)
            case SourceType.KUSTOMIZE:
                options = spec.kustomize or KustomizeOptions()
                request = KustomizeRequest(path, options, context.build_options, context.env)
                output, paths = await self._on_disk(source, request, refs)
            case SourceType.HELM:
                request = _helm_request(spec, path, context)
                output, paths = await self._on_disk(source, request, refs)
                paths = (path, *(p for p in paths if not p.startswith(f"{path}/")))
            case SourceType.PLUGIN:
                raise RenderRefused(
                    "UnsupportedSource", "config management plugins are not supported"
                )
        ids = await self._source.object_ids(source.repository, source.commit, paths)
        digest = digest_of(output.objects)
        return Rendered(output.objects, digest, source_type, ReadSet.of(paths, ids))

    async def _chart(
        self, source: SourceAt, context: RenderContext, refs: Mapping[str, SourceAt]
    ) -> Rendered:
        """Render a chart of a Helm repository; the version stands in for the commit."""
        root, path = await self._charts.unpacked(
            source.repository, source.spec.chart, source.commit
        )
        request = await self._trees.place_values(
            root, _helm_request(source.spec, path, context), refs
        )
        output = await self._renderer.render(request, root=root, timeout=RENDER_TIMEOUT)
        digest = digest_of(output.objects)
        return Rendered(output.objects, digest, SourceType.HELM, ReadSet(()))

    async def _directory(
        self, source: SourceAt, path: str, entries: Sequence[TreeEntry]
    ) -> tuple[RenderOutput, tuple[str, ...]]:
        request = replace(source.spec.directory or DirectoryRequest(path=""), path=path)
        if any(_needs_disk(entry) for entry in entries) or request.libs:
            output, paths = await self._on_disk(source, request, {})
            return output, (path, *request.libs, *paths)
        wanted = [
            entry
            for entry in entries
            if entry.path.endswith(MANIFEST_SUFFIXES)
            and (request.recurse or posixpath.dirname(entry.path) == path)
        ]
        total = sum(entry.size_bytes for entry in wanted)
        if total > MAX_INLINE_BYTES:
            raise RenderRefused(
                "SourceTooLarge",
                f"{path or '.'} holds {total} bytes of manifests, more than {MAX_INLINE_BYTES}: "
                "split the application or exclude files",
            )
        texts = await self._source.read(
            source.repository, source.commit, [entry.path for entry in wanted]
        )
        if not texts:
            return RenderOutput((), ()), (path,)
        files = tuple(TextFile(name, _text(name, data)) for name, data in sorted(texts.items()))
        request = replace(request, files=files)
        output = await self._renderer.render(request, root=None, timeout=RENDER_TIMEOUT)
        return output, (path,)

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


def clean_path(path: str) -> str:
    """Return a source's path without ``./`` and slashes at its ends; empty for the root.

    Raises:
        PathUnknown: It leaves the repository.
    """
    if path.startswith("/"):
        raise PathUnknown("PathUnknown", f"path {path!r} is absolute: make it relative")
    cleaned = posixpath.normpath(path or ".")
    if cleaned == ".." or cleaned.startswith("../"):
        raise PathUnknown("PathUnknown", f"path {path!r} leaves the repository")
    return "" if cleaned == "." else cleaned


def _check(spec: SourceSpec) -> None:
    if spec.has_plugin:
        raise RenderRefused(
            "UnsupportedSource", "spec.source.plugin: config management plugins are not supported"
        )


def _key(source: SourceAt, context: RenderContext, refs: Mapping[str, SourceAt]) -> str:
    spec = source.spec
    parameters = [
        source.repository.url,
        asdict(replace(spec, revision="")),
        {name: [at.repository.url, at.commit] for name, at in refs.items()},
        context.app_name,
        context.namespace,
        context.env if spec.kustomize else None,
        context.build_options,
    ]
    capabilities = [context.kube_version, context.api_versions]
    return render_key(parameters=parameters, engine_version="1", capabilities=capabilities)


def _helm_request(spec: SourceSpec, path: str, context: RenderContext) -> HelmRequest:
    stated = spec.helm or HelmRequest(path="", release_name="", namespace="")
    return replace(
        stated,
        path=path,
        release_name=stated.release_name or context.app_name,
        namespace=stated.namespace or context.namespace,
        value_files=tuple(_relative(path, name) for name in stated.value_files),
        file_parameters=tuple(
            replace(p, path=_relative(path, p.path)) for p in stated.file_parameters
        ),
        kube_version=stated.kube_version or context.kube_version,
        api_versions=stated.api_versions or context.api_versions,
    )


def _relative(path: str, name: str) -> str:
    """Return a file that a chart names, relative to the root: ``/x`` starts at the root."""
    if name.startswith("$"):
        return name
    if "://" in name:
        raise RenderRefused("UnsupportedSource", f"value file {name!r}: URLs are not supported")
    return clean_path(name[1:] if name.startswith("/") else posixpath.join(path, name))


def _needs_disk(entry: TreeEntry) -> bool:
    return entry.is_symlink or entry.path.endswith((".jsonnet", ".libsonnet"))


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise EngineError("invalid", f"{name} is not UTF-8 text") from error
