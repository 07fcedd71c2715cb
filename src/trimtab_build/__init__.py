"""Builds Trimtab's Go modules into cached binaries, with nothing but the standard library.

It is a package of its own because three parties need it that may not import each other: the wheel's
build hook (which runs before Trimtab is installed), the engines pool and the local fleet.
"""

from trimtab_build.gobuild import BuildError, build, cache_root
from trimtab_build.toolchain import GoMissingError, find_go

__all__ = ["BuildError", "GoMissingError", "build", "cache_root", "find_go"]
