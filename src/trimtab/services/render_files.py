"""Plain manifests handed to the engine without a disk."""

import codecs
import posixpath
from dataclasses import replace

from trimtab.core.render import DirectoryRequest, TextFile
from trimtab.ports.renderer import EngineError
from trimtab.ports.source import Source, TreeEntry
from trimtab.services.folders import SourceFolder
from trimtab.services.render_requests import RenderRefused, SourceAt

MANIFEST_SUFFIXES = (".yaml", ".yml", ".json")
MAX_INLINE_BYTES = 10 * 1024 * 1024


async def inline_request(
    source: Source, at: SourceAt, folder: SourceFolder, request: DirectoryRequest
) -> DirectoryRequest | None:
    """Return the request with the folder's manifests in it.

    Args:
        source: Git.
        at: Repository and commit.
        folder: The folder.
        request: For the folder, without files.

    Returns:
        None when the engine needs the tree on a disk: for Jsonnet, and to follow links.

    Raises:
        RenderRefused: Too large.
        EngineError: A file is no text.
    """
    if request.libs or any(_needs_disk(entry) for entry in folder.entries):
        return None
    wanted = [
        entry
        for entry in folder.entries
        if entry.path.endswith(MANIFEST_SUFFIXES)
        and (request.recurse or posixpath.dirname(entry.path) == folder.path)
    ]
    total = sum(entry.size_bytes for entry in wanted)
    if total > MAX_INLINE_BYTES:
        raise RenderRefused(
            "SourceTooLarge",
            f"{folder.path or '.'} holds {total} bytes of manifests, more than {MAX_INLINE_BYTES}: "
            "split the application or exclude files",
        )
    texts = await source.read(at.repository, at.commit, [entry.path for entry in wanted])
    files = tuple(TextFile(name, _text(name, data)) for name, data in sorted(texts.items()))
    return replace(request, files=files)


def _needs_disk(entry: TreeEntry) -> bool:
    return entry.is_symlink or entry.path.endswith((".jsonnet", ".libsonnet"))


def _text(name: str, data: bytes) -> str:
    # Editors on Windows write UTF-16, and say so by a byte order mark.
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if is_utf16 else "utf-8")
    except UnicodeDecodeError as error:
        raise EngineError("invalid", f"{name} is not UTF-8 text") from error
