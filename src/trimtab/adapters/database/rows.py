"""Rows of the ledger's tables as values, and back."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, Row, func, select

from trimtab.adapters.database.schema import checkpoints, entries
from trimtab.core import JsonValue
from trimtab.core.manifest import canonical_json
from trimtab.ports.ledger import Entry, Recorded, Verification
from trimtab.services.chain import Audit, Checkpoint, Head

_HEADS = msgspec.json.Decoder(dict[str, tuple[int, str]])
_DETAIL = msgspec.json.Decoder(dict[str, Any])
_CHUNK = 500


def entry_row(recorded: Recorded, position: int) -> dict[str, object]:
    """Return the column values of an entry."""
    entry = recorded.entry
    return {
        "sequence": recorded.sequence,
        "delivery": entry.delivery,
        "position": position,
        "at": entry.at,
        "kind": entry.kind,
        "actor": entry.actor,
        "revision": entry.revision,
        "reason": entry.reason,
        "outcome": entry.outcome,
        "manifests_digest": entry.manifests_digest,
        "detail": canonical_json(entry.detail).decode(),
        "previous_hash": recorded.previous_hash,
        "hash": recorded.hash,
    }


def recorded_of(row: "Row[Any]") -> Recorded:
    """Return the entry of a row.

    Raises:
        msgspec.DecodeError: Somebody put something else than JSON into the detail.
    """
    detail = cast("Mapping[str, JsonValue]", _DETAIL.decode(row.detail))
    entry = Entry(
        row.delivery,
        row.at,
        row.kind,
        row.actor,
        row.revision,
        row.reason,
        row.outcome,
        row.manifests_digest,
        detail,
    )
    return Recorded(row.sequence, entry, row.previous_hash, row.hash)


def checkpoint_row(checkpoint: Checkpoint) -> dict[str, object]:
    """Return the column values of a checkpoint."""
    heads = {name: [head.position, head.hash] for name, head in checkpoint.heads.items()}
    return {
        "number": checkpoint.number,
        "through": checkpoint.through,
        "heads": canonical_json(heads).decode(),
        "previous_hash": checkpoint.previous_hash,
        "hash": checkpoint.hash,
    }


def checkpoint_of(row: "Row[Any]") -> Checkpoint:
    """Return the checkpoint of a row.

    Raises:
        msgspec.DecodeError: The heads are not readable.
    """
    heads = {name: Head(*head) for name, head in _HEADS.decode(row.heads).items()}
    return Checkpoint(row.number, row.through, heads, row.previous_hash, row.hash)


def chain_heads(connection: Connection, deliveries: list[str]) -> dict[str, Head]:
    """Return the heads of the chains that exist among some deliveries."""
    found: dict[str, Head] = {}
    for start in range(0, len(deliveries), _CHUNK):
        chunk = deliveries[start : start + _CHUNK]
        last = select(func.max(entries.c.sequence)).where(entries.c.delivery.in_(chunk))
        found.update(_heads_at(connection, last.group_by(entries.c.delivery)))
    return found


def heads_after(connection: Connection, sequence: int) -> dict[str, Head]:
    """Return the heads of the chains that have an entry after a sequence number."""
    last = select(func.max(entries.c.sequence)).where(entries.c.sequence > sequence)
    return _heads_at(connection, last.group_by(entries.c.delivery))


def _heads_at(connection: Connection, sequences: Any) -> dict[str, Head]:
    columns = select(entries.c.delivery, entries.c.position, entries.c.hash)
    rows = connection.execute(columns.where(entries.c.sequence.in_(sequences)))
    return {row.delivery: Head(row.position, row.hash) for row in rows}


def newest(connection: Connection, delivery: str, limit: int, before: int | None) -> list[Recorded]:
    """Return entries, newest first."""
    query = select(entries).order_by(entries.c.sequence.desc()).limit(limit)
    if delivery:
        query = query.where(entries.c.delivery == delivery)
    if before is not None:
        query = query.where(entries.c.sequence < before)
    return [recorded_of(row) for row in connection.execute(query)]


def audit(connection: Connection) -> Verification:
    """Recompute every hash of the database."""
    result = Audit()
    for row in connection.execute(select(checkpoints).order_by(checkpoints.c.number)):
        try:
            result.add_checkpoint(checkpoint_of(row))
        except (msgspec.MsgspecError, TypeError):
            result.report(f"checkpoint {row.number}: its heads are not readable")
    for row in _stream(connection):
        try:
            result.add_entry(recorded_of(row))
        except (msgspec.MsgspecError, TypeError):
            result.report(f"entry {row.sequence} of {row.delivery}: its detail is not JSON")
    return result.result()


def _stream(connection: Connection) -> "Iterator[Row[Any]]":
    query = select(entries).order_by(entries.c.sequence).execution_options(yield_per=1000)
    yield from connection.execute(query)
