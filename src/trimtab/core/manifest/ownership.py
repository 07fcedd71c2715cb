"""What managedFields say about who wrote an object."""

from collections.abc import Iterable

from trimtab.core.manifest.live import ManagedFieldsEntry

CLIENT_SIDE_MANAGER = "kubectl-client-side-apply"


def needs_ownership_migration(entries: Iterable[ManagedFieldsEntry], manager: str) -> bool:
    """Return whether a client-side manager holds fields that an apply would never remove.

    Args:
        entries: metadata.managedFields.
        manager: The client-side manager to look for.
    """
    return any(
        entry.manager == manager and entry.operation == "Update" and not entry.subresource
        for entry in entries
    )
