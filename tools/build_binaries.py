"""Builds the Go parts that tests run, or finds them in the cache, and says where they are.

A part that cannot be built fails here, before any test could be skipped or fail for want of it.
"""

# ruff: noqa: T201 - it talks to the person who runs it

from __future__ import annotations

import sys

from trimtab.adapters import engines, localfleet
from trimtab_build import BuildError, GoMissingError

PARTS = (engines.find_binary, localfleet.build_binary)


def main() -> int:
    """Build every part and return 0, or 1 when one cannot be built."""
    for find in PARTS:
        try:
            _say(str(find(progress=_say)))
        except (BuildError, GoMissingError, FileNotFoundError) as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
