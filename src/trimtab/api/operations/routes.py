"""``/healthz``, ``/readyz`` and ``/metrics``."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

_NOT_READY = "the hub has not been read yet, or another process holds the lease\n"


def operations_routes(
    registry: CollectorRegistry, is_ready: Callable[[], bool]
) -> list[web.RouteDef]:
    """Return the routes that a platform asks for.

    Args:
        registry: Metrics.
        is_ready: Whether the hub has been read and this process holds the lease.
    """

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        ready = is_ready()
        return web.Response(text="ok\n" if ready else _NOT_READY, status=200 if ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        body = generate_latest(registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/metrics", metrics),
    ]
