"""The hash chains of the ledger, as pure functions: how an entry is linked, how chains are audited.

Every delivery has a chain of its own: an entry's hash covers its sequence number, its content and
the hash of the delivery's entry before it. A chain cannot tell that its own tail is missing, so now
and then a checkpoint records the head of every chain that has moved; checkpoints are chained too.
What was cut off is therefore noticed as far as the checkpoints that are still there reach.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from trimtab.core.manifest import digest_of
from trimtab.ports.ledger import Entry, Recorded, Verification

GENESIS = "0" * 64
"""The previous hash of the first entry of a chain and of the first checkpoint."""

CHECKPOINT_EVERY = 100
"""Entries after which a checkpoint is written, at the latest."""

_SHOWN_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a chain.

    Args:
        position: How many entries the chain has, from 1.
        hash: The hash of the last one.
    """

    position: int
    hash: str


NO_HEAD = Head(0, GENESIS)
"""The head of a chain without entries."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The heads of all chains that moved since the checkpoint before.

    Args:
        number: From 1, without gaps.
        through: Sequence number of the last entry that it covers.
        heads: By delivery.
        previous_hash: The hash of the checkpoint before.
        hash: Covers all of the above.
    """

    number: int
    through: int
    heads: Mapping[str, Head]
    previous_hash: str
    hash: str


def link(entry: Entry, *, sequence: int, previous_hash: str) -> Recorded:
    """Return an entry in its place, with its hash."""
    digest = digest_of({"entry": asdict(entry), "previous": previous_hash, "sequence": sequence})
    return Recorded(sequence, entry, previous_hash, digest)


def seal(*, number: int, through: int, heads: Mapping[str, Head], previous_hash: str) -> Checkpoint:
    """Return a checkpoint with its hash."""
    shown = {delivery: [head.position, head.hash] for delivery, head in heads.items()}
    digest = digest_of(
        {"heads": shown, "number": number, "previous": previous_hash, "through": through}
    )
    return Checkpoint(number, through, heads, previous_hash, digest)


class Audit:
    """Recomputes all chains: feed every checkpoint, then every entry by sequence, then ask.

    One broken link is one problem: the audit goes on from what the broken entry claims.
    """

    def __init__(self) -> None:
        self._heads: dict[str, Head] = {}
        self._owed: dict[tuple[str, int], tuple[str, int]] = {}
        self._problems: list[str] = []
        self._entries = 0
        self._sequence = 0
        self._checkpoint = Checkpoint(0, 0, {}, GENESIS, GENESIS)

    def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Check the next checkpoint and remember which heads it promises."""
        last = self._checkpoint
        resealed = seal(
            number=checkpoint.number,
            through=checkpoint.through,
            heads=checkpoint.heads,
            previous_hash=checkpoint.previous_hash,
        )
        named = f"checkpoint {checkpoint.number}"
        if checkpoint.number != last.number + 1:
            self.report(f"{named}: expected checkpoint {last.number + 1}; one or more are missing")
        elif checkpoint.previous_hash != last.hash:
            self.report(f"{named}: does not continue checkpoint {last.number}")
        if resealed.hash != checkpoint.hash:
            self.report(f"{named}: its content does not match its hash")
        for delivery, head in checkpoint.heads.items():
            self._owed[delivery, head.position] = (head.hash, checkpoint.number)
        self._checkpoint = checkpoint

    def add_entry(self, recorded: Recorded) -> None:
        """Check the next entry against its chain and the checkpoints."""
        entry, sequence = recorded.entry, recorded.sequence
        if sequence != self._sequence + 1:
            self.report(f"entry {self._sequence + 1}: missing; the next one is {sequence}")
        head = self._heads.get(entry.delivery, NO_HEAD)
        if recorded.previous_hash != head.hash:
            self.report(f"entry {sequence}: does not continue the chain of {entry.delivery}")
        relinked = link(entry, sequence=sequence, previous_hash=recorded.previous_hash)
        if relinked.hash != recorded.hash:
            self.report(
                f"entry {sequence} of {entry.delivery}: its content does not match its hash"
            )
        self._advance(entry.delivery, Head(head.position + 1, recorded.hash))
        self._sequence = sequence
        self._entries += 1

    def report(self, problem: str) -> None:
        """Add a problem that the storage found by itself."""
        self._problems.append(problem)

    def result(self) -> Verification:
        """Return the findings; heads that were promised and never seen are reported here."""
        problems = [*self._problems, *self._missing_heads()]
        if len(problems) > _SHOWN_PROBLEMS:
            more = len(problems) - _SHOWN_PROBLEMS
            problems = [*problems[:_SHOWN_PROBLEMS], f"and {more} more problems"]
        return Verification(self._entries, len(self._heads), tuple(problems))

    def _advance(self, delivery: str, head: Head) -> None:
        owed = self._owed.pop((delivery, head.position), None)
        if owed is not None and owed[0] != head.hash:
            self.report(
                f"{delivery}: entry {head.position} of the chain is not the one"
                f" that checkpoint {owed[1]} covers"
            )
        self._heads[delivery] = head

    def _missing_heads(self) -> Iterable[str]:
        furthest: dict[str, tuple[int, int]] = {}
        for (delivery, position), (_, number) in self._owed.items():
            if position > furthest.get(delivery, (0, 0))[0]:
                furthest[delivery] = (position, number)
        for delivery, (position, number) in sorted(furthest.items()):
            held = self._heads.get(delivery, NO_HEAD).position
            yield (
                f"{delivery}: checkpoint {number} covers {position} entries,"
                f" the ledger holds {held}; the rest were removed"
            )
