"""A ledger in memory, with real hash chains."""

from collections.abc import Sequence

from trimtab.ports.ledger import Entry, LedgerUnavailable, Recorded, Verification
from trimtab.services.chain import (
    CHECKPOINT_EVERY,
    GENESIS,
    NO_HEAD,
    Audit,
    Checkpoint,
    Head,
    link,
    seal,
)


class FakeLedger:
    """Implements ``ports.ledger.Ledger``; it passes the contract suite of the real one.

    Args:
        fails_with: While set, every call raises it.
    """

    def __init__(self, *, fails_with: LedgerUnavailable | None = None) -> None:
        self.fails_with = fails_with
        self.recorded: list[Recorded] = []
        self.checkpoints: list[Checkpoint] = []
        self._heads: dict[str, Head] = {}

    @property
    def entries(self) -> list[Entry]:
        """What was appended, oldest first."""
        return [recorded.entry for recorded in self.recorded]

    async def append(self, entries: Sequence[Entry]) -> None:
        """Record entries."""
        self._fail()
        for entry in entries:
            head = self._heads.get(entry.delivery, NO_HEAD)
            linked = link(entry, sequence=len(self.recorded) + 1, previous_hash=head.hash)
            self._heads[entry.delivery] = Head(head.position + 1, linked.hash)
            self.recorded.append(linked)
        self._checkpoint(at_least=CHECKPOINT_EVERY)

    async def read(
        self, *, delivery: str = "", limit: int = 100, before: int | None = None
    ) -> Sequence[Recorded]:
        """Return entries, newest first."""
        self._fail()
        wanted = [
            recorded
            for recorded in reversed(self.recorded)
            if (not delivery or recorded.entry.delivery == delivery)
            and (before is None or recorded.sequence < before)
        ]
        return wanted[:limit]

    async def verify(self) -> Verification:
        """Recompute every hash and checkpoint."""
        self._fail()
        audit = Audit()
        for checkpoint in self.checkpoints:
            audit.add_checkpoint(checkpoint)
        for recorded in self.recorded:
            audit.add_entry(recorded)
        return audit.result()

    async def close(self) -> None:
        """Write the last checkpoint."""
        self._checkpoint(at_least=1)

    def _fail(self) -> None:
        if self.fails_with is not None:
            raise self.fails_with

    def _checkpoint(self, *, at_least: int) -> None:
        last = self.checkpoints[-1] if self.checkpoints else None
        through = last.through if last else 0
        if len(self.recorded) - through < at_least:
            return
        moved = {recorded.entry.delivery for recorded in self.recorded[through:]}
        self.checkpoints.append(
            seal(
                number=len(self.checkpoints) + 1,
                through=len(self.recorded),
                heads={delivery: self._heads[delivery] for delivery in sorted(moved)},
                previous_hash=last.hash if last else GENESIS,
            )
        )
