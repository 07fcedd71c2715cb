"""The second transport: HTTP/1.1 through aiohttp.

It opens a connection per watch, but it can do what the first cannot: another TLS server name
through a proxy or for a host name, and later the upgrades that exec and port-forward need.
"""

import asyncio
import ssl
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from yarl import URL

from trimtab.adapters.kubernetes.transport import (
    Answer,
    Deadlines,
    Endpoint,
    Headers,
    Stream,
    TransportError,
)


class _AiohttpStream:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status

    async def read(self) -> bytes | None:
        try:
            return await self._response.content.readany() or None
        except (aiohttp.ClientError, OSError) as error:
            raise _failed(error) from error


class AiohttpTransport:
    """Transport over HTTP/1.1.

    Args:
        endpoint: Where to connect.
        deadlines: Connect and request deadlines; there is no ping in HTTP/1.1.

    Raises:
        ValueError: The certificates cannot be read.
    """

    def __init__(self, endpoint: Endpoint, deadlines: Deadlines) -> None:
        self._endpoint = endpoint
        self._connect = deadlines.connect.total_seconds()
        self._total = deadlines.request.total_seconds()
        self._ssl: ssl.SSLContext | bool = True
        if endpoint.server.startswith("https"):
            self._ssl = ssl_context(endpoint)
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self, method: str, target: str, headers: Headers, body: bytes | None = None
    ) -> Answer:
        """Send a request and read the whole answer."""
        timeout = aiohttp.ClientTimeout(total=self._total, sock_connect=self._connect)
        try:
            async with self._send(method, target, headers, body, timeout) as response:
                content = await response.read()
                values = response.headers
                return Answer(response.status, content, lambda name: values.getall(name, []))
        except (aiohttp.ClientError, OSError) as error:
            raise _failed(error) from error

    @asynccontextmanager
    async def stream(self, target: str, headers: Headers) -> AsyncGenerator[Stream]:
        """GET ``target`` and read the answer piece by piece."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._connect)
        try:
            async with asyncio.timeout(self._total):
                response = await self._send("GET", target, headers, None, timeout)
        except (aiohttp.ClientError, OSError) as error:
            raise _failed(error) from error
        try:
            yield _AiohttpStream(response)
        finally:
            response.close()

    async def aclose(self) -> None:
        """Close all connections; exchanges under way fail."""
        if self._session is not None:
            await self._session.close()

    def _send(
        self,
        method: str,
        target: str,
        headers: Headers,
        body: bytes | None,
        timeout: aiohttp.ClientTimeout,
    ) -> "aiohttp.client._RequestContextManager":  # pyright: ignore[reportPrivateUsage] -- the library names its return type no other way
        if self._session is None:  # made late: a session wants the running loop
            connector = aiohttp.TCPConnector(limit=0, limit_per_host=0)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=True)
        endpoint = self._endpoint
        return self._session.request(
            method,
            URL(endpoint.server.rstrip("/") + target, encoded=True),
            headers=headers,
            data=body,
            ssl=self._ssl,
            server_hostname=endpoint.server_name or None,
            proxy=endpoint.proxy or None,
            allow_redirects=False,
            timeout=timeout,
        )


def ssl_context(endpoint: Endpoint) -> ssl.SSLContext:
    """Return the TLS settings of an endpoint.

    Raises:
        ValueError: A certificate or key cannot be read.
    """
    try:
        context = ssl.create_default_context(cadata=endpoint.ca.decode() or None)
        # Python 3.13 would refuse authorities without key identifiers, which kubectl takes.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if endpoint.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if endpoint.identity:
            # The ssl module reads key pairs from files only; this one lives for one call.
            with tempfile.NamedTemporaryFile(suffix=".pem") as pair:
                Path(pair.name).write_bytes(endpoint.identity)
                context.load_cert_chain(pair.name)
    except (ssl.SSLError, UnicodeDecodeError) as error:
        message = f"cannot read the certificates for {endpoint.server}: {error}"
        raise ValueError(message) from error
    return context


def _failed(error: Exception) -> TransportError:
    timed_out = isinstance(error, TimeoutError)
    not_sent = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    message = str(error) or type(error).__name__
    return TransportError(message, sent=not not_sent, timed_out=timed_out)
