"""What ``trimtab serve`` says about itself at /metrics."""

import asyncio

import aiohttp

LOOKS = "trimtab_reconcile_seconds_count"
REQUESTS = "trimtab_kubernetes_requests_total"


async def read_metrics(url: str, *, after: float = 0.0) -> str:
    """Return the metrics' text, after a pause."""
    await asyncio.sleep(after)
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        return await answer.text()


def looks(metrics: str) -> int:
    """Return how often Applications have been looked at."""
    return _sum(metrics, LOOKS, 'controller="application"')


def requests(metrics: str) -> int:
    """Return how many requests have been sent to API servers."""
    return _sum(metrics, REQUESTS, "")


def _sum(metrics: str, name: str, label: str) -> int:
    lines = (line for line in metrics.splitlines() if line.startswith(name) and label in line)
    return int(sum(float(line.rpartition(" ")[2]) for line in lines))
