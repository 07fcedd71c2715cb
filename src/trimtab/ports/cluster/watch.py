"""Watching a cluster: its live view by kind, and the differences as they come in."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from trimtab.core.manifest import GroupKind, LiveObject, ObjectKey


class Change(StrEnum):
    """What a watch reports about one object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One difference of the live view.

    Args:
        change: Added, modified or deleted.
        live: The object as it is, or as it was last for DELETED.
        previous: What the view held before, or None.
        is_own: It is the answer to a write of this process, put in by ``remember``.
    """

    change: Change
    live: LiveObject
    previous: LiveObject | None
    is_own: bool = False


Listener = Callable[[WatchEvent], None]
"""Called in the event loop; must not block and must not raise."""


class ClusterWatcher(Protocol):
    """The live view of a cluster: what its watches have seen, by kind."""

    def ensure(self, kinds: Iterable[GroupKind]) -> None:
        """Watch these kinds from now on (idempotent, returns at once)."""
        ...

    def is_synced(self, group_kind: GroupKind) -> bool:
        """Return whether the kind's first LIST has been read and its watch is not broken."""
        ...

    async def wait_synced(self, kinds: Iterable[GroupKind], *, timeout: timedelta) -> None:
        """Wait until all kinds are synced or known not to be served.

        Raises:
            ClusterUnreachable: The deadline passed.
        """
        ...

    def live(self, key: ObjectKey) -> LiveObject | None:
        """Return the object from the view, or None."""
        ...

    def objects(self, group_kind: GroupKind) -> Sequence[LiveObject]:
        """Return the view's objects of a kind, in no particular order."""
        ...

    def owned_by(self, uid: str) -> Sequence[LiveObject]:
        """Return the view's objects with an ownerReference to this uid."""
        ...

    def tracked(self, owner: str) -> Sequence[LiveObject]:
        """Return the view's objects that the index function given at wiring maps to ``owner``."""
        ...

    def remember(self, live: LiveObject) -> None:
        """Put the answer of a write into the view, unless the view is already newer."""
        ...

    def forget(self, key: ObjectKey, uid: str) -> None:
        """Take a deleted object out of the view, if the view still holds that uid."""
        ...

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` for every later event of watched kinds; return the way to stop it."""
        ...
