"""The web routes of ``trimtab serve``: webhook, health and metrics, and nothing else."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from aiohttp import web

from trimtab.api.operations import operations_routes
from trimtab.bootstrap.metrics import Metrics
from trimtab.bootstrap.webhook import push_routes
from trimtab.core.errors import Stalled
from trimtab.ports.cluster import Cluster

_MOST_BYTES = 4 * 1024 * 1024


class AddressInvalid(Stalled):
    """``--listen`` is no address, or one that this process cannot have."""


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of ``host:port`` or ``:port``; without a host, loopback.

    Raises:
        AddressInvalid: It is neither.
    """
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or int(port) > 65535:
        message = f"--listen {text!r}: expected host:port, for example 127.0.0.1:8480"
        raise AddressInvalid("AddressInvalid", message)
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


def web_application(
    hub: Cluster,
    namespace: str,
    *,
    metrics: Metrics,
    is_ready: Callable[[], bool],
    pushed: Callable[[str], Awaitable[None]],
) -> web.Application:
    """Return all that the process answers over HTTP.

    Args:
        hub: Holds the webhook's secrets.
        namespace: Of the installation.
        metrics: What is told at ``/metrics``.
        is_ready: What is told at ``/readyz``.
        pushed: Told each URL by which a push names its repository.
    """

    async def counted(url: str) -> None:
        metrics.on_push()
        await pushed(url)

    app = web.Application(client_max_size=_MOST_BYTES)
    app.add_routes(operations_routes(metrics.registry, is_ready))
    app.add_routes(push_routes(hub, namespace, counted))
    return app


async def listen(app: web.Application, address: tuple[str, int], stack: AsyncExitStack) -> str:
    """Serve until the stack is closed, and return the URL.

    Raises:
        AddressInvalid: The address is in use, or not this machine's.
    """
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    host, port = address
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        message = f"cannot listen on {host}:{port}: {error.strerror}; name another with --listen"
        raise AddressInvalid("AddressInvalid", message) from error
    bound: tuple[str, int] = runner.addresses[0][:2]
    shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
    return f"http://{shown}:{bound[1]}"
