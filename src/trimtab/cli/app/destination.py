"""The cluster that an Application is delivered to."""

from contextlib import AbstractAsyncContextManager

from trimtab.bootstrap.client import connect_destination
from trimtab.cli.fields import text
from trimtab.cli.session import Hub
from trimtab.core.manifest import LiveObject
from trimtab.ports.cluster import Cluster


def open_destination(hub: Hub, app: LiveObject) -> AbstractAsyncContextManager[Cluster]:
    """Open it; see ``connect_destination``."""
    destination = ("spec", "destination")
    body = app.body()
    return connect_destination(
        hub.cluster,
        hub.namespace,
        server=text(body, *destination, "server"),
        name=text(body, *destination, "name"),
    )
