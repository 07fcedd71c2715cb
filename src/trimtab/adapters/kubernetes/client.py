"""One API server behind its limiter and its circuit: requests that retry only what is safe.

Rules: a 429 was not carried out, so that any method is tried again after the time the server asked
for; a failed connection is tried again for reads always, for writes only when nothing was sent.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

from trimtab.adapters.kubernetes.circuit import Circuit
from trimtab.adapters.kubernetes.config import ConnectionInvalid, ConnectionSettings
from trimtab.adapters.kubernetes.credentials import (
    Credential,
    CurrentCredential,
    acting_as,
    credentials_for,
    explain_refusal,
)
from trimtab.adapters.kubernetes.errors import error_of, retry_after_of
from trimtab.adapters.kubernetes.limiter import Limiter
from trimtab.adapters.kubernetes.transport import (
    Answer,
    Deadlines,
    Endpoint,
    Headers,
    Stream,
    Transport,
    TransportError,
    TransportFactory,
)
from trimtab.ports.cluster import ClusterUnreachable, CredentialsRefused

OnRequest = Callable[[str, int, float], None]
"""Told of every exchange: method, status (0: no answer), seconds."""

_JSON = (("accept", "application/json"),)
_TRIES = 4
_COMPLAINT_TRIES, _COMPLAINT_SECONDS = 8, 60.0
_DEFAULT_RETRY_AFTER = timedelta(seconds=1)
_LEAST_RETRY_AFTER = timedelta(milliseconds=50)
_LONGEST_RETRY_AFTER = timedelta(seconds=30)


class ApiClient:
    """Requests to one API server.

    Args:
        connection: Where and as whom.
        transport_factory: Makes the transport, again when the client certificate changes.
        deadlines: Deadlines of the transport.
        on_request: Told of every exchange.

    Raises:
        ConnectionInvalid: The certificates cannot be read.
    """

    def __init__(
        self,
        connection: ConnectionSettings,
        transport_factory: TransportFactory,
        *,
        deadlines: Deadlines | None = None,
        on_request: OnRequest | None = None,
    ) -> None:
        self.connection = connection
        self.circuit = Circuit(connection.name)
        self.limiter = Limiter()
        self._deadlines = deadlines or Deadlines()
        self._make = transport_factory
        self._on_request = on_request
        self._credential = CurrentCredential(credentials_for(connection))
        self._acting = acting_as(connection.user, connection.groups)
        self._identity: bytes | None = None
        self._transport: Transport | None = None
        self._retired: list[Transport] = []
        self._headers_of: tuple[Credential | None, Headers] = (None, ())
        self._validate()

    async def request(
        self,
        method: str,
        target: str,
        *,
        headers: Headers = _JSON,
        body: bytes | None = None,
    ) -> Answer:
        """Send a request; return any answer but 401, and 429 only when it outlasted the retries.

        Raises:
            ClusterUnreachable: No answer.
            CredentialsRefused: 401, also with a fresh credential.
        """
        tries, complaints, started = 0, 0, time.monotonic()
        while True:
            try:
                answer = await self._exchange(method, target, headers, body)
            except TransportError as error:
                tries += 1
                if tries >= _TRIES or not _may_repeat(method, error) or self.circuit.is_open:
                    raise self._unreachable(error) from error
                await asyncio.sleep(_jittered(0.05 * 2**tries))
                continue
            if answer.status != 429:
                return answer
            complaints += 1
            if complaints >= _COMPLAINT_TRIES or time.monotonic() - started > _COMPLAINT_SECONDS:
                return answer

    async def checked(
        self,
        method: str,
        target: str,
        *,
        headers: Headers = _JSON,
        body: bytes | None = None,
    ) -> Answer:
        """As :meth:`request`, but every status of 400 and above is raised as an ApiError."""
        answer = await self.request(method, target, headers=headers, body=body)
        if answer.status >= 400:
            raise error_of(answer, f"{method} {target}")
        return answer

    @asynccontextmanager
    async def stream(self, target: str, *, headers: Headers = _JSON) -> AsyncGenerator[Stream]:
        """GET a stream; its status is the caller's to check, except for 401.

        Raises:
            ClusterUnreachable: No answer.
            CredentialsRefused: 401.
        """
        self.circuit.admit()
        async with AsyncExitStack() as stack:
            try:
                transport, all_headers, credential = await self._prepare(headers)
                opening = transport.stream(target, all_headers)
                stream = await stack.enter_async_context(opening)
            except TransportError as error:
                self._failed("WATCH", error, 0.0)
                raise self._unreachable(error) from error
            except BaseException:
                self.circuit.abandoned()
                raise
            # What breaks later is the caller's: a connection that ends is no failure to connect.
            self.circuit.succeeded()
            self._note("WATCH", stream.status, 0.0)
            if stream.status == 401:
                if self._credential.is_refreshable:
                    await self._credential.get(refused=credential)
                await self._refused(credential)
            yield stream

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in (*self._retired, self._transport):
            if transport is not None:
                await transport.aclose()
        self._retired.clear()
        self._transport = None

    async def _exchange(
        self, method: str, target: str, headers: Headers, body: bytes | None
    ) -> Answer:
        answer, credential = await self._once(method, target, headers, body)
        if answer.status == 401:
            if self._credential.is_refreshable:
                await self._credential.get(refused=credential)
                answer, credential = await self._once(method, target, headers, body)
            if answer.status == 401:
                await self._refused(credential)
        return answer

    async def _once(
        self, method: str, target: str, headers: Headers, body: bytes | None
    ) -> tuple[Answer, Credential]:
        self.circuit.admit()
        try:
            transport, all_headers, credential = await self._prepare(headers)
            await self.limiter.enter()
            started = time.perf_counter()
            try:
                answer = await transport.request(method, target, all_headers, body)
            except TransportError as error:
                self._failed(method, error, time.perf_counter() - started)
                raise
            finally:
                self.limiter.leave()
        except BaseException:
            self.circuit.abandoned()
            raise
        self.circuit.succeeded()
        self._note(method, answer.status, time.perf_counter() - started)
        if answer.status == 429:
            asked = retry_after_of(answer)
            pause = _DEFAULT_RETRY_AFTER if asked is None else max(asked, _LEAST_RETRY_AFTER)
            self.limiter.complained(min(pause, _LONGEST_RETRY_AFTER))
        else:
            self.limiter.answered()
        return answer, credential

    async def _prepare(self, headers: Headers) -> tuple[Transport, Headers, Credential]:
        credential = self._credential.fresh() or await self._credential.get()
        if self._transport is None or credential.identity != self._identity:
            self._connect(credential)
        assert self._transport is not None
        known, own = self._headers_of
        if known is not credential:
            own = self._acting
            if credential.authorization:
                own = (("authorization", credential.authorization), *own)
            self._headers_of = (credential, own)
        return self._transport, (*own, *headers) if own else headers, credential

    def _connect(self, credential: Credential) -> None:
        if self._transport is not None:
            # Exchanges of the old identity may still be under way: closed at the end.
            self._retired.append(self._transport)
        self._identity = credential.identity
        self._transport = self._make(self._endpoint(credential.identity), self._deadlines)

    def _validate(self) -> None:
        try:
            self._make(self._endpoint(b""), self._deadlines)
        except ValueError as error:
            raise ConnectionInvalid(f"cluster {self.connection.name}: {error}") from error

    def _endpoint(self, identity: bytes) -> Endpoint:
        connection = self.connection
        return Endpoint(
            server=connection.server,
            ca=connection.ca,
            identity=identity,
            insecure=connection.insecure,
            server_name=connection.server_name,
            proxy=connection.proxy,
            compression=connection.compression,
        )

    async def _refused(self, credential: Credential) -> None:
        why = explain_refusal(credential, datetime.now(UTC))
        raise CredentialsRefused(
            "CredentialsRefused",
            f"cluster {self.connection.name}: the API server answered 401: {why}",
        )

    def _failed(self, method: str, error: TransportError, seconds: float) -> None:
        self.circuit.failed(str(error))
        self._note(method, 0, seconds)

    def _note(self, method: str, code: int, seconds: float) -> None:
        if self._on_request is not None:
            self._on_request(method, code, seconds)

    def _unreachable(self, error: TransportError) -> ClusterUnreachable:
        name, server = self.connection.name, self.connection.server
        return ClusterUnreachable(
            "ClusterUnreachable", f"cluster {name} ({server}) cannot be reached: {error}"
        )


def _may_repeat(method: str, error: TransportError) -> bool:
    if error.timed_out and error.sent:
        return False  # the whole deadline is spent
    return method == "GET" or not error.sent


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.5)  # noqa: S311 -- spread, not secrecy
