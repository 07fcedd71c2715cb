"""The first transport: HTTP/2 through pyreqwest.

Theory: HTTP/2 carries requests and watches side by side, but a server allows only some hundred
streams on one connection, and a request that waits for a free stream behind eternal watches waits
for ever. So requests have a connection of their own, and watches fill further ones evenly.
A connection is opened by whoever comes first; many who come at once would open one each, so the
first exchange of every connection is let through alone.
"""

import asyncio
import ipaddress
from collections.abc import AsyncGenerator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    DetailedPyreqwestError,
    PyreqwestError,
    RequestTimeoutError,
)
from pyreqwest.proxy import ProxyBuilder
from pyreqwest.response import Response

from trimtab.adapters.kubernetes.transport import (
    Answer,
    Deadlines,
    Endpoint,
    Headers,
    Stream,
    TransportError,
)

_T = TypeVar("_T")

STREAMS_PER_CONNECTION = 80  # kube-apiserver allows 100; the rest is room for reconnecting ones
_WINDOW = 4 * 1024 * 1024  # a LIST page is megabytes; the default window costs a round trip per 64K
# The library calls every timeout a connect timeout; only this cause says that nothing was sent.
_CONNECTING = "client error (Connect)"


class _Lane:
    """One HTTP/2 connection, opened by its first exchange alone.

    Those who wait for the opening share its fate: a hundred requests to a dead server fail after
    one connect deadline, not after a hundred.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.streams = 0
        self._is_open = False
        self._opening = asyncio.Lock()
        self._failures: int = 0
        self._failure: TransportError | None = None

    @asynccontextmanager
    async def exchange(self) -> AsyncGenerator[None]:
        if self._is_open:
            try:
                yield
            except PyreqwestError as error:
                self._is_open = False  # the next one opens it again, alone
                raise _failed(error) from error
            return
        seen: int = self._failures
        async with self._opening:
            if self._failures != seen and self._failure is not None:
                message, timed_out = str(self._failure), self._failure.timed_out
                raise TransportError(message, sent=False, timed_out=timed_out)
            try:
                yield
            except PyreqwestError as error:
                self._failures += 1
                self._failure = _failed(error)
                raise self._failure from error
            self._is_open = True


class _PyreqwestStream:
    def __init__(self, response: Response) -> None:
        self._response = response
        self._reader = response.body_reader

    @property
    def status(self) -> int:
        return self._response.status

    async def read(self) -> bytes | None:
        try:
            chunk = await _cancellable(self._reader.read_chunk())
        except PyreqwestError as error:
            raise _failed(error) from error
        return None if chunk is None else chunk.to_bytes()


class PyreqwestTransport:
    """Transport over HTTP/2 (HTTP/1.1 where the server or a proxy has nothing better).

    Args:
        endpoint: Where to connect. Use :func:`can_connect` first.
        deadlines: Connect, request and ping deadlines.

    Raises:
        ValueError: The certificates cannot be read.
    """

    def __init__(self, endpoint: Endpoint, deadlines: Deadlines) -> None:
        self._endpoint = endpoint
        self._deadlines = deadlines
        self._base = _url_base(endpoint)
        self._requests = _Lane(self._client(deadlines.request))
        self._watches: list[_Lane] = []

    async def request(
        self, method: str, target: str, headers: Headers, body: bytes | None = None
    ) -> Answer:
        """Send a request and read the whole answer."""
        builder = self._requests.client.request(method, self._base + target).headers(headers)
        if body is not None:
            builder = builder.body_bytes(body)
        async with self._requests.exchange():
            response = await _cancellable(builder.build().send())
            content = await _cancellable(response.bytes())
        return Answer(response.status, content.to_bytes(), response.get_header_all)

    @asynccontextmanager
    async def stream(self, target: str, headers: Headers) -> AsyncGenerator[Stream]:
        """GET ``target`` and read the answer piece by piece."""
        lane = self._free_lane()
        # Without the zero, the first event waits until a whole buffer has been filled.
        builder = lane.client.get(self._base + target).headers(headers)
        request = builder.streamed_read_buffer_limit(0).build_streamed()
        deadline = self._deadlines.request.total_seconds()
        lane.streams += 1
        try:
            async with AsyncExitStack() as stack:
                try:
                    async with asyncio.timeout(deadline), lane.exchange():
                        response = await _cancellable(stack.enter_async_context(request))
                except TimeoutError as error:
                    raise TransportError("no answer in time", sent=True, timed_out=True) from error
                yield _PyreqwestStream(response)
        finally:
            lane.streams -= 1

    async def aclose(self) -> None:
        """Close all connections; exchanges under way fail."""
        for lane in (self._requests, *self._watches):
            await lane.client.close()

    def _free_lane(self) -> _Lane:
        for lane in self._watches:
            if lane.streams < STREAMS_PER_CONNECTION:
                return lane
        self._watches.append(_Lane(self._client(None)))
        return self._watches[-1]

    def _client(self, total: timedelta | None) -> Client:
        endpoint, deadlines = self._endpoint, self._deadlines
        builder = (
            ClientBuilder()
            .http2(enable=True)
            .follow_redirects(enable=False)
            .connect_timeout(deadlines.connect)
            .http2_initial_stream_window_size(_WINDOW)
            .http2_initial_connection_window_size(_WINDOW)
            .http2_keep_alive_interval(deadlines.ping)
            .http2_keep_alive_timeout(deadlines.pong)
            .http2_keep_alive_while_idle(enabled=True)
            .gzip(endpoint.compression)
            .brotli(enable=False)
            .zstd(enable=False)
            .deflate(enable=False)
        )
        if total is not None:
            builder = builder.timeout(total)
        return _secured(builder, endpoint).build()


def can_connect(endpoint: Endpoint) -> bool:
    """Return whether this transport can reach the endpoint.

    The library takes the expected server name from the URL, so that another name needs the address
    pinned beside it: impossible through a proxy or when only a host name is known.
    """
    if not endpoint.server_name:
        return True
    return not endpoint.proxy and _address(endpoint.server) is not None


def _secured(builder: ClientBuilder, endpoint: Endpoint) -> ClientBuilder:
    for certificate in split_pem(endpoint.ca):
        builder = builder.add_root_certificate_pem(certificate)
    if endpoint.identity:
        builder = builder.identity_pem(endpoint.identity)
    if endpoint.insecure:
        builder = builder.danger_accept_invalid_certs(enable=True)
    address = _address(endpoint.server)
    if endpoint.server_name and address is not None:
        port = urlsplit(endpoint.server).port or 443
        builder = builder.resolve(endpoint.server_name, str(address), port)
    if endpoint.proxy:
        return builder.no_proxy().proxy(ProxyBuilder.all(endpoint.proxy))
    if address is not None and address.is_loopback:
        # As Go's ProxyFromEnvironment: nothing local goes through the environment's proxy.
        return builder.no_proxy()
    return builder


def split_pem(bundle: bytes) -> list[bytes]:
    """Return the certificates of a PEM bundle one by one."""
    end = b"-----END CERTIFICATE-----"
    return [part.lstrip() + end + b"\n" for part in bundle.split(end)[:-1]]


def _address(server: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    host = urlsplit(server).hostname or ""
    if host == "localhost":
        host = "127.0.0.1"
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _url_base(endpoint: Endpoint) -> str:
    parts = urlsplit(endpoint.server)
    if not endpoint.server_name:
        return endpoint.server.rstrip("/")
    netloc = f"{endpoint.server_name}:{parts.port or 443}"
    return urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", ""))


async def _cancellable(call: Awaitable[_T]) -> _T:
    """Await a call of the library without losing a cancellation.

    When the answer arrives at the same moment, the library returns it and the cancellation is
    gone: the task would go on for ever. Whoever cancelled is counted by the task itself.
    """
    task = asyncio.current_task()
    assert task is not None
    before = task.cancelling()
    result = await call
    if task.cancelling() > before:
        raise asyncio.CancelledError
    return result


def _failed(error: PyreqwestError) -> TransportError:
    found = error.details["causes"] if isinstance(error, DetailedPyreqwestError) else None
    causes = [cause["message"] for cause in found or ()]
    # The first cause repeats the URL; the last one says what happened.
    message = causes[-1] if causes else error.message
    timed_out = isinstance(error, RequestTimeoutError)
    return TransportError(message, sent=_CONNECTING not in causes, timed_out=timed_out)
