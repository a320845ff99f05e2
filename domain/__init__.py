"""Nouns. Imports nothing of ours."""
