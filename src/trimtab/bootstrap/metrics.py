"""Metrics of ``trimtab serve``, in Prometheus' own terms."""

from prometheus_client import CollectorRegistry, Counter, Histogram
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

    def on_look(self, controller: str, look: Look) -> None:
        """Count a look."""
        self._looks.labels(controller, look.outcome).observe(look.seconds)

    def on_request(self, cluster: str, method: str, code: int) -> None:
        """Count a request."""
        self._requests.labels(cluster, method, str(code)).inc()

    def on_push(self) -> None:
        """Count a push."""
        self._pushes.inc()
