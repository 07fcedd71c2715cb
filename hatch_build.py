"""Puts the engines' binary, and the sources of localfleet, into the wheel.

An editable install gets neither: it finds both beside the package in the clone.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_ROOT = Path(__file__).parent
sys.path.insert(0, str(_ROOT / "src"))

from trimtab_build import GoMissingError, build  # noqa: E402

_BINARY = "trimtab-engines"


class EnginesHook(BuildHookInterface[Any]):
    """Builds ``engines/`` and adds the binary as ``trimtab/_bin/trimtab-engines``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the binary to the files of a standard wheel; called by hatchling.

        Args:
            version: ``standard`` or ``editable``.
            build_data: Hatchling's description of the wheel, changed in place.
        """
        if version == "editable":
            return
        try:
            binary = build(_ROOT / "engines", _BINARY, ldflags="-s -w", progress=_say)
        except GoMissingError as missing:
            raise SystemExit(
                f"the wheel needs the Go program {_BINARY}, and it cannot be built: {missing}"
            ) from missing
        build_data["force_include"][str(binary)] = f"trimtab/_bin/{_BINARY}"
        localfleet = _ROOT / "localfleet"
        if localfleet.is_dir():
            build_data["force_include"][str(localfleet)] = "trimtab/_go/localfleet"
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
