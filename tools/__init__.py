"""Verbs, pure: no network, no clock, no environment."""
