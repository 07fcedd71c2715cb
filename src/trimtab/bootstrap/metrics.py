"""Metrics of ``trimtab serve``, in Prometheus' own terms."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

from trimtab.runtime import Look


class Metrics:
    """The registry and what is counted in it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._looks = Histogram(
            "trimtab_reconcile_seconds",
            "Looks at one key.",
            ("controller", "outcome"),
            registry=self.registry,
        )
        self._requests = Counter(
            "trimtab_kubernetes_requests_total",
            "Requests to API servers; code 0 is no answer.",
            ("cluster", "method", "code"),
            registry=self.registry,
        )
        self._pushes = Counter(
            "trimtab_webhook_pushes_total", "Verified pushes.", registry=self.registry
        )

        self._queues = Gauge(
            "trimtab_queue_length",
            "Keys that wait for a look.",
            ("controller",),
            registry=self.registry,
        )
        self._leader = Gauge(
            "trimtab_leader", "1 while this process holds the lease.", registry=self.registry
        )

        self._backlog = Gauge(
            "trimtab_ledger_waiting",
            "Entries that wait for a ledger which cannot be written.",
            registry=self.registry,
        )

    def watch(
        self,
        *,
        queues: Mapping[str, Callable[[], int]],
        is_leader: Callable[[], bool],
        waiting_entries: Callable[[], int],
    ) -> None:
        """Ask for these whenever somebody reads the metrics.

        Args:
            queues: Lengths, by controller.
            is_leader: Whether this process holds the lease.
            waiting_entries: How many entries wait for the ledger.
        """
        for controller, length in queues.items():
            self._queues.labels(controller).set_function(length)
        self._leader.set_function(is_leader)
        self._backlog.set_function(waiting_entries)

    def on_look(self, controller: str, look: Look) -> None:
        """Count a look."""
        self._looks.labels(controller, look.outcome).observe(look.seconds)

    def on_request(self, cluster: str, method: str, code: int) -> None:
        """Count a request."""
        self._requests.labels(cluster, method, str(code)).inc()

    def on_push(self) -> None:
        """Count a push."""
        self._pushes.inc()
