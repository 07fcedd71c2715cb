"""Reading what the containers of a pod have printed."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from trimtab.core.manifest import ObjectKey


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which lines of a pod.

    Args:
        container: Its container; may be empty when there is only one.
        follow: Go on until the container ends.
        tail: Only the last lines; None means all.
        since: Only lines that are not older, >= 1 s; None means all.
        previous: Those of the container before its last restart.
    """

    container: str = ""
    follow: bool = False
    tail: int | None = None
    since: timedelta | None = None
    previous: bool = False


class PodLogs(Protocol):
    """Log lines of pods."""

    def lines(self, pod: ObjectKey, options: LogOptions) -> AsyncGenerator[str]:
        """Yield lines, oldest first, without their ends.

        Raises:
            ApiError: The server refused, for example because the container has not started.
            ClusterUnreachable: No answer, or the connection broke.
        """
        ...
