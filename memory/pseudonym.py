"""Keyed pseudonyms: the same patient is recognised again, and nobody can compute who it is."""

from __future__ import annotations

import hmac

from domain.errors import ConfigurationError

SHORTEST_KEY = 16
"""Bytes; a shorter key could be guessed together with a patient id (NIST SP 800-131A r2 asks HMAC for 112 bits)."""


class Pseudonyms:
    """HMAC-SHA-256 (RFC 2104), 128 bits in hex; kinds do not share a space, so a study never equals a patient.

    Args:
        key: secret of this installation.

    Raises:
        ConfigurationError: the key is too short.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < SHORTEST_KEY:
            raise ConfigurationError(f"The pseudonym key has fewer than {SHORTEST_KEY} bytes.", where="pseudonym key")
        self._key = key

    def of(self, kind: str, identifier: str) -> str:
        """32 hex digits for an identifier of a kind ("patient", "study", "analysis"); "" for an empty one."""
        if not identifier:
            return ""
        return hmac.digest(self._key, f"{kind}\x1f{identifier}".encode(), "sha256").hex()[:32]
