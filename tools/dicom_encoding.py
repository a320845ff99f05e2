"""Data sets as DICOM files (PS3.10, explicit VR little endian), for the many small items of our own documents.

The bytes are those of `pydicom.Dataset.save_as`, in a quarter of the time: an SR has hundreds of items of two or three
short values, and pydicom opens a buffer for each value. Only plain texts, numbers and sequences are written here, all
in Unicode; any other element, and any document that is not like ours, is left to pydicom.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

from pydicom import DataElement, Dataset
from pydicom.dataelem import RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element
from pydicom.multival import MultiValue
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import VR

from tools.source_instances import UNICODE

_CHARACTER_SET = 0x00080005
_TEXT = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})
_ASCII = frozenset({"AE", "AS", "CS", "DA", "DT", "TM", "UI", "UR"})
_NUMBER_TEXT = frozenset({"DS", "IS"})
_NUMBERS = {"FD": "d", "FL": "f", "SL": "l", "SS": "h", "UL": "L", "US": "H"}
_LONG = frozenset({"SQ", "UC", "UR", "UT"})
"""Value representations whose length has four bytes, after two that are reserved (PS3.5 7.1.2)."""
_ITEM = b"\xfe\xff\x00\xe0"
_SHORTEST_TOO_LONG = 0x10000


class _Unlike(Exception):
    """The document is not like ours: pydicom knows what to do."""


def encoded(instance: Dataset) -> bytes:
    """A composite instance with file meta information as the bytes of a file.

    Raises:
        AttributeError, ValueError: it has no valid file meta information.
    """
    if not _like_ours(instance):
        return _saved(instance)
    head = Dataset()
    head.file_meta = instance.file_meta
    try:
        body = b"".join(_elements(instance, root=True))
    except _Unlike:
        return _saved(instance)
    return _saved(head) + body


def _like_ours(instance: Dataset) -> bool:
    """Unicode in explicit VR little endian, with a head that is complete."""
    meta = instance.file_meta
    return bool(
        meta.get("TransferSyntaxUID") == ExplicitVRLittleEndian
        and meta.get("MediaStorageSOPClassUID") == instance.get("SOPClassUID")
        and meta.get("MediaStorageSOPInstanceUID") == instance.get("SOPInstanceUID")
        and instance.get("SpecificCharacterSet") == UNICODE
    )


def _saved(instance: Dataset) -> bytes:
    file = io.BytesIO()
    instance.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _elements(dataset: Dataset, *, root: bool = False) -> Iterator[bytes]:
    """The elements in the order of their tags."""
    for element in sorted(dataset.values(), key=_number):
        if not isinstance(element, DataElement):  # still as it was read
            raise _Unlike
        if element.tag == _CHARACTER_SET and not root:
            raise _Unlike
        if element.VR == VR.OB_OW and root:  # pixels
            correct_ambiguous_vr_element(element, dataset, True)
        yield _element(element)


def _number(element: DataElement | RawDataElement) -> int:
    return int(element.tag)


def _element(element: DataElement) -> bytes:
    kind, value = element.VR, element.value
    if len(kind) != 2 or element.is_undefined_length:
        raise _Unlike
    content = _items(value) if kind == "SQ" else _content(kind, value)
    if content is None or (len(content) >= _SHORTEST_TOO_LONG and kind not in _LONG):
        return _by_pydicom(element)
    tag = int(element.tag)
    length = struct.pack("<HL", 0, len(content)) if kind in _LONG else struct.pack("<H", len(content))
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + kind.encode() + length + content


def _items(datasets: list[Dataset]) -> bytes:
    """Items of a sequence, each with its length."""
    parts: list[bytes] = []
    for dataset in datasets:
        if getattr(dataset, "is_undefined_length_sequence_item", False):
            raise _Unlike
        content = b"".join(_elements(dataset))
        parts += (_ITEM, struct.pack("<L", len(content)), content)
    return b"".join(parts)


def _content(kind: str, value: object) -> bytes | None:
    """A value of even length; None for one that pydicom has to write."""
    values = list(value) if isinstance(value, MultiValue | list) else [] if value is None else [value]
    if kind in _NUMBERS and all(type(one) in (int, float) for one in values):
        return struct.pack(f"<{len(values)}{_NUMBERS[kind]}", *values)
    if kind in _NUMBER_TEXT:
        text = "\\".join(str(getattr(one, "original_string", one)) for one in values).encode("latin-1")
    elif (kind in _TEXT or kind in _ASCII) and all(isinstance(one, str) for one in values):
        text = "\\".join(map(str, values)).encode("utf-8" if kind in _TEXT else "latin-1")
    else:
        return None
    return text if len(text) % 2 == 0 else text + (b"\0" if kind == "UI" else b" ")


def _by_pydicom(element: DataElement) -> bytes:
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = True, False
    write_data_element(file, element, [UNICODE])
    return file.getvalue()
