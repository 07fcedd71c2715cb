"""``python -m bench``: measure the budgets, write JSON, print a table."""

import argparse
import asyncio
import dataclasses
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bench.fleet import measure_fleet
from bench.many import measure_many
from bench.plan import BUDGETS, QUICK, Sizes
from bench.results import Results
from bench.world import open_world, say
from trimtab.bootstrap.demo.processes import trimtab_program
from trimtab.bootstrap.demo.step import StepFailed


def main(arguments: list[str]) -> int:
    """Measure, and return the exit code: 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(BUDGETS), metavar="NAME")
    parser.add_argument("--clusters", type=int, help="targets of pushes and heals")
    parser.add_argument("--quick", action="store_true", help="tiny: says whether it works")
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    parser.add_argument("--folder", type=Path, help="keeps state and logs, for a closer look")
    parser.add_argument("--poll-seconds", type=int, default=15, help="of `trimtab serve`")
    chosen = parser.parse_args(arguments)
    sizes = QUICK if chosen.quick else Sizes()
    if chosen.clusters:
        sizes = dataclasses.replace(sizes, clusters=chosen.clusters)
    results = Results(chosen.output)
    wanted = set(chosen.only or BUDGETS)
    uvloop.run(_measure(sizes, results, wanted, chosen))
    print(results.table(), flush=True)
    return 1 if results.failed else 0


async def _measure(
    sizes: Sizes, results: Results, wanted: set[str], chosen: argparse.Namespace
) -> None:
    if "help_ms" in wanted:
        await asyncio.to_thread(_help, sizes, results)
    for group in ("fleet", "many"):
        ours = {name for name in wanted if BUDGETS[name].group == group}
        if not ours:
            continue
        try:
            with tempfile.TemporaryDirectory(prefix="trimtab-bench-") as private:
                place = chosen.folder / group if chosen.folder else Path(private)
                place.mkdir(parents=True, exist_ok=True)
                await _measure_group(group, sizes, results, ours, place, chosen)
        except StepFailed as error:
            say(f"{group}: {error}")
            for name in ours:
                results.fail(name, str(error))


async def _measure_group(
    group: str,
    sizes: Sizes,
    results: Results,
    wanted: set[str],
    folder: Path,
    chosen: argparse.Namespace,
) -> None:
    is_fleet = group == "fleet"
    clusters = sizes.clusters if is_fleet else sizes.spread
    controllers = is_fleet and sizes.controllers
    options = ("--poll-seconds", str(chosen.poll_seconds))
    opened = open_world(clusters, sizes, folder, controllers=controllers, options=options)
    async with opened as world:
        await (measure_fleet if is_fleet else measure_many)(world, results, wanted)


def _help(sizes: Sizes, results: Results) -> None:
    times: list[float] = []
    for _ in range(sizes.starts):
        started = time.monotonic()
        subprocess.run([trimtab_program(), "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append(1000 * (time.monotonic() - started))
    results.add("help_ms", statistics.median(times), max_ms=round(max(times), 1))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
