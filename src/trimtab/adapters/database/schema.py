"""The tables of the ledger, and which version of them this code reads."""

from typing import Final

from sqlalchemy import Column, Index, Integer, MetaData, Table, Text

SCHEMA_VERSION: Final = "0001"
"""The newest revision under ``migrations/versions``."""

metadata = MetaData()


def _text(name: str) -> "Column[str]":
    return Column(name, Text, nullable=False)


entries = Table(
    "entries",
    metadata,
    Column("sequence", Integer, primary_key=True),
    _text("delivery"),
    Column("position", Integer, nullable=False),
    _text("at"),
    _text("kind"),
    _text("actor"),
    _text("revision"),
    _text("reason"),
    _text("outcome"),
    _text("manifests_digest"),
    _text("detail"),
    _text("previous_hash"),
    _text("hash"),
)
Index("entries_by_delivery", entries.c.delivery, entries.c.sequence)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("through", Integer, nullable=False),
    _text("heads"),
    _text("previous_hash"),
    _text("hash"),
)
