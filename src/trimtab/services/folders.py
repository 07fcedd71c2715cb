"""What a source's folder says of itself: parameter overrides, and which engine it is for."""

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from trimtab.core import JsonValue
from trimtab.core.render import (
    SourceSpec,
    SourceType,
    detect_source_type,
    override_files,
    with_override,
)
from trimtab.ports.renderer import EngineError, Renderer
from trimtab.ports.source import Source, TreeEntry
from trimtab.services.render_requests import SourceAt, clean_path

PARSE_TIMEOUT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class SourceFolder:
    """A source's folder at a commit.

    Args:
        path: Relative to the repository's root; empty for the root.
        entries: All files below it, sorted by path.
        spec: The source with the override files of the folder laid over it.
        source_type: Which engine it is for.
        override_paths: Override files that count, whether or not they exist.
    """

    path: str
    entries: Sequence[TreeEntry]
    spec: SourceSpec
    source_type: SourceType
    override_paths: tuple[str, ...]


async def open_folder(
    source: Source, renderer: Renderer, at: SourceAt, *, app_name: str
) -> SourceFolder:
    """Return the folder of a source; its commit must have been fetched.

    Args:
        source: Git.
        renderer: Reads the override files' YAML.
        at: The source.
        app_name: Whose override files count, beside those for everybody.

    Raises:
        PathUnknown: There is no such folder.
        OverrideInvalid, EngineError: An override file is broken.
    """
    path = clean_path(at.spec.path)
    entries = await source.entries(at.repository, at.commit, path)
    names = {posixpath.basename(e.path) for e in entries if posixpath.dirname(e.path) == path}
    override_paths = tuple(posixpath.join(path, name) for name in override_files(app_name))
    present = [each for each in override_paths if posixpath.basename(each) in names]
    spec = at.spec
    if present:
        texts = await source.read(at.repository, at.commit, present)
        spec = await with_overrides(renderer, spec, {n: texts[n] for n in present if n in texts})
    return SourceFolder(path, entries, spec, source_type_of(names, spec), override_paths)


def source_type_of(names: Iterable[str], spec: SourceSpec) -> SourceType:
    """Return which engine a folder is for, by its files' names and what the source states."""
    return detect_source_type(
        names,
        has_helm=spec.helm is not None,
        has_kustomize=spec.kustomize is not None,
        has_directory=spec.directory is not None,
        has_plugin=spec.has_plugin,
    )


async def with_overrides(
    renderer: Renderer, spec: SourceSpec, texts: Mapping[str, bytes]
) -> SourceSpec:
    """Return a source with override files laid over it, in their order; the last one wins.

    Raises:
        OverrideInvalid, EngineError: One of them is broken.
    """
    for name, data in texts.items():
        spec = with_override(spec, await _document(renderer, name, data), name=name)
    return spec


async def _document(renderer: Renderer, name: str, data: bytes) -> JsonValue:
    try:
        documents = await renderer.parse(data.decode(), timeout=PARSE_TIMEOUT)
    except UnicodeDecodeError as error:
        raise EngineError("invalid", f"{name} is not UTF-8 text") from error
    except EngineError as error:
        raise EngineError(error.code, f"{name}: {error.summary}") from error
    return documents[0] if documents else None
