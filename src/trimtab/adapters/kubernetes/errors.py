"""Status errors of an API server as the port's typed values."""

from datetime import timedelta

import msgspec

from trimtab.adapters.kubernetes.transport import Answer
from trimtab.ports.cluster import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    ServerError,
    StatusCause,
    TooManyRequests,
)


class _Cause(msgspec.Struct):
    field: str = ""
    message: str = ""
    reason: str = ""


class _Details(msgspec.Struct, rename="camel"):
    causes: tuple[_Cause, ...] | None = None
    retry_after_seconds: int = 0


class _Status(msgspec.Struct):
    kind: str = ""
    reason: str = ""
    message: str = ""
    code: int = 0
    details: _Details | None = None


_STATUS = msgspec.json.Decoder(_Status)
_BY_CODE: dict[int, type[ApiError]] = {
    400: Invalid,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Invalid,
    429: TooManyRequests,
}


def error_of(answer: Answer, what: str) -> ApiError:
    """Return the error that an answer of 400 or above stands for.

    Args:
        answer: The answer.
        what: The request in a few words, for answers that carry no Status.
    """
    return status_error(answer.body, answer.status, what, header_retry_after=retry_after_of(answer))


def status_error(
    body: bytes, code: int, what: str, *, header_retry_after: timedelta | None = None
) -> ApiError:
    """Return the error of a Status in JSON; anything else becomes part of the message."""
    try:
        status = _STATUS.decode(body)
    except msgspec.DecodeError:
        status = _Status()
    if status.kind != "Status":
        text = body[:200].decode(errors="replace").strip()
        status = _Status(message=f"{what}: the server answered {code} {text}".rstrip())
    code = code or status.code
    details = status.details or _Details()
    retry_after = header_retry_after
    if retry_after is None and details.retry_after_seconds:
        retry_after = timedelta(seconds=details.retry_after_seconds)
    kind = _BY_CODE.get(code, ServerError if code >= 500 else ApiError)
    if code == 409 and status.reason == "AlreadyExists":
        kind = AlreadyExists
    return kind(
        code,
        status.reason,
        status.message or f"{what}: the server answered {code}",
        causes=[StatusCause(c.field, c.message, c.reason) for c in details.causes or ()],
        retry_after=retry_after,
    )


def retry_after_of(answer: Answer) -> timedelta | None:
    """Return the Retry-After header; dates, which API servers never send, are ignored."""
    for value in answer.header("retry-after"):
        if value.strip().isdigit():
            return timedelta(seconds=int(value))
    return None


def warnings_of(answer: Answer) -> tuple[str, ...]:
    """Return the texts of the Warning headers, as kubectl prints them."""
    values = answer.header("warning")
    if not values:
        return ()
    return tuple(_unquoted(value) for value in values)


def _unquoted(value: str) -> str:
    # 299 - "text with \"escapes\""
    start, end = value.find('"'), value.rfind('"')
    if start < 0 or end <= start:
        return value
    return value[start + 1 : end].replace('\\"', '"').replace("\\\\", "\\")
