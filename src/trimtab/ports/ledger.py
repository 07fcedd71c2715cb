"""The append-only, hash-chained record of who changed what, when and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from trimtab.core import JsonValue
from trimtab.core.errors import Transient


class LedgerUnavailable(Transient):
    """The database could not be written or read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is recorded; the ledger adds sequence number and hashes.

    Args:
        delivery: ``namespace/name`` of the delivery: entries are chained per delivery.
        at: RFC 3339 UTC with milliseconds.
        kind: ``sync``, ``self-heal``, ``rollback``, ``delete``, ``confirm``, ``refused`` …
        actor: Who: a user name, ``automated``, or the commit's author.
        revision: Commit, chart version or digest.
        reason: Why: the commit's subject, or ``self-heal`` with the manager that drifted.
        outcome: ``Succeeded``, ``Failed``, ``Partial`` …
        manifests_digest: Digest over the exact manifests.
        detail: Facts for a reader; JSON. Never a secret value.
    """

    delivery: str
    at: str
    kind: str
    actor: str
    revision: str
    reason: str
    outcome: str
    manifests_digest: str
    detail: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry in its place: ``sequence`` counts from 1 over all deliveries."""

    sequence: int
    entry: Entry
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer of a check over all chains.

    Args:
        entries: How many were read.
        chains: How many deliveries.
        problems: One sentence each, empty when the ledger is whole.
    """

    entries: int
    chains: int
    problems: tuple[str, ...]


class Ledger(Protocol):
    """Append and read; nothing changes or removes an entry."""

    async def append(self, entries: Sequence[Entry]) -> None:
        """Record entries durably; concurrent calls share one transaction."""
        ...

    async def read(
        self, *, delivery: str = "", limit: int = 100, before: int | None = None
    ) -> Sequence[Recorded]:
        """Return entries, newest first."""
        ...

    async def verify(self) -> Verification:
        """Recompute every hash and checkpoint."""
        ...
