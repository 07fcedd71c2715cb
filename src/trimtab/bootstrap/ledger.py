"""Opens the ledger of a state folder."""

from pathlib import Path

from trimtab.adapters.database import ReadOnlyLedger, open_read_only


def read_ledger(path: Path) -> ReadOnlyLedger:
    """Return a view that neither creates nor changes the file."""
    return open_read_only(path)
