"""Who we are to an API server, refreshed when it expires.

A credential is an Authorization header, a client certificate, or both. Static ones never change;
token files are read again every minute, and exec plugins run again when their answer expires.
After a 401 every refreshable credential is fetched anew once.
"""

import asyncio
import base64
import contextlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec
from cryptography import x509

from trimtab.adapters.kubernetes.config import ConnectionInvalid, ConnectionSettings, ExecPlugin
from trimtab.adapters.kubernetes.transport import Headers
from trimtab.core import JsonValue
from trimtab.ports.cluster import CredentialsRefused

_TOKEN_FILE_AGE = timedelta(minutes=1)
_EXEC_DEADLINE = timedelta(seconds=60)
_EARLY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request carries.

    Args:
        authorization: Value of the Authorization header, or empty.
        identity: Client certificate and key, PEM, or empty.
        valid_until: On the monotonic clock, in seconds; None means for ever.
    """

    authorization: str = field(default="", repr=False)
    identity: bytes = field(default=b"", repr=False)
    valid_until: float | None = None


class Credentials(Protocol):
    """A source of credentials."""

    @property
    def is_refreshable(self) -> bool:
        """Whether a refused credential may be followed by a better one."""
        ...

    async def fetch(self) -> Credential:
        """Return a new credential.

        Raises:
            CredentialsRefused: There is none.
        """
        ...


@dataclass(frozen=True, slots=True)
class StaticCredentials:
    """A token, a password or a certificate that stays as it is."""

    credential: Credential
    is_refreshable: bool = False

    async def fetch(self) -> Credential:
        """Return the credential."""
        return self.credential


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A token in a file that somebody else keeps fresh, such as a projected service account's."""

    path: Path
    identity: bytes = field(default=b"", repr=False)
    is_refreshable: bool = True

    async def fetch(self) -> Credential:
        """Read the file."""
        try:
            token = (await asyncio.to_thread(self.path.read_text)).strip()
        except OSError as error:
            raise CredentialsRefused("TokenFileUnreadable", f"token file: {error}") from error
        until = time.monotonic() + _TOKEN_FILE_AGE.total_seconds()
        return Credential(f"Bearer {token}", self.identity, until)


class _ExecStatus(msgspec.Struct, rename="camel"):
    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: datetime | None = None


class _ExecCredential(msgspec.Struct, rename="camel"):
    kind: str = ""
    api_version: str = ""
    status: _ExecStatus | None = None


