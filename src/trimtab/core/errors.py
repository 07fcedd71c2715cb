"""The two expected ways for work to fail; everything else is a bug.

``Transient`` will pass by itself; ``Stalled`` needs a human to change something. The controller
engine turns both into an outcome; any other exception is logged with its traceback and backed off.
"""

from datetime import timedelta


class TrimtabError(Exception):
    """Base of the errors that carry a CamelCase reason and a message for a person.

    Args:
        reason: CamelCase, stable, documented in docs/reference/conditions.md.
        message: Names the object, what was expected, what was found, and what to do.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return self.message


class Transient(TrimtabError):
    """It failed now and may work later without anybody changing anything.

    Args:
        retry_after: What the other side asked for, or None for the queue's own backoff.
    """

    def __init__(self, reason: str, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(reason, message)
        self.retry_after = retry_after


class Stalled(TrimtabError):
    """It fails until a human changes the desired state, a credential or a setting."""
