"""UIDs for what the source does not identify: deterministic, from what is there (PS3.5 B.2, root 2.25)."""

from __future__ import annotations

import hashlib
import re
import uuid
from pathlib import Path

_UID = re.compile(r"\d+(\.\d+)*")
_CHUNK_BYTES = 1 << 20


def derived_uid(*parts: str) -> str:
    """A 2.25 UID that is the same for the same parts, in any process and on any machine."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"


def content_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def is_uid(text: str) -> bool:
    """Digits and dots, at most 64 characters (PS3.5 9.1); leading zeros are tolerated."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None
