"""A lossless JPEG is handed to its decoder only when its headers fit the data set."""

from __future__ import annotations

import struct

import pytest

from tools.dicom_jpeg import lossless_objection

TABLE = bytes([0, 0, 2, *[0] * 14, 0, 1])


def jpeg(*, precision=12, rows=4, columns=6, sof=0xC3, selector=1, table=TABLE) -> bytes:
    frame = struct.pack(">BHHBBBB", precision, rows, columns, 1, 1, 0x11, 0)
    scan = bytes([1, 1, 0, selector, 0, 0])
    segments = [(0xC4, table), (sof, frame), (0xDA, scan)]
    return b"\xff\xd8" + b"".join(struct.pack(">BBH", 0xFF, m, len(s) + 2) + s for m, s in segments) + b"\0\0\xff\xd9"


def test_what_fits_is_passed():
    assert lossless_objection(jpeg(), 4, 6, 1, 16) == ""


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (jpeg(rows=5), "size"),
        (jpeg(precision=17), "depth"),
        (jpeg(sof=0xC0), "not lossless"),
        (jpeg(selector=0), "scan header"),
        (jpeg(table=bytes([0, 3, *[0] * 15, 0, 1, 2])), "Huffman"),
        (jpeg()[2:], "no beginning"),
        (jpeg()[:30], "damaged"),
        (b"\xff\xd8", "ends"),
    ],
)
def test_what_contradicts_the_data_set_is_named(data, words):
    assert words in lossless_objection(data, 4, 6, 1, 16)
