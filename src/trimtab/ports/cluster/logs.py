"""Reading what the containers of a pod have printed."""

from collections.abc import AsyncIterator
from typing import Protocol

from trimtab.core.manifest import ObjectKey


class PodLogs(Protocol):
    """Log lines of a pod."""

    def lines(
        self, key: ObjectKey, *, container: str = "", follow: bool = False, tail: int | None = None
    ) -> AsyncIterator[str]:
        """Yield lines, oldest first."""
        ...
