"""The ledger in SQLite, by SQLAlchemy Core; its schema is migrated by Alembic at start-up."""

from trimtab.adapters.database.ledger import (
    ReadOnlyLedger,
    SqliteLedger,
    open_ledger,
    open_read_only,
)

__all__ = ["ReadOnlyLedger", "SqliteLedger", "open_ledger", "open_read_only"]
