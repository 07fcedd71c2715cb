"""Log lines of a pod, read while they are written."""

from collections.abc import AsyncIterator

from trimtab.adapters.kubernetes.client import ApiClient
from trimtab.adapters.kubernetes.discovery import Discovery
from trimtab.adapters.kubernetes.errors import status_error
from trimtab.adapters.kubernetes.paths import object_path, with_query
from trimtab.adapters.kubernetes.reads import unknown_kind
from trimtab.core.manifest import ObjectKey

_TEXT = (("accept", "text/plain, application/json"),)


class Logs:
    """PodLogs over the API.

    Args:
        client: The API server.
        discovery: Its kinds.
    """

    def __init__(self, client: ApiClient, discovery: Discovery) -> None:
        self._client = client
        self._discovery = discovery

    async def lines(
        self, key: ObjectKey, *, container: str = "", follow: bool = False, tail: int | None = None
    ) -> AsyncIterator[str]:
        """Yield lines, oldest first.

        Args:
            key: The pod.
            container: Its container; may be empty when there is only one.
            follow: Go on until the container ends.
            tail: Only the last lines.

        Raises:
            ApiError: The server refused, for example because the container has not started.
            ClusterUnreachable: No answer.
        """
        resource = await self._discovery.resource_type(key.group_kind)
        if resource is None:
            raise unknown_kind(key.group_kind)
        target = with_query(
            object_path(resource, key, subresource="log"),
            container=container,
            follow="true" if follow else "",
            tailLines=tail,
        )
        rest = b""
        async with self._client.stream(target, headers=_TEXT) as stream:
            if stream.status >= 400:
                while (chunk := await stream.read()) is not None:
                    rest += chunk
                raise status_error(rest, stream.status, f"logs of {key}")
            while (chunk := await stream.read()) is not None:
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    yield line.decode(errors="replace")
        if rest:
            yield rest.decode(errors="replace")
