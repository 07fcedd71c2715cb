"""Log lines of a pod, read while they are written."""

import math
from collections.abc import AsyncGenerator

from trimtab.adapters.kubernetes.client import ApiClient
from trimtab.adapters.kubernetes.discovery import Discovery
from trimtab.adapters.kubernetes.errors import status_error
from trimtab.adapters.kubernetes.paths import object_path, with_query
from trimtab.adapters.kubernetes.reads import unknown_kind
from trimtab.adapters.kubernetes.transport import Stream, TransportError
from trimtab.core.manifest import ObjectKey
from trimtab.ports.cluster import ClusterUnreachable, LogOptions

_TEXT = (("accept", "text/plain, application/json"),)
_LONGEST_ERROR_BYTES = 64 * 1024


class Logs:
    """PodLogs over the API.

    Args:
        client: The API server.
        discovery: Its kinds.
    """

    def __init__(self, client: ApiClient, discovery: Discovery) -> None:
        self._client = client
        self._discovery = discovery

    async def lines(self, pod: ObjectKey, options: LogOptions) -> AsyncGenerator[str]:
        """Yield lines, oldest first, without their ends."""
        resource = await self._discovery.resource_type(pod.group_kind)
        if resource is None:
            raise unknown_kind(pod.group_kind)
        since = options.since
        target = with_query(
            object_path(resource, pod, subresource="log"),
            container=options.container,
            follow="true" if options.follow else "",
            tailLines=options.tail,
            sinceSeconds=math.ceil(since.total_seconds()) if since else None,
            previous="true" if options.previous else "",
        )
        try:
            async with self._client.stream(target, headers=_TEXT) as stream:
                if stream.status >= 400:
                    raise status_error(await _answer(stream), stream.status, f"logs of {pod}")
                rest = b""
                while (chunk := await stream.read()) is not None:
                    *whole, rest = (rest + chunk).split(b"\n")
                    for line in whole:
                        yield line.decode(errors="replace")
        except TransportError as error:
            raise ClusterUnreachable(
                "ClusterUnreachable", f"logs of {pod}: the connection broke: {error}"
            ) from error
        if rest:
            yield rest.decode(errors="replace")


async def _answer(stream: Stream) -> bytes:
    body = b""
    while len(body) < _LONGEST_ERROR_BYTES and (chunk := await stream.read()) is not None:
        body += chunk
    return body
