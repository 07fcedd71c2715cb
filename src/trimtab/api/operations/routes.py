"""``/healthz``, ``/readyz`` and ``/metrics``."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


def operations_routes(
    registry: CollectorRegistry, is_ready: Callable[[], bool]
) -> list[web.RouteDef]:
    """Return the routes that a platform asks for.

    Args:
        registry: Metrics.
        is_ready: Whether the hub has been read.
    """

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        ready = is_ready()
        return web.Response(
            text="ok\n" if ready else "hub not read yet\n", status=200 if ready else 503
        )

    async def metrics(_: web.Request) -> web.Response:
        body = generate_latest(registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/metrics", metrics),
    ]
