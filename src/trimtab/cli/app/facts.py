"""What an Application says of itself, as commands show it; absent facts are empty or Unknown."""

from trimtab.cli.fields import field, objects, text
from trimtab.core import JsonObject


def source_fact(item: JsonObject, name: str) -> str:
    """Return a field of its source, or of the first of several."""
    sources = objects(item, "spec", "sources")
    return text(sources[0], name) if sources else text(item, "spec", "source", name)


def revision_of(item: JsonObject) -> str:
    """Return the revision that it was compared with; several are joined."""
    many = field(item, "status", "sync", "revisions")
    one = text(item, "status", "sync", "revision")
    return one or (", ".join(map(str, many)) if isinstance(many, list | tuple) else "")


def destination_of(item: JsonObject) -> str:
    """Return ``CLUSTER/NAMESPACE``."""
    where = text(item, "spec", "destination", "name") or text(item, "spec", "destination", "server")
    namespace = text(item, "spec", "destination", "namespace")
    return f"{where}/{namespace}" if namespace else where


def sync_of(item: JsonObject) -> str:
    """Return its sync status."""
    return text(item, "status", "sync", "status") or "Unknown"


def health_of(item: JsonObject) -> str:
    """Return its health."""
    return text(item, "status", "health", "status") or "Unknown"


def state_line(item: JsonObject) -> str:
    """Return its state in one line."""
    if item.get("operation"):
        return f"{sync_of(item)}, {health_of(item)}, an operation is asked for"
    phase = text(item, "status", "operationState", "phase")
    message = text(item, "status", "operationState", "message")
    operation = f", operation {phase}" + (f": {message}" if message else "") if phase else ""
    return f"{sync_of(item)}, {health_of(item)}{operation}"
