"""Whether an API server can be reached, and who may try when it cannot.

Theory: a circuit breaker. Failures to connect, one after another, open it; while it is open every
request fails at once, except one probe after each pause. Pauses double up to a cap, with jitter, so
that a fleet does not come back in step. Any answer, even an error, is contact and closes it.
"""

import asyncio
import random
import time
from collections.abc import Callable

from trimtab.ports.cluster import ClusterUnreachable

_FAILURES = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 10.0


class Circuit:
    """The state of contact with one cluster.

    Args:
        name: The cluster, for messages.
        failures: How many in a row open the circuit.
        clock: Monotonic seconds.
        jitter: Returns a factor of about one for each pause.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int = _FAILURES,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = lambda: random.uniform(0.7, 1.3),  # noqa: S311 -- spread, not secrecy
    ) -> None:
        self._name = name
        self._allowed = failures
        self._clock = clock
        self._jitter = jitter
        self._failed = 0
        self._pause = _FIRST_PAUSE
        self._probe_at = 0.0
        self._is_probing = False
        self._contact: bool | None = None
        self._last_error = ""
        self._closed = asyncio.Event()
        self._closed.set()
        self._opened = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []

    @property
    def reachable(self) -> bool | None:
        """None before the first contact, False while the circuit is open."""
        return self._contact

    @property
    def is_open(self) -> bool:
        """Whether requests fail at once."""
        return not self._closed.is_set()

    @property
    def pause(self) -> float:
        """Seconds until the next probe may go."""
        return max(0.0, self._probe_at - self._clock())

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever :attr:`reachable` turns."""
        self._listeners.append(listener)

    def admit(self) -> None:
        """Let a request through, or not.

        Raises:
            ClusterUnreachable: The circuit is open, and this is not the probe's turn.
        """
        if not self.is_open:
            return
        if self._is_probing or self._clock() < self._probe_at:
            raise self.unreachable()
        self._is_probing = True

    def unreachable(self) -> ClusterUnreachable:
        """Return the error that says why."""
        return ClusterUnreachable(
            "ClusterUnreachable", f"cluster {self._name} cannot be reached: {self._last_error}"
        )

    def succeeded(self) -> None:
        """Count an answer."""
        self._failed = 0
        self._is_probing = False
        if self._contact is True:
            return
        self._pause = _FIRST_PAUSE
        self._opened.clear()
        self._closed.set()
        self._turn(contact=True)

    def failed(self, error: str) -> None:
        """Count a failure to get any answer."""
        self._last_error = error
        self._failed += 1
        self._is_probing = False
        if self._failed < self._allowed:
            return
        self._probe_at = self._clock() + self._pause * self._jitter()
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        self._closed.clear()
        self._opened.set()
        if self._contact is not False:
            self._turn(contact=False)

    def abandoned(self) -> None:
        """A request that was let through was cancelled: nothing was learned."""
        self._is_probing = False

    async def wait_closed(self) -> None:
        """Wait until requests may go again."""
        await self._closed.wait()

    async def wait_open(self) -> None:
        """Wait until the circuit opens."""
        await self._opened.wait()

    def _turn(self, *, contact: bool) -> None:
        self._contact = contact
        for listener in self._listeners:
            listener()
