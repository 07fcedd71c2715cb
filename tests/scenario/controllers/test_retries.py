"""When a failed sync is tried again, as its own backoff or that of its Application says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scenario.controllers.controller import Controller, story
from scenario.controllers.objects import config
from trimtab.ports.cluster import Forbidden


def refused(one: Controller) -> Callable[[], None]:
    """Let no object be applied, until told."""
    return one.target.refuse(lambda r: r.verb == "apply", Forbidden(403, "Forbidden", "no"))


async def waits_of(one: Controller, retries: int) -> list[float]:
    """Return the seconds between the attempts, each rounded."""
    waits: list[float] = []
    await one.until(lambda: one.operation().get("retryCount") == 1)
    for count in range(2, retries + 1):
        began = one.clock.monotonic()
        await one.until(lambda count=count: one.operation()["retryCount"] == count)
        waits.append(round(one.clock.monotonic() - began))
    return waits


def near(waits: list[float], *expected: float) -> bool:
    """Return whether waits are as planned, give or take a quarter: looks are not to the second."""
    return all(abs(a - b) <= b / 4 for a, b in zip(waits, expected, strict=True))


@story
async def test_each_wait_is_the_one_before_times_the_factor_up_to_the_most(one: Controller) -> None:
    one.commit(config("one"))
    refused(one)
    backoff = {"duration": "10s", "factor": 3, "maxDuration": "50s"}
    one.apply_app(syncPolicy={"automated": {}, "retry": {"limit": 5, "backoff": backoff}})
    waits = await waits_of(one, 5)
    assert near(waits, 10, 30, 50, 50), waits


@story
async def test_an_operation_s_own_backoff_counts(one: Controller) -> None:
    one.commit(config("one"))
    refused(one)
    mine: dict[str, Any] = {"limit": 9, "backoff": {"duration": "1h"}}
    one.apply_app(syncPolicy={"automated": None, "retry": mine})
    await one.until(lambda: one.sync() == "OutOfSync")
    backoff = {"duration": "20s", "factor": 2, "maxDuration": "30s"}
    one.change_app(operation={"sync": {}, "retry": {"limit": 3, "backoff": backoff}})
    waits = await waits_of(one, 3)
    assert near(waits, 20, 30), waits
    await one.until(lambda: one.phase() == "Failed")
