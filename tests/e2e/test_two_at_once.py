"""Two runs of the main job at once, as two checkouts on one machine do it: each has its own way."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.fleet
PROGRAM = Path(sys.executable).with_name("trimtab")
CLUSTERS = 3


async def demo() -> dict[str, Any]:
    """Run a demo to its end and return what it tells."""
    process = await asyncio.create_subprocess_exec(
        *(PROGRAM, "demo", "--clusters", str(CLUSTERS), "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()[-3000:]
    return json.loads(out)


async def test_two_demos_at_once_do_not_meet() -> None:
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(demo()) for _ in range(2)]
    for result in (task.result() for task in running):
        assert [step["name"] for step in result["steps"] if not step["ok"]] == []
        assert result["ok"] is True
        assert result["clusters"] == CLUSTERS
