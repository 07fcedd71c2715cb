"""The pool survives what is done to its workers, and only the culprit pays."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from engine_cases import SOON, write_tree
from trimtab.adapters.engines import EnginePool, EngineRenderer
from trimtab.core.render import DirectoryRequest, HelmRequest, TextFile
from trimtab.ports.renderer import EngineError

pytest_plugins = ["engine_fixtures"]

MEMORY_BYTES = 256 << 20
BRIEFLY = timedelta(seconds=0.4)
ENDLESS = DirectoryRequest(
    "",
    files=(TextFile("a.jsonnet", "local f(n) = if n == 0 then 0 else f(n - 1) + f(n - 1); f(60)"),),
)


@pytest.fixture
async def pool(engines_binary: Path) -> AsyncIterator[EnginePool]:
    async with EnginePool(engines_binary, workers=2, memory_bytes=MEMORY_BYTES) as pool:
        yield pool


def chart(tmp_path: Path, template: str) -> Path:
    head = "apiVersion: v2\nname: c\nversion: 0.1.0\n"
    return write_tree(tmp_path, {"c/Chart.yaml": head, "c/templates/a.yaml": template})


async def test_nothing_is_started_before_the_first_call_and_one_worker_serves_it(
    pool: EnginePool,
) -> None:
    assert pool.worker_pids == ()
    for _ in range(5):
        await pool.call("yaml.to_json", {"doc": "a: 1"}, timeout=SOON)
    assert len(pool.worker_pids) == 1


async def test_answers_find_their_requests_when_many_are_in_flight(pool: EnginePool) -> None:
    calls = [
        pool.call("yaml.to_json", {"doc": f"count: {n}\nx: {'z' * (n * 300)}"}, timeout=SOON)
        for n in range(300)
    ]
    answers = await asyncio.gather(*calls)
    found = [cast("Any", answer)["objects"][0]["count"] for answer in answers]
    assert found == list(range(300))
    assert len(pool.worker_pids) == 2


async def test_a_request_past_its_deadline_fails_alone(pool: EnginePool) -> None:
    renderer = EngineRenderer(pool)
    endless = asyncio.gather(
        *(renderer.render(ENDLESS, root=None, timeout=BRIEFLY) for _ in range(2)),
        return_exceptions=True,
    )
    others = await asyncio.gather(*(renderer.parse(f"count: {n}", timeout=SOON) for n in range(50)))
    assert [each[0]["count"] for each in others] == list(range(50))
    for error in await endless:
        assert isinstance(error, EngineError)
        assert error.code == "timeout"
    assert await renderer.parse("a: 1", timeout=SOON) == ({"a": 1},)


async def test_bystanders_of_a_killed_worker_are_answered_by_another(
    tmp_path: Path, pool: EnginePool
) -> None:
    renderer = EngineRenderer(pool)
    await renderer.parse("a: 1", timeout=SOON)
    (pid,) = pool.worker_pids
    root = chart(tmp_path, "{{ range until 300000 }}{{ $x := add . 1 }}{{ end }}")
    request = HelmRequest("c", "r", "n")
    rendering = asyncio.gather(
        *(renderer.render(request, root=root, timeout=SOON) for _ in range(4))
    )
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    assert all(output.objects == () for output in await rendering)
    assert pid not in pool.worker_pids


BOMBS = {
    "a template that fills the memory": '{{ repeat 2000000000 "x" }}',
    "a template that grows a list for ever": (
        '{{ $l := list "x" }}{{ range until 40 }}{{ $l = concat $l $l }}{{ end }}'
    ),
}


@pytest.mark.parametrize("case", BOMBS)
async def test_a_memory_bomb_is_refused_and_remembered(
    case: str, tmp_path: Path, pool: EnginePool
) -> None:
    renderer = EngineRenderer(pool)
    root = chart(tmp_path, BOMBS[case])
    request = HelmRequest("c", "r", "n")
    bystanders = asyncio.gather(*(renderer.parse(f"count: {n}", timeout=SOON) for n in range(20)))
    with pytest.raises(EngineError) as first:
        await renderer.render(request, root=root, timeout=SOON)
    assert first.value.code == "crashed"
    assert "ended two workers" in first.value.summary
    assert len(await bystanders) == 20
    pids = pool.worker_pids
    with pytest.raises(EngineError) as second:
        await renderer.render(request, root=root, timeout=SOON)
    assert second.value.summary == first.value.summary
    assert pool.worker_pids == pids  # refused without another crash


async def test_unknown_methods_and_parameters_are_refused(pool: EnginePool) -> None:
    for method, params in (("nothing", {}), ("yaml.to_json", {"text": "a: 1"})):
        with pytest.raises(EngineError) as refused:
            await pool.call(method, params, timeout=SOON)
        assert refused.value.code == "invalid"


async def test_a_caller_that_gives_up_disturbs_nobody(pool: EnginePool) -> None:
    renderer = EngineRenderer(pool)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await renderer.render(ENDLESS, root=None, timeout=BRIEFLY)
    assert await renderer.parse("a: 1", timeout=SOON) == ({"a": 1},)


async def test_workers_end_with_the_pool(engines_binary: Path) -> None:
    async with EnginePool(engines_binary) as pool:
        await pool.call("yaml.to_json", {"doc": "a: 1"}, timeout=SOON)
        (pid,) = pool.worker_pids
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(EngineError, match="shutting down"):
        await pool.call("yaml.to_json", {"doc": "a: 1"}, timeout=SOON)


PARENT = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from trimtab.adapters.engines import EnginePool

async def main():
    pool = EnginePool(Path(sys.argv[1]))
    await pool.call("yaml.to_json", {"doc": "a: 1"}, timeout=timedelta(seconds=30))
    print(*pool.worker_pids, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_workers_die_with_a_parent_that_was_killed(engines_binary: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(engines_binary), stdout=-1, env={**os.environ}
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and _state(pid) != "Z":
        assert time.monotonic() < deadline, "the worker outlived its parent"
        await asyncio.sleep(0.01)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"
