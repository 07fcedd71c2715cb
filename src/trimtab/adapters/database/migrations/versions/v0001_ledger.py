"""Entries and checkpoints, with triggers that refuse every change to what was written."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TABLES = (("entries", "sequence"), ("checkpoints", "number"))


def upgrade() -> None:
    """Create the tables and their triggers."""
    text = ("delivery", "at", "kind", "actor", "revision", "reason", "outcome")
    hashes = ("manifests_digest", "detail", "previous_hash", "hash")
    op.create_table(
        "entries",
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in (*text, *hashes)),
    )
    op.create_index("entries_by_delivery", "entries", ["delivery", "sequence"])
    op.create_table(
        "checkpoints",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("through", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("heads", "previous_hash", "hash")),
    )
    for table, key in _TABLES:
        _refuse_changes(table, key)


def _refuse_changes(table: str, key: str) -> None:
    refused = f"SELECT RAISE(ABORT, 'the ledger is append-only: {table} are never changed')"
    # INSERT OR REPLACE deletes without firing the DELETE trigger, hence the third one.
    exists = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"  # noqa: S608  constants
    for verb, when in (("UPDATE", ""), ("DELETE", ""), ("INSERT", exists)):
        name = f"{table}_no_{verb.lower()}"
        op.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} {when} BEGIN {refused}; END")
