"""What tests of the engines share: sample trees, and the tools whose results are the measure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from trimtab.adapters.engines import EngineRenderer
from trimtab.core import JsonObject

DATA = Path(__file__).parent / "contract" / "data" / "engines"
ORACLES = Path(__file__).parent.parent / "engines" / "testdata" / "oracles"
SOON = timedelta(seconds=30)


class Oracle:
    """The helm and kustomize command-line tools, built from their own modules."""

    def __init__(self, binary: Path, renderer: EngineRenderer) -> None:
        self._binary = binary
        self._renderer = renderer

    async def run(self, *arguments: str, cwd: Path) -> str:
        """Return the output of ``helm …`` or ``kustomize …``, which must succeed."""
        process = await asyncio.create_subprocess_exec(
            str(self._binary), *arguments, cwd=cwd, stdout=-1, stderr=-1, env={"HOME": str(cwd)}
        )
        out, error = await process.communicate()
        assert process.returncode == 0, error.decode()
        return out.decode()

    async def objects(self, *arguments: str, cwd: Path) -> Sequence[JsonObject]:
        """Return the objects that a tool prints."""
        return await self._renderer.parse(await self.run(*arguments, cwd=cwd), timeout=SOON)


def write_tree(root: Path, files: dict[str, str]) -> Path:
    """Write files below a folder and return it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root
