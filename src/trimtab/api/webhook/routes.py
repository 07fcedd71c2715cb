"""``POST /api/webhook``: limits on size and rate around the pure parser."""

from collections.abc import Awaitable, Callable
from typing import Final, assert_never

import structlog
from aiohttp import web

from trimtab.api.webhook.event import Ignored, PushEvent, Refused, parse_push
from trimtab.api.webhook.secrets import WebhookSecrets
from trimtab.runtime.clock import Clock, SystemClock

PATH: Final = "/api/webhook"
MOST_BYTES: Final = 2 << 20
_PER_SECOND: Final = 50.0
_BURST: Final = 200.0
_log = structlog.get_logger("webhook")

Handler = Callable[[PushEvent], Awaitable[None]]
SecretsSource = Callable[[], Awaitable[WebhookSecrets]]
"""Returns the secrets of this moment: they may be changed while the process runs."""


def webhook_routes(
    handler: Handler, secrets: SecretsSource, *, clock: Clock | None = None
) -> list[web.RouteDef]:
    """Return the routes that receive push events.

    Args:
        handler: Told about each verified push; should only take note of it.
        secrets: Tells what requests must know.
        clock: For the rate limit.
    """
    receiver = _Receiver(handler, secrets, _RateLimit(clock or SystemClock()))
    return [web.post(PATH, receiver.receive)]


class _RateLimit:
    """A token bucket over all callers: a webhook is a hint, and the poll finds what was missed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens = _BURST
        self._at = clock.monotonic()

    def admits(self) -> bool:
        """Take a token, if there is one."""
        now = self._clock.monotonic()
        self._tokens = min(_BURST, self._tokens + (now - self._at) * _PER_SECOND)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class _Receiver:
    def __init__(self, handler: Handler, secrets: SecretsSource, limit: _RateLimit) -> None:
        self._handler = handler
        self._secrets = secrets
        self._limit = limit

    async def receive(self, request: web.Request) -> web.Response:
        if not self._limit.admits():
            return web.Response(
                status=429, text="too many webhooks\n", headers={"Retry-After": "1"}
            )
        body = await _read_limited(request)
        if body is None:
            return web.Response(status=413, text=f"expected at most {MOST_BYTES} bytes\n")
        outcome = parse_push(request.headers, body, await self._secrets())
        match outcome:
            case PushEvent():
                _log.info("push", urls=outcome.urls, ref=outcome.ref, after=outcome.after)
                await self._handler(outcome)
                return web.Response(text="accepted\n")
            case Ignored():
                return web.Response(text=f"ignored: {outcome.reason}\n")
            case Refused():
                _log.warning("refused", status=outcome.status, reason=outcome.reason)
                return web.Response(status=outcome.status, text=f"{outcome.reason}\n")
            case _:
                assert_never(outcome)


async def _read_limited(request: web.Request) -> bytes | None:
    if request.content_length is not None and request.content_length > MOST_BYTES:
        return None
    body = bytearray()
    async for data in request.content.iter_any():
        body += data
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)
