"""A small HTTP server with scripted answers, for what no real API server does on demand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from trimtab.adapters.kubernetes import ClusterOptions, ConnectionSettings, Deadlines
from trimtab.adapters.kubernetes.client import ApiClient
from trimtab.adapters.kubernetes.transport import TransportFactory

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

DISCOVERY: dict[str, Any] = {
    "/api": [
        {
            "metadata": {"name": ""},
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        {
                            "resource": "configmaps",
                            "responseKind": {"group": "", "version": "v1", "kind": "ConfigMap"},
                            "scope": "Namespaced",
                            "verbs": ["get", "list", "watch", "patch", "create", "delete"],
                        }
                    ],
                }
            ],
        }
    ],
    "/apis": [],
}


def json_answer(body: Any, status: int = 200, **headers: str) -> web.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response(body, status=status, headers=named)


def status_answer(code: int, reason: str, message: str = "", **headers: str) -> web.Response:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message or reason}
    return json_answer(body, code, **headers)


def discovery_answer(request: web.Request) -> web.Response | None:
    items = DISCOVERY.get(request.path)
    return None if items is None else json_answer({"kind": "APIGroupDiscoveryList", "items": items})


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


@asynccontextmanager
async def serve(handler: Handler) -> AsyncIterator[str]:
    """Serve on a free port of loopback; yields the base URL."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client_of(
    url: str, make: TransportFactory, *, deadlines: Deadlines | None = None, **connection: Any
) -> AsyncIterator[ApiClient]:
    settings = ConnectionSettings("stub", url, **connection)
    client = ApiClient(settings, make, deadlines=deadlines)
    try:
        yield client
    finally:
        await client.aclose()


def options(make: TransportFactory) -> ClusterOptions:
    return ClusterOptions(transport=make)
