"""Undoing an answer's compression in bounded steps, so that a small answer cannot become a huge one in memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

ACCEPTED = "gzip"
_STEP = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS


class CompressionBroken(ValueError):
    """The bytes are not what their Content-Encoding says, or end too early."""


class Inflater:
    """Undoes one Content-Encoding ("gzip", or none), a megabyte at a time at most.

    Raises:
        CompressionBroken: an encoding that was not asked for.
    """

    def __init__(self, encoding: str) -> None:
        name = encoding.strip().lower()
        if name not in ("", "identity", "gzip", "x-gzip"):
            raise CompressionBroken(name)
        self._plain = name in ("", "identity")
        self._inside = zlib.decompressobj(_GZIP)
        self._begun = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What a piece of the wire holds, in pieces."""
        if self._plain:
            yield chunk
            return
        while chunk:
            if self._inside.eof:
                self._inside = zlib.decompressobj(_GZIP)
            self._begun = True
            yield self._step(chunk)
            chunk = self._inside.unused_data if self._inside.eof else self._inside.unconsumed_tail

    def finish(self) -> None:
        """The wire has ended: is the content whole?"""
        if self._begun and not self._inside.eof:
            raise CompressionBroken("cut off")

    def _step(self, chunk: bytes) -> bytes:
        try:
            return self._inside.decompress(chunk, _STEP)
        except zlib.error as error:
            raise CompressionBroken(str(error)) from error
