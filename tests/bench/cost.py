"""What a measurement cost: our CPU, the API servers' CPU, and requests counted on their side.

All API servers of a local fleet are one process with one metrics registry, so that the hub's
/metrics count the requests of all clusters. The bench's own requests are among them.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

from bench.procfs import children, cpu_seconds, program
from trimtab.adapters.kubernetes import KubernetesCluster
from trimtab.adapters.localfleet import Fleet
from trimtab.core import JsonValue

_REQUEST = re.compile(
    r'^apiserver_request_total\{.*?resource="([^"]*)".*?verb="([^"]*)".*?\} ([0-9.e+]+)$', re.M
)
_UNCOUNTED_VERBS = frozenset({"WATCH", "LIST", "GET", "CONNECT"})


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds and requests so far, or between two moments."""

    ours: float
    workers: float
    api: float
    etcd: float
    requests: Counter[str] = field(default_factory=Counter[str])

    def since(self, before: "Cost") -> "Cost":
        """Return what was added after ``before``."""
        return Cost(
            self.ours - before.ours,
            self.workers - before.workers,
            self.api - before.api,
            self.etcd - before.etcd,
            self.requests - before.requests,
        )

    def detail(self, deliveries: int = 0) -> dict[str, JsonValue]:
        """Return it as data; ``deliveries`` adds the share of each."""
        found: dict[str, JsonValue] = {
            "our_cpu_s": round(self.ours, 3),
            "workers_cpu_s": round(self.workers, 3),
            "api_cpu_s": round(self.api, 2),
            "etcd_cpu_s": round(self.etcd, 2),
            "api_requests": dict(sorted(self.requests.items())),
        }
        if deliveries:
            total = self.ours + self.workers
            found["cpu_ms_per_delivery"] = round(1000 * total / deliveries, 2)
            writes = sum(n for name, n in self.requests.items() if _is_write(name))
            found["writes_per_delivery"] = round(writes / deliveries, 2)
        return found


class Meter:
    """Reads costs.

    Args:
        fleet: The control planes.
        hub: For its metrics.
    """

    def __init__(self, fleet: Fleet, hub: KubernetesCluster) -> None:
        self._fleet = fleet
        self._hub = hub
        self._servers: list[int] = []
        self._etcd: list[int] = []

    async def open(self) -> None:
        """Find the fleet's processes."""
        processes = (await self._fleet.status()).processes
        self._servers = [pid for name, pid in processes.items() if "apiserver" in name]
        self._etcd = [pid for name, pid in processes.items() if "etcd" in name]

    async def begin(self, trimtab: int) -> Cost:
        """Return the costs so far; reading the metrics is not among what follows."""
        requests = await self._requests()
        return self._cpu(trimtab, requests)

    async def end(self, trimtab: int) -> Cost:
        """Return the costs so far; reading the metrics is not among them."""
        cpu = self._cpu(trimtab, Counter())
        cpu.requests.update(await self._requests())
        return cpu

    def _cpu(self, trimtab: int, requests: Counter[str]) -> Cost:
        workers = engine_workers(trimtab)
        return Cost(
            cpu_seconds(trimtab, with_ended_children=True),
            sum(cpu_seconds(pid) for pid in workers),
            sum(cpu_seconds(pid) for pid in self._servers),
            sum(cpu_seconds(pid) for pid in self._etcd),
            requests,
        )

    async def _requests(self) -> Counter[str]:
        answer = await self._hub.client.request("GET", "/metrics")
        found: Counter[str] = Counter()
        for resource, verb, count in _REQUEST.findall(answer.body.decode()):
            if resource and resource not in ("leases", "events"):
                found[f"{verb} {resource}"] += int(float(count))
        return found


def engine_workers(trimtab: int) -> list[int]:
    """Return the processes of the engines."""
    return [pid for pid in children(trimtab) if program(pid).startswith("trimtab-engines")]


def _is_write(name: str) -> bool:
    return name.partition(" ")[0] not in _UNCOUNTED_VERBS
