"""What may differ between clusters besides the connection, and the transport that suits one."""

from dataclasses import dataclass

from trimtab.adapters.kubernetes.aiohttp_transport import AiohttpTransport
from trimtab.adapters.kubernetes.client import OnRequest
from trimtab.adapters.kubernetes.pyreqwest_transport import PyreqwestTransport, can_connect
from trimtab.adapters.kubernetes.transport import (
    Deadlines,
    Endpoint,
    Transport,
    TransportFactory,
)
from trimtab.adapters.kubernetes.view import TrackedBy


def choose_transport(endpoint: Endpoint, deadlines: Deadlines) -> Transport:
    """Return the HTTP/2 transport where it can do the job, else the HTTP/1.1 one.

    Raises:
        ValueError: The certificates cannot be read.
    """
    if can_connect(endpoint):
        return PyreqwestTransport(endpoint, deadlines)
    return AiohttpTransport(endpoint, deadlines)


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What may differ between clusters besides the connection.

    Args:
        server: URL by which Applications name it; default: the connection's.
        namespaces: Restriction to namespaces; empty means all.
        cluster_resources: With ``namespaces``: cluster-scoped kinds are watched too.
        tracked_by: Index function of ``tracked``.
        full_secret_selector: Secrets with these labels are watched whole.
        on_request: Told of every exchange.
        deadlines: Of the transport.
        transport: Makes transports.
    """

    server: str = ""
    namespaces: tuple[str, ...] = ()
    cluster_resources: bool = True
    tracked_by: TrackedBy | None = None
    full_secret_selector: str = ""
    on_request: OnRequest | None = None
    deadlines: Deadlines | None = None
    transport: TransportFactory = choose_transport
