"""The audit ledger, to read."""
