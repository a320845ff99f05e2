"""Marker segments of a lossless JPEG frame (ITU-T T.81 B.1), checked before a native decoder is handed the bytes.

The decoder for process 14 ends the whole process on frame headers that contradict the data set, so these are
refused here.
"""

from __future__ import annotations

import struct

_SOI, _SOS, _DHT = 0xD8, 0xDA, 0xC4
_LOSSLESS_FRAME = 0xC3
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def lossless_objection(data: bytes, rows: int, columns: int, samples: int, allocated_bits: int) -> str:
    """Why a frame is not the lossless JPEG that the data set promises; "" when it is."""
    try:
        return _objection(data, (rows, columns, samples), allocated_bits)
    except (struct.error, IndexError):
        return "the JPEG ends within its header"


def _objection(data: bytes, promised: tuple[int, int, int], allocated_bits: int) -> str:
    if data[:2] != bytes((0xFF, _SOI)):
        return "the JPEG has no beginning"
    frame = tables = 0
    offset = 2
    while True:
        marker, length = struct.unpack_from(">xBH", data, offset)
        segment = data[offset + 4 : offset + 2 + length]
        if data[offset] != 0xFF or length < 2 or len(segment) != length - 2:
            return "a marker segment of the JPEG is damaged"
        if marker in _FRAMES:
            objection = _frame_objection(marker, segment, promised, allocated_bits)
            if objection or frame:
                return objection or "the JPEG has several frame headers"
            frame = segment[0]
        elif marker == _DHT:
            if not _sound_tables(segment):
                return "a Huffman table of the JPEG is damaged"
            tables += 1
        elif marker == _SOS:
            return _scan_objection(segment, frame, tables)
        offset += 2 + length


def _frame_objection(marker: int, segment: bytes, promised: tuple[int, int, int], allocated_bits: int) -> str:
    precision, rows, columns, samples = struct.unpack_from(">BHHB", segment)
    if marker != _LOSSLESS_FRAME:
        return "the JPEG is not lossless with Huffman coding"
    if (rows, columns, samples) != promised or len(segment) != 6 + 3 * samples:
        return "the size in the JPEG contradicts the data set"
    if not 2 <= precision <= allocated_bits:
        return "the depth in the JPEG contradicts the data set"
    if any(segment[7 + 3 * index] != 0x11 for index in range(samples)):
        return "the JPEG is subsampled"
    return ""


def _sound_tables(segment: bytes) -> bool:
    offset = 0
    while offset < len(segment):
        counts = segment[offset + 1 : offset + 17]
        symbols = segment[offset + 17 : offset + 17 + sum(counts)]
        space = sum(count << (16 - length) for length, count in enumerate(counts, start=1))
        fits = len(counts) == 16 and len(symbols) == sum(counts) and space < 1 << 16
        if not fits or segment[offset] > 3 or max(symbols, default=0) > 16:
            return False
        offset += 17 + sum(counts)
    return True


def _scan_objection(segment: bytes, frame: int, tables: int) -> str:
    selector, end, transform = segment[-3:]
    if not frame or not tables:
        return "the JPEG lacks a frame header or a Huffman table before its data"
    if not 1 <= selector <= 7 or end or transform >= frame:
        return "the scan header of the JPEG is damaged"
    return ""
