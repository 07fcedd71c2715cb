"""Rendering a folder on this machine as a delivery would: without Git, network or cluster."""

import asyncio
import posixpath
from pathlib import Path

from trimtab.core.render import RenderRequest, SourceSpec, SourceType, override_files
from trimtab.ports.renderer import Renderer, RenderOutput
from trimtab.services.folders import source_type_of, with_overrides
from trimtab.services.render import RENDER_TIMEOUT
from trimtab.services.render_requests import (
    RenderContext,
    RenderRefused,
    clean_path,
    directory_request,
    helm_request,
    kustomize_request,
)


async def render_local(
    renderer: Renderer, root: Path, spec: SourceSpec, context: RenderContext
) -> RenderOutput:
    """Render a folder, its override files laid over what the source states.

    Args:
        renderer: Engines.
        root: Nothing outside of it is read.
        spec: The source; only its path and settings count.
        context: What the render may know.

    Raises:
        PathUnknown: The path leaves the root.
        RenderRefused, OverrideInvalid, EngineError: It cannot be rendered.
    """
    path = clean_path(spec.path)
    names, texts = await asyncio.to_thread(_read, root / path, override_files(context.app_instance))
    overrides = {posixpath.join(path, name): text for name, text in texts.items()}
    spec = await with_overrides(renderer, spec, overrides)
    request = _request(source_type_of(names, spec), spec, path, context)
    return await renderer.render(request, root=root, timeout=RENDER_TIMEOUT)


def _request(
    kind: SourceType, spec: SourceSpec, path: str, context: RenderContext
) -> RenderRequest:
    match kind:
        case SourceType.HELM:
            return helm_request(spec, path, context)
        case SourceType.KUSTOMIZE:
            return kustomize_request(spec, path, context)
        case SourceType.DIRECTORY:
            return directory_request(spec, path)
        case SourceType.PLUGIN:
            raise RenderRefused("UnsupportedSource", "plugins are not supported")


def _read(folder: Path, wanted: tuple[str, ...]) -> tuple[list[str], dict[str, bytes]]:
    names = [entry.name for entry in folder.iterdir()]
    return names, {name: (folder / name).read_bytes() for name in wanted if name in names}
