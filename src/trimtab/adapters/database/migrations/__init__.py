"""Alembic's scripts for the ledger; run by ``adapters.database.migrate`` only."""
