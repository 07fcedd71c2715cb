"""Smart HTTP, protocol v2, without a process for the network side.

Asking a server about its refs is one POST on a connection that is already open; a fetch is one POST
whose pack goes straight into ``git index-pack``. Every commit that the mirror holds is offered, and
the server is told not to negotiate: at worst it sends more than was needed, always in one round.

Source:
    gitprotocol-http, gitprotocol-v2.
"""

import asyncio
import functools
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import aiohttp

from trimtab.adapters.git.index_pack import PackReceiver
from trimtab.adapters.git.limits import MIB, GitLimits
from trimtab.adapters.git.login import http_headers, tls_context
from trimtab.adapters.git.pktline import (
    MalformedPacket,
    Mark,
    Packet,
    decode,
    encode,
    payload_length,
)
from trimtab.adapters.git.refs import Refs, parse_ls_refs, split_pairs
from trimtab.adapters.git.remote import (
    Inbox,
    ProtocolMissing,
    Wanted,
    denied,
    too_large,
    unknown_commit,
    unreachable,
)
from trimtab.ports.source import Repository, RepositoryUnreachable
from trimtab.services.giturls import display_url, parse_git_url

AGENT: Final = "agent=trimtab"
_LARGEST_REF_ANSWER: Final = 64 * MIB
_ADVERTISEMENT: Final = "application/x-git-upload-pack-advertisement"
_REDIRECTS: Final = 5
_PACK, _ERROR = 1, 3
_REFUSED: Final = frozenset({401, 403})
_GONE: Final = frozenset({404, 410})
_HEADERS: Final = {"Git-Protocol": "version=2", "User-Agent": "git/2 (trimtab)"}


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """A server that speaks v2: where it lives after redirects, and what it offered."""

    url: str
    capabilities: Mapping[str, str]
    may_authenticate: bool


class HttpRemote:
    """The HTTP and HTTPS transport.

    Args:
        limits: Deadlines.
    """

    def __init__(self, limits: GitLimits) -> None:
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None
        self._endpoints: dict[Repository, _Endpoint] = {}

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def list_refs(self, repository: Repository) -> Refs:
        """Return HEAD and all refs of a server.

        Raises:
            RepositoryUnreachable, RepositoryDenied, ProtocolMissing
        """
        arguments = ["peel", "symrefs"]
        async with self._command(repository, "ls-refs", arguments, self._limits.ask_timeout) as got:
            body = await _read_limited(got, _LARGEST_REF_ANSWER)
            packets = decode(body)
            _raise_server_error(repository, packets)
            lines = [p.decode(errors="replace") for p in packets if isinstance(p, bytes)]
            return parse_ls_refs(lines)

    async def fetch(self, repository: Repository, wanted: Wanted, inbox: Inbox) -> None:
        """Receive the wanted commits with their history.

        Raises:
            RepositoryUnreachable, RepositoryDenied, RevisionUnknown, SourceTooLarge,
            ProtocolMissing, PackBroken
        """
        arguments = ["thin-pack", "no-progress", "ofs-delta"]
        arguments += [f"want {commit}" for commit in wanted.commits]
        arguments += [f"have {commit}" for commit in inbox.haves()]
        arguments.append("done")
        timeout = self._limits.fetch_timeout
        async with self._command(repository, "fetch", arguments, timeout) as got:
            await _receive(got.content, repository, wanted, inbox)

    @asynccontextmanager
    async def _command(
        self, repository: Repository, command: str, arguments: Sequence[str], timeout: timedelta
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                endpoint = await self._endpoint(repository)
                if command not in endpoint.capabilities:
                    raise ProtocolMissing(f"{repository.url} does not offer {command}")
                async with await self._post(repository, endpoint, command, arguments) as got:
                    yield got
        except TimeoutError as error:
            text = f"no complete answer to {command} within {timeout.total_seconds():g} s"
            raise unreachable(repository, text) from error
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
            raise unreachable(repository, _describe(error)) from error
        except MalformedPacket as error:
            raise unreachable(repository, f"no Git protocol: {error}") from error

    async def _post(
        self, repository: Repository, endpoint: _Endpoint, command: str, arguments: Sequence[str]
    ) -> aiohttp.ClientResponse:
        head: list[Packet | str] = [f"command={command}", AGENT]
        if "object-format" in endpoint.capabilities:
            head.append("object-format=sha1")
        body = encode([*head, Mark.DELIMITER, *arguments, Mark.FLUSH])
        headers = {
            "Content-Type": "application/x-git-upload-pack-request",
            "Accept": "application/x-git-upload-pack-result",
        }
        send = functools.partial(
            self._request,
            repository,
            "POST",
            f"{endpoint.url}/git-upload-pack",
            body=body,
            headers=headers,
            authenticate=endpoint.may_authenticate,
        )
        try:
            got = await send()
        except aiohttp.ServerDisconnectedError:
            # A kept connection that the server was just closing. Both commands only read.
            got = await send()
        try:
            _check_status(repository, got)
        except BaseException:
            got.release()
            self._endpoints.pop(repository, None)
            raise
        return got

    async def _endpoint(self, repository: Repository) -> _Endpoint:
        known = self._endpoints.get(repository)
        if known is None:
            known = await self._discover(repository)
            self._endpoints[repository] = known
        return known

    async def _discover(self, repository: Repository) -> _Endpoint:
        base = _base_url(repository.url)
        url = f"{base}/info/refs?service=git-upload-pack"
        async with await self._request(repository, "GET", url) as got:
            _check_status(repository, got)
            if got.content_type != _ADVERTISEMENT:
                raise unreachable(repository, f"no Git server there (it sent {got.content_type})")
            packets = decode(await _read_limited(got, _LARGEST_REF_ANSWER))
        final = str(got.url.with_query(None)).removesuffix("/info/refs")
        same_host = parse_git_url(final).host == parse_git_url(base).host
        return _Endpoint(final, _capabilities(repository, packets), same_host)

    async def _request(
        self,
        repository: Repository,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        authenticate: bool = True,
    ) -> aiohttp.ClientResponse:
        login: Mapping[str, str] = http_headers(repository) if authenticate else {}
        return await self._open_session().request(
            method,
            url,
            data=body,
            headers={**_HEADERS, **(headers or {}), **login},
            ssl=tls_context(repository.credentials),
            proxy=repository.credentials.proxy or None,
            # As git does: only the first request may be sent somewhere else.
            allow_redirects=method == "GET",
            max_redirects=_REDIRECTS,
        )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=128, limit_per_host=16, keepalive_timeout=60),
                # Whole-request deadlines are the caller's; these find a peer that is not there.
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=True,
            )
        return self._session


