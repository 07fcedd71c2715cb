"""How bytes reach an API server: one request and one stream, whatever library sends them.

Rules: a transport knows HTTP, TLS and one base URL, never Kubernetes; it adds no credentials, does
not retry and does not interpret status codes. Every failure to get an answer is TransportError.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

Headers = Sequence[tuple[str, str]]
"""Pairs, because Impersonate-Group may be given many times."""


class TransportError(Exception):
    """No answer came.

    Args:
        message: What the library said, root cause included.
        sent: Whether the server may have seen the request; a write that was sent is not repeated.
        timed_out: A deadline passed, rather than a connection failing.
    """

    def __init__(self, message: str, *, sent: bool, timed_out: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.timed_out = timed_out


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, read whole.

    Args:
        status: HTTP status.
        body: The body, decompressed.
        header: Returns all values of a header, by name in any case; looked up lazily because most
            answers' headers are never read.
    """

    status: int
    body: bytes
    header: Callable[[str], Sequence[str]]


class Stream(Protocol):
    """A response that is read while it arrives."""

    @property
    def status(self) -> int:
        """HTTP status."""
        ...

    async def read(self) -> bytes | None:
        """Return the next bytes as soon as there are some, or None at the end.

        Raises:
            TransportError: The connection broke.
        """
        ...


class Transport(Protocol):
    """Requests to one API server. ``target`` is an absolute path with its query string."""

    async def request(
        self, method: str, target: str, headers: Headers, body: bytes | None = None
    ) -> Answer:
        """Send a request and read the whole answer.

        Raises:
            TransportError: No answer.
        """
        ...

    def stream(self, target: str, headers: Headers) -> AbstractAsyncContextManager[Stream]:
        """GET ``target`` and read the answer piece by piece, without a total deadline.

        Raises:
            TransportError: On entering, when no answer came.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect and how to trust it.

    Args:
        server: Base URL without a trailing slash.
        ca: PEM bundle; empty means the system's roots.
        identity: Client certificate chain and key, PEM; empty means none.
        insecure: Do not verify the server's certificate.
        server_name: Name expected in the certificate instead of the URL's host.
        proxy: Proxy URL, or empty.
        compression: Ask for compressed answers.
    """

    server: str
    ca: bytes = b""
    identity: bytes = b""
    insecure: bool = False
    server_name: str = ""
    proxy: str = ""
    compression: bool = True


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long to wait for the other side.

    Args:
        connect: TCP and TLS handshake.
        request: A whole request, from sending to the last byte.
        ping: HTTP/2 ping interval: finds peers that died silently.
        pong: How long a ping may stay unanswered.
    """

    connect: timedelta = timedelta(seconds=3)
    request: timedelta = timedelta(seconds=30)
    ping: timedelta = timedelta(seconds=10)
    pong: timedelta = timedelta(seconds=5)


TransportFactory = Callable[[Endpoint, Deadlines], Transport]
