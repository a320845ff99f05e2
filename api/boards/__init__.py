"""Tumour boards: people and agents about one patient, shared as it happens."""
