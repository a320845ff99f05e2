"""Where a DICOM file begins and how much of it may be parsed: noise is refused by its first bytes, not walked.

A file without the mark "DICM" may still be a bare data set (PS3.5 7.1); what its first element says is checked
before a parser that believes everything is let loose on it.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.datadict import dictionary_has_tag
from pydicom.valuerep import VR

_MARK_AT, _START = 128, 132
_MARK = b"DICM"
_UNDEFINED = 0xFFFFFFFF
_LAST_FIRST_GROUP = 0x0028
"""A data set is sorted by tag (PS3.5 7.1): one that begins after the Image Pixel group has no identity and no grid."""
_VRS = frozenset(vr.value.encode() for vr in VR if len(vr.value) == 2)
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
MAX_READS = 3_000_000
"""About 1.5 million elements; a multi-frame image of 20 000 frames has half of that."""
MAX_HEADER_BYTES = 512 * 1024**2
_BLOCK = 1 << 20
_SAME_IN_A_ROW = 100_000
"""Equal reads after one another: elements are sorted, so what repeats is filling, not a data set."""
_INFLATION = 250
"""Inflated ÷ deflated size above which a data set of more than one MiB is a bomb."""


class TooMuchToParse(ValueError):
    """More elements or bytes than any image has before its pixels."""


def is_marked(head: bytes) -> bool:
    """Whether the first bytes carry the mark of a DICOM file (PS3.10 7.1)."""
    return head[_MARK_AT:_START] == _MARK


def may_begin(head: bytes, size: int) -> bool:
    """Whether a file of `size` bytes with these first 144 bytes or more can be DICOM."""
    if is_marked(head):
        return any(head[_START : _START + 8]) and _is_element(head[_START : _START + 12], size - _START, lenient=True)
    return _is_element(head[:12], size, lenient=False)


def _is_element(head: bytes, size: int, *, lenient: bool) -> bool:
    if len(head) < 8:
        return False
    return any(_fits(head, order, size, lenient) for order in "<>")


def _fits(head: bytes, order: str, size: int, lenient: bool) -> bool:
    group, element = struct.unpack_from(f"{order}HH", head)
    if group > _LAST_FIRST_GROUP or ((group, element) == (0, 0) and not any(head[4:8])):
        return False
    if lenient:
        return True
    known = element == 0 or dictionary_has_tag(group << 16 | element) or group % 2 == 1
    return known and _length(head, order) <= size


def _length(head: bytes, order: str) -> int:
    """Where the first element ends; far beyond any file when the bytes are no element."""
    vr = head[4:6]
    if vr in _LONG_VRS and len(head) >= 12:
        length: int = struct.unpack_from(f"{order}I", head, 8)[0]
        return 12 if length == _UNDEFINED else 12 + length
    if vr in _VRS:
        return 8 + int(struct.unpack_from(f"{order}H", head, 6)[0])
    if order == ">":  # implicit VR is little endian only (PS3.5 A.1)
        return 1 << 62
    length = struct.unpack_from("<I", head, 4)[0]
    return 8 if length == _UNDEFINED else 8 + length


class _Counted(io.BufferedReader):
    """A file that gives up after so many reads or bytes."""

    def __init__(self, raw: io.FileIO, reads: int, length: int | None) -> None:
        super().__init__(raw)
        self._reads = reads
        self._bytes = length
        self._last = b""
        self._same = 0

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return self._rest()
        self._count(size)
        data = super().read(size)
        self._same = self._same + 1 if data == self._last else 0
        self._last = data
        return data

    def _count(self, size: int) -> None:
        self._reads -= 1
        if self._bytes is not None:
            self._bytes -= size
        if self._reads < 0 or self._same > _SAME_IN_A_ROW or (self._bytes is not None and self._bytes < 0):
            raise TooMuchToParse

    def _rest(self) -> bytes:
        """All that is left: asked for only to inflate it (PS3.5 A.5), so it is weighed first."""
        data = super().read()
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        left, waiting = min(MAX_HEADER_BYTES, max(_BLOCK, _INFLATION * len(data))), data
        while waiting and not inflate.eof:
            try:
                left -= len(inflate.decompress(waiting, _BLOCK))
            except zlib.error:
                break
            if left < 0:
                raise TooMuchToParse
            waiting = inflate.unconsumed_tail
        return data


@contextmanager
def bounded(path: Path, *, pixels: bool) -> Iterator[io.BufferedReader]:
    """The open file; a read beyond what is parsed here raises TooMuchToParse. Pixels do not count."""
    length = None if pixels else MAX_HEADER_BYTES
    with _Counted(path.open("rb", buffering=0), MAX_READS, length) as stream:
        yield stream
