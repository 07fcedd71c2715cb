"""Finds the ``trimtab-engines`` binary: the wheel carries it, a clone builds it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import trimtab
from trimtab_build import build

BINARY_NAME = "trimtab-engines"
LDFLAGS = "-s -w"


def find_binary(
    *, progress: Callable[[str], None] = lambda _: None, cache_dir: Path | None = None
) -> Path:
    """Return the path of an executable ``trimtab-engines``.

    Args:
        progress: Called with one line of text now and then while it is being built.
        cache_dir: Root of the build cache; by default ``trimtab_build.cache_root()``.

    Raises:
        GoMissingError: A build is needed and there is no Go toolchain.
        BuildError: The sources do not compile.
        FileNotFoundError: There is neither a binary nor a folder with its sources.
    """
    package = Path(trimtab.__file__).parent
    packaged = package / "_bin" / BINARY_NAME
    if packaged.is_file():
        return packaged
    sources = package.parents[1] / "engines"
    if not (sources / "go.mod").is_file():
        raise FileNotFoundError(
            f"there is neither {packaged} nor the sources in {sources}: reinstall trimtab"
        )
    return build(sources, BINARY_NAME, ldflags=LDFLAGS, progress=progress, cache_dir=cache_dir)
