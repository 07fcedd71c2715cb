"""Runs the demo's steps in order, whatever becomes of each, and ends everything afterwards."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from trimtab.bootstrap.demo.result import DemoResult, StepResult
from trimtab.bootstrap.demo.step import Reporter, Step, StepFailed
from trimtab.bootstrap.demo.steps import STEPS
from trimtab.bootstrap.demo.world import World


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the demo is asked for.

    Args:
        clusters: Target clusters; the hub is one more.
        stays: Leave everything running after the last step, until SIGINT or SIGTERM.
        folder: Where repository, Trimtab's state and logs go, and stay; None for a temporary one.
    """

    clusters: int = 20
    stays: bool = False
    folder: Path | None = None


async def run_demo(
    options: DemoOptions,
    reporter: Reporter,
    on_done: Callable[[DemoResult], None],
    steps: Sequence[Step] = STEPS,
) -> DemoResult:
    """Run the steps and return how they ended; nothing is left running.

    Args:
        options: What is asked for.
        reporter: Told what goes on.
        on_done: Told the result as soon as it is known, before anything is taken down.
        steps: What to do.

    Raises:
        ValueError: Too few clusters.
    """
    async with AsyncExitStack() as stack:
        world = World(options.clusters, reporter, stack, options.folder)
        results: list[StepResult] = []
        for number, step in enumerate(steps, start=1):
            reporter.say(f"[{number}/{len(steps)}] {step.name}: {step.purpose}")
            results.append(await _run_step(step, world, results))
        numbers = world.numbers
        result = DemoResult(
            clusters=len(world.places),
            applications=world.seen_applications,
            push_to_cluster=tuple(numbers.push_to_cluster),
            push_healthy=tuple(numbers.push_healthy),
            heal=tuple(numbers.heal),
            steps=tuple(results),
        )
        on_done(result)
        if options.stays and results[0].ok:
            await _stay(world)
        reporter.doing("ending all processes")
        return result


async def _run_step(step: Step, world: World, before: Sequence[StepResult]) -> StepResult:
    failed = [result.name for result in before if not result.ok and result.name in step.needs]
    started = time.monotonic()
    if failed:
        ok, detail = False, f"not tried, because {', '.join(failed)} failed"
    else:
        try:
            ok, detail = True, await step.run(world)
        except StepFailed as error:
            ok, detail = False, str(error)
        except Exception as error:  # a step that breaks is a result, not the end
            ok, detail = False, _told(error)
    result = StepResult(step.name, ok, time.monotonic() - started, detail)
    world.reporter.say(f"      {'ok' if ok else 'FAILED'} in {result.seconds:.1f} s: {detail}")
    return result


def _told(error: Exception) -> str:
    """Return an error as text; a group as the texts of what it holds."""
    if isinstance(error, ExceptionGroup):
        group = cast("ExceptionGroup[Exception]", error)
        return "; ".join(_told(one) for one in group.exceptions)
    return str(error) if isinstance(error, StepFailed) else f"{type(error).__name__}: {error}"


async def _stay(world: World) -> None:
    for line in _how_to_look_around(world):
        world.reporter.say(line)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()


def _how_to_look_around(world: World) -> list[str]:
    hub = world.fleet.cluster(0).kubeconfig_path
    first = world.places[0]
    return [
        "",
        "Everything stays up until Ctrl-C. To look around, in another terminal:",
        f"  export KUBECONFIG={hub}",
        f"  export TRIMTAB_STATE_DIR={world.state_dir}",
        "  trimtab app list",
        f"  trimtab app get {first.app}",
        "  trimtab log",
        f"  kubectl --kubeconfig {world.fleet.cluster(first.index).kubeconfig_path} get all -A",
        f"  git clone {world.checkout.url}",
        f"  Trimtab's log: {world.folder / 'serve.log'}",
    ]