@dataclass(frozen=True, slots=True)
class ExecCredentials:
    """An exec plugin, run without a terminal.

    Source:
        Kubernetes, client-go credential plugins.
    """

    plugin: ExecPlugin
    connection: ConnectionSettings
    is_refreshable: bool = True

    async def fetch(self) -> Credential:
        """Run the plugin and read its answer."""
        output = await self._run()
        try:
            answer = msgspec.json.decode(output, type=_ExecCredential)
        except msgspec.DecodeError as error:
            raise self._refused(f"printed no ExecCredential: {error}") from error
        status = answer.status
        if answer.kind != "ExecCredential" or status is None:
            raise self._refused("printed no ExecCredential with a status")
        if answer.api_version != self.plugin.api_version:
            expected = self.plugin.api_version
            raise self._refused(f"answered {answer.api_version!r}, expected {expected!r}")
        identity = _joined(status.client_certificate_data.encode(), status.client_key_data.encode())
        if not status.token and not identity:
            raise self._refused("gave neither a token nor a certificate")
        until = _monotonic(status.expiration_timestamp)
        return Credential(f"Bearer {status.token}" if status.token else "", identity, until)

    async def _run(self) -> bytes:
        plugin = self.plugin
        environment = {**os.environ, **dict(plugin.env), "KUBERNETES_EXEC_INFO": self._info()}
        try:
            process = await asyncio.create_subprocess_exec(
                plugin.command,
                *plugin.args,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            hint = f"; {plugin.install_hint}" if plugin.install_hint else ""
            raise self._refused(f"cannot be run: {error}{hint}") from error
        try:
            async with asyncio.timeout(_EXEC_DEADLINE.total_seconds()):
                output, errors = await process.communicate()
        except TimeoutError as error:
            raise self._refused("did not answer in time") from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            said = errors.decode(errors="replace").strip()[-500:]
            raise self._refused(f"exited with {process.returncode}: {said}")
        return output

    def _info(self) -> str:
        spec: dict[str, JsonValue] = {"interactive": False}
        if self.plugin.provide_cluster_info:
            connection = self.connection
            spec["cluster"] = {
                "server": connection.server,
                "certificate-authority-data": base64.b64encode(connection.ca).decode(),
                "tls-server-name": connection.server_name,
                "insecure-skip-tls-verify": connection.insecure,
                "proxy-url": connection.proxy,
            }
        version = self.plugin.api_version
        return json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": spec})

    def _refused(self, what: str) -> CredentialsRefused:
        where = f"{self.connection.name}: exec plugin {self.plugin.command}"
        return CredentialsRefused("ExecPluginFailed", f"{where} {what}")


class CurrentCredential:
    """The credential in use; at most one fetch runs at a time."""

    def __init__(self, source: Credentials) -> None:
        self._source = source
        self._lock = asyncio.Lock()
        self._current: Credential | None = None

    @property
    def is_refreshable(self) -> bool:
        """Whether a refused credential may be followed by a better one."""
        return self._source.is_refreshable

    def fresh(self) -> Credential | None:
        """Return the credential while it is valid, without waiting; the path of most requests."""
        current = self._current
        if current is None or current.valid_until is None:
            return current
        return current if current.valid_until > time.monotonic() else None

    async def get(self, *, refused: Credential | None = None) -> Credential:
        """Return a valid credential that is not the refused one.

        Raises:
            CredentialsRefused: There is none.
        """
        async with self._lock:
            current = self.fresh()
            if current is None or current is refused:
                current = self._current = await self._source.fetch()
            return current


def credentials_for(connection: ConnectionSettings) -> Credentials:
    """Return the source of credentials that a connection asks for.

    Raises:
        ConnectionInvalid: A certificate without a key.
    """
    if bool(connection.certificate) != bool(connection.key):
        raise ConnectionInvalid(f"{connection.name}: a client certificate needs its key")
    identity = _joined(connection.certificate, connection.key)
    if connection.token_file:
        return TokenFile(Path(connection.token_file), identity)
    if connection.token:
        return StaticCredentials(Credential(f"Bearer {connection.token}", identity))
    if connection.username:
        pair = base64.b64encode(f"{connection.username}:{connection.password}".encode()).decode()
        return StaticCredentials(Credential(f"Basic {pair}", identity))
    if connection.plugin is not None:
        return ExecCredentials(connection.plugin, connection)
    return StaticCredentials(Credential("", identity))


def explain_refusal(credential: Credential, now: datetime) -> str:
    """Return why the API server may have said 401, as far as can be known here."""
    if not credential.identity:
        kind = "token or password" if credential.authorization else "request without credentials"
        return f"the {kind} was not accepted; it may be wrong, revoked or expired"
    certificate = x509.load_pem_x509_certificate(credential.identity)
    if certificate.not_valid_after_utc < now:
        return f"the client certificate expired at {certificate.not_valid_after_utc:%FT%TZ}"
    if certificate.not_valid_before_utc > now:
        start = f"{certificate.not_valid_before_utc:%FT%TZ}"
        return f"the client certificate is not valid before {start}; is a clock wrong?"
    return "the client certificate was not accepted; is it signed by the cluster's client CA?"


def acting_as(user: str, groups: Sequence[str]) -> Headers:
    """Return the impersonation headers of a user and its groups."""
    if not user:
        return ()
    return (("impersonate-user", user), *(("impersonate-group", group) for group in groups))


def _joined(certificate: bytes, key: bytes) -> bytes:
    return certificate.rstrip() + b"\n" + key if certificate and key else b""


def _monotonic(expires: datetime | None) -> float | None:
    if expires is None:
        return None
    left = expires - datetime.now(UTC) - _EARLY
    return time.monotonic() + max(left.total_seconds(), 1.0)
