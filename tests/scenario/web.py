"""Web routes on a Unix socket: no network, and all of HTTP."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import ClientSession, UnixConnector, web


@asynccontextmanager
async def web_on_unix(routes: Iterable[web.RouteDef]) -> AsyncIterator[ClientSession]:
    """Serve routes; the session's paths are theirs."""
    application = web.Application()
    application.add_routes(routes)
    async with serving_on_unix(application) as session:
        yield session


@asynccontextmanager
async def serving_on_unix(application: web.Application) -> AsyncIterator[ClientSession]:
    """Serve an application; the session's paths are its."""
    runner = web.AppRunner(application)
    # A path under pytest's own folders may be too long for a socket.
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "web")
        await runner.setup()
        await web.UnixSite(runner, path).start()
        try:
            async with ClientSession("http://web", connector=UnixConnector(path)) as session:
                yield session
        finally:
            await runner.cleanup()
