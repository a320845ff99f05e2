"""Analyses: order, read, artifacts."""
