"""Whether anything of a patient's identity is in what the memory keeps; knows nothing of how it is scrubbed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

_SEPARATORS = re.compile(rb"[\s.,;:/_()+-]+")


def plain(data: bytes) -> bytes:
    """Without case, diacritics and separators, so that any spelling of an identifier is found."""
    text = unicodedata.normalize("NFKD", data.decode("utf-8", "replace").casefold())
    return _SEPARATORS.sub(b"", "".join(c for c in text if not unicodedata.combining(c)).encode())


def found_in(haystacks: Iterable[bytes], identifiers: Iterable[str]) -> int:
    """How many different identifiers stand in any of the texts."""
    together = b"\n".join(plain(h) for h in haystacks)
    return sum(needle in together for needle in {plain(i.encode()) for i in identifiers})


def files(folder: Path) -> list[bytes]:
    """The bytes of every file under a folder."""
    return [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
