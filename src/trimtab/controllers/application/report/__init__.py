"""What a look leaves behind: status, conditions and the ledger."""
