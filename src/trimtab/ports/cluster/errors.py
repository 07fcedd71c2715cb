"""What a cluster's API server answers instead of a result, as errors with typed fields."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from trimtab.core.errors import Stalled, Transient, TrimtabError


class ClusterUnreachable(Transient):
    """No answer from the API server: refused, timed out, TLS failure, or a circuit that is open."""


class CredentialsRefused(Stalled):
    """The API server answered 401: the credentials are wrong or have expired."""


@dataclass(frozen=True, slots=True)
class StatusCause:
    """One entry of a Status' details.causes."""

    field: str
    message: str
    reason: str


class ApiError(TrimtabError):
    """A Status error of the API server.

    Args:
        code: HTTP status.
        reason: The Status reason (``Invalid``, ``Forbidden`` …); never branch on ``message``.
        message: The server's message.
        causes: details.causes in order.
        retry_after: Of 429 and 503.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        causes: Sequence[StatusCause] = (),
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(reason or f"HTTP{code}", message)
        self.code = code
        self.causes = tuple(causes)
        self.retry_after = retry_after


class NotFound(ApiError):
    """404: the object, or its kind, does not exist."""


class AlreadyExists(ApiError):
    """409 AlreadyExists: a create met an object of that name."""


class Conflict(ApiError):
    """409 Conflict: a precondition on uid or resourceVersion failed, or another manager owns it."""


class Invalid(ApiError):
    """422, or 400: the object is refused (schema, immutable field, admission by validation)."""


class Forbidden(ApiError):
    """403: RBAC, quota or an admission plugin said no."""


class TooManyRequests(ApiError):
    """429 that outlasted the adapter's own retries."""


class ServerError(ApiError):
    """5xx: may pass."""


class ClusterUnknown(Stalled):
    """No cluster has that name or server URL."""
