"""Finds or builds the ``localfleet`` binary; every clone of the project shares the built one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import trimtab
from trimtab_build import build

# The API servers report what they were built as; without these they would say v0.0.0-master.
_KUBERNETES = "v1.37.2"
_VERSION = "k8s.io/component-base/version"
_LDFLAGS = (
    f"-s -w -X {_VERSION}.gitVersion={_KUBERNETES}"
    f" -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=37"
)


def build_binary(
    source: Path | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
    cache_dir: Path | None = None,
) -> Path:
    """Return the ``localfleet`` binary, building it first if the cache does not hold it.

    Args:
        source: Folder of the Go module; by default ``source_dir()``.
        progress: Called with one line of text now and then: the first build takes minutes.
        cache_dir: Root of the cache; by default ``trimtab_build.cache_root()``.

    Returns:
        Path of the executable, the same for the same sources.

    Raises:
        GoMissingError: A build is needed and there is no Go toolchain.
        BuildError: The sources do not compile.
        FileNotFoundError: There are no sources.
    """
    return build(
        source or source_dir(),
        "localfleet",
        ldflags=_LDFLAGS,
        progress=progress,
        cache_dir=cache_dir,
    )


def source_dir() -> Path:
    """Return the Go module's folder: inside the installed package, or beside it in a clone.

    Raises:
        FileNotFoundError: Neither exists. The message names both places.
    """
    package = Path(trimtab.__file__).parent
    places = (package / "_go" / "localfleet", package.parents[1] / "localfleet")
    for place in places:
        if (place / "go.mod").is_file():
            return place
    looked = " and ".join(map(str, places))
    raise FileNotFoundError(f"the sources of localfleet are neither in {looked}: reinstall trimtab")
