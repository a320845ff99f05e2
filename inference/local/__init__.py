"""Embedded models, served under the same contracts as the endpoints they stand in for."""
