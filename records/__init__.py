"""Persistence: studies, analyses, audit ledger."""