async def _receive(
    stream: aiohttp.StreamReader, repository: Repository, wanted: Wanted, inbox: Inbox
) -> None:
    await _skip_to_pack(stream, repository, wanted)
    size = 0
    async with PackReceiver(inbox.path) as receiver:
        while (packet := await _read_packet(stream)) is not Mark.FLUSH:
            if not isinstance(packet, bytes) or not packet:
                continue
            if packet[0] == _PACK:
                size += len(packet) - 1
                if size > wanted.size_bytes:
                    limit = f"{wanted.size_bytes // MIB} MiB"
                    raise too_large(repository, f"it sent more than the limit of {limit}")
                await receiver.feed(packet[1:])
            elif packet[0] == _ERROR:
                raise _server_error(repository, packet[1:], wanted)
        await receiver.finish()


async def _skip_to_pack(
    stream: aiohttp.StreamReader, repository: Repository, wanted: Wanted
) -> None:
    while (packet := await _read_packet(stream)) != b"packfile\n":
        if packet is Mark.FLUSH:
            raise unreachable(repository, "it answered a fetch without a pack")
        if isinstance(packet, bytes) and packet.startswith(b"ERR "):
            raise _server_error(repository, packet[4:], wanted)


async def _read_packet(stream: aiohttp.StreamReader) -> Packet:
    length = payload_length(await stream.readexactly(4))
    return length if isinstance(length, Mark) else await stream.readexactly(length)


async def _read_limited(got: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for data in got.content.iter_any():
        body += data
        if len(body) > most:
            raise MalformedPacket(f"an answer of more than {most // MIB} MiB")
    return bytes(body)


def _check_status(repository: Repository, got: aiohttp.ClientResponse) -> None:
    if got.ok:
        return
    if got.status in _REFUSED:
        raise denied(repository, f"the server refused with HTTP {got.status}")
    if got.status in _GONE:
        raise denied(repository, f"not found, or not visible to us (HTTP {got.status})")
    error = unreachable(repository, f"HTTP {got.status}")
    raise RepositoryUnreachable(error.reason, error.message, retry_after=_retry_after(got))


def _retry_after(got: aiohttp.ClientResponse) -> timedelta | None:
    seconds = got.headers.get("Retry-After", "")
    return timedelta(seconds=min(int(seconds), 3600)) if seconds.isdigit() else None


def _capabilities(repository: Repository, packets: Sequence[Packet]) -> Mapping[str, str]:
    lines = [p.decode(errors="replace") for p in packets if isinstance(p, bytes)]
    _raise_server_error(repository, packets)
    lines = [line for line in lines if not line.startswith("# service=")]
    if not lines or lines[0] != "version 2":
        raise ProtocolMissing(f"{display_url(repository.url)} speaks an older protocol")
    offered = split_pairs(lines[1:], "=")
    if offered.get("object-format", "sha1") != "sha1":
        raise unreachable(repository, f"object format {offered['object-format']}, not sha1")
    return offered


def _raise_server_error(repository: Repository, packets: Sequence[Packet]) -> None:
    for packet in packets:
        if isinstance(packet, bytes) and packet.startswith(b"ERR "):
            raise unreachable(repository, packet[4:].decode(errors="replace"))


def _server_error(repository: Repository, text: bytes, wanted: Wanted) -> Exception:
    # The protocol has no code for it: these words are what every upload-pack since 2007 says.
    if b"not our ref" in text or b"no such remote ref" in text:
        return unknown_commit(repository, wanted.commits)
    return unreachable(repository, text.decode(errors="replace").strip())


def _base_url(url: str) -> str:
    parts = url.strip().partition("://")
    rest = parts[2].partition("?")[0]
    authority, slash, path = rest.partition("/")
    return f"{parts[0].lower()}://{authority.rpartition('@')[2]}{slash}{path.rstrip('/')}"


def _describe(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"TLS: {error.certificate_error}"
    return str(error) or type(error).__name__
