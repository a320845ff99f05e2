"""A PNG in a PDF without being decoded: PDF's Flate filter with predictor 15 is PNG's own compression.

Source: PDF (ISO 32000-1), 7.4.4.4, table 10; PNG (ISO/IEC 15948). For 8-bit RGB without interlacing.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Any

from reportlab.pdfbase.pdfdoc import PDFDictionary, PDFImageXObject, PDFName, PDFStream
from reportlab.platypus import Flowable

from tools.png import SIGNATURE

_RGB8 = (8, 2, 0, 0, 0)
"""Bit depth, colour type, compression, filter, interlace."""
_PREDICTOR = 15


@dataclass(frozen=True)
class PlainPng:
    """An 8-bit RGB image; `data` is its compressed rows."""

    columns: int
    rows: int
    data: bytes


def plain_png(png: bytes) -> PlainPng | None:
    """The picture of a PNG file that needs no decoding; None for any other."""
    if not png.startswith(SIGNATURE):
        return None
    place, size, data = len(SIGNATURE), (0, 0), []
    while place + 8 <= len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        content = png[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            columns, rows, *form = struct.unpack(">IIBBBBB", content)
            if tuple(form) != _RGB8:
                return None
            size = columns, rows
        elif kind == b"IDAT":
            data.append(content)
        place += 12 + length
    return PlainPng(*size, b"".join(data)) if data and all(size) else None


class PngPicture(Flowable):  # type: ignore[misc]
    """Draws a PNG in the middle of its line.

    Args:
        width, height: in points.
    """

    def __init__(self, png: PlainPng, width: float, height: float) -> None:
        super().__init__()
        self.hAlign = "CENTER"
        self._png = png
        self.width, self.height = width, height

    def wrap(self, _width: float, _height: float) -> tuple[float, float]:
        """Its size, whatever there is room for."""
        return self.width, self.height

    def draw(self) -> None:
        """On the canvas, once in the file however often it is shown."""
        canvas = self.canv
        name = hashlib.sha256(self._png.data).hexdigest()
        known = canvas._doc.getXObjectName(name)
        if canvas._doc.idToObject.get(known) is None:
            canvas._setXObjects(picture := _Stored(name, self._png))
            canvas._doc.Reference(picture, known)
            canvas._doc.addForm(name, picture)
        canvas.saveState()
        canvas.transform(self.width, 0, 0, self.height, 0, 0)
        canvas._code.append(f"/{known} Do")
        canvas.restoreState()
        canvas._formsinuse.append(name)


class _Stored(PDFImageXObject):  # type: ignore[misc]
    """The image in the file."""

    def __init__(self, name: str, png: PlainPng) -> None:
        super().__init__(name)
        self._png = png

    def format(self, document: Any) -> Any:
        """Its dictionary and its bytes."""
        stream = PDFStream(content=self._png.data)
        rows = {"Predictor": _PREDICTOR, "Colors": 3, "BitsPerComponent": 8, "Columns": self._png.columns}
        stream.dictionary.dict |= {
            "Type": PDFName("XObject"),
            "Subtype": PDFName("Image"),
            "Width": self._png.columns,
            "Height": self._png.rows,
            "BitsPerComponent": 8,
            "ColorSpace": PDFName("DeviceRGB"),
            "Filter": PDFName("FlateDecode"),
            "DecodeParms": PDFDictionary(rows),
            "Length": len(self._png.data),
        }
        return stream.format(document)
