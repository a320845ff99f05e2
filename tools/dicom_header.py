"""Reading a DICOM header tolerantly: an attribute that cannot be read is named, never fatal, never quoted."""

from __future__ import annotations

import logging
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from domain.errors import FileUnreadable
from tools.dicom_start import MAX_HEADER_BYTES, TooMuchToParse, bounded, is_marked, may_begin

# pydicom logs what it stumbles over with the values themselves, names of patients among them.
logging.getLogger("pydicom").addHandler(logging.NullHandler())
logging.getLogger("pydicom").propagate = False

_QUOTED = re.compile(r"""['"‘“<].*""", re.DOTALL)
_NOTE_LENGTH = 110
_HEAD_BYTES = 144


@dataclass(eq=False)
class Header:
    """A dataset without pixels, and what was odd about it.

    Attributes:
        path, name: the file; its name relative to what the user gave.
        notes: sentences about oddities, without values.
    """

    path: Path
    name: str
    dataset: Dataset
    notes: list[str] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        """Remember an oddity once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def states(self, keyword: str, within: Dataset | None = None) -> bool:
        """Whether an attribute is there with anything but blanks in it, readable or not."""
        dataset = self.dataset if within is None else within
        if keyword not in dataset:
            return False
        stored = dataset.get_item(keyword, keep_deferred=True).value
        return bool(stored.strip(b" \0") if isinstance(stored, bytes) else str(stored or "").strip())

    def value(self, keyword: str, within: Dataset | None = None) -> Any:
        """The raw value of an attribute; None when it is absent, empty or unreadable."""
        dataset = self.dataset if within is None else within
        tag = tag_for_keyword(keyword)
        if tag is None or tag not in dataset:
            return None
        try:
            element = dataset.get_item(tag, keep_deferred=True)
            if isinstance(element, RawDataElement):  # reading it for the first time may warn
                with noted_warnings(self):
                    element = dataset[tag]
            value = element.value
        except Exception:
            self.note(f"{keyword} cannot be read")
            return None
        return None if value is None or value == "" else value

    def text(self, keyword: str, within: Dataset | None = None) -> str:
        """A text value, several joined by a backslash; "" when there is none."""
        value = self.value(keyword, within)
        if value is None:
            return ""
        try:
            parts = value if _is_list(value) else [value]
            return "\\".join(str(part).strip(" \0") for part in parts)
        except Exception:
            self.note(f"{keyword} cannot be read")
            return ""

    def texts(self, keyword: str, within: Dataset | None = None) -> tuple[str, ...]:
        """All values of a text attribute."""
        joined = self.text(keyword, within)
        return tuple(joined.split("\\")) if joined else ()

    def numbers(self, keyword: str, count: int, within: Dataset | None = None) -> tuple[float, ...] | None:
        """The first `count` values as finite floats; None when there are fewer, or they are no numbers."""
        value = self.value(keyword, within)
        if value is None:
            return None
        parts = list(value) if _is_list(value) else [value]
        try:
            found = tuple(float(part) for part in parts[:count])
        except (TypeError, ValueError, OverflowError):
            found = ()
        if len(found) < count or not all(math.isfinite(number) for number in found):
            self.note(f"{keyword} is not {count} finite number{'s' if count > 1 else ''}")
            return None
        return found

    def number(self, keyword: str, within: Dataset | None = None) -> float | None:
        """The first value as a finite float; None when there is none."""
        found = self.numbers(keyword, 1, within)
        return None if found is None else found[0]

    def integer(self, keyword: str, within: Dataset | None = None) -> int | None:
        """The first value as an integer; None when there is none."""
        found = self.number(keyword, within)
        return None if found is None else int(found)

    def items(self, keyword: str, within: Dataset | None = None) -> tuple[Dataset, ...]:
        """The items of a sequence; empty when it is absent or unreadable."""
        value = self.value(keyword, within)
        if value is None or not _is_list(value):
            return ()
        return tuple(item for item in value if isinstance(item, Dataset))

    @property
    def transfer_syntax(self) -> str:
        """Transfer Syntax UID of the file meta information; "" without one."""
        meta = getattr(self.dataset, "file_meta", None)
        return self.text("TransferSyntaxUID", meta) if meta is not None else ""


def read_header(path: Path, name: str) -> Header:
    """Read a file up to its pixels, with or without preamble and file meta information.

    Raises:
        FileUnreadable: no DICOM, or broken before its pixels.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not may_begin(head, path.stat().st_size):
        raise FileUnreadable(_why_not(head), where=name)
    header = Header(path, name, Dataset())
    header.dataset = read_dataset(header, pixels=False)
    if not _plausible(header.dataset):
        raise FileUnreadable(_why_not(head), where=name)
    _note_meta(header)
    return header


def read_dataset(header: Header, *, pixels: bool) -> Dataset:
    """Read the whole file, or all before its pixels; a missing transfer syntax is added as the bytes tell it.

    Raises:
        FileUnreadable: the bytes cannot be parsed, or are more than is parsed here.
    """
    try:
        with noted_warnings(header), bounded(header.path, pixels=pixels) as stream:
            dataset = dcmread(stream, force=True, stop_before_pixels=not pixels)
    except TooMuchToParse as error:
        raise FileUnreadable(
            f"The DICOM data set holds more elements, or more than {MAX_HEADER_BYTES >> 20} MiB before its pixels, "
            "than an image that is read here.",
            where=header.name,
        ) from error
    except Exception as error:
        raise FileUnreadable(
            f"The DICOM data set breaks off or is damaged ({type(error).__name__}).", where=header.name
        ) from error
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = UID(_encoding(dataset))
        header.note("the file meta information has no transfer syntax: taken from the encoding of the data set")
    return dataset


@contextmanager
def noted_warnings(header: Header) -> Iterator[None]:
    """Turn what pydicom warns of into notes, without the values that it quotes."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield
    for warning in said:
        header.note(_scrubbed(str(warning.message)))


def _scrubbed(message: str) -> str:
    first = _QUOTED.sub("…", message).split(". ")[0].split("\n")[0].strip()
    return f"DICOM reader: {first[:_NOTE_LENGTH]}"


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple, MultiValue, Sequence))


def _encoding(dataset: Dataset) -> str:
    implicit, little = dataset.original_encoding
    if implicit is None or implicit:
        return str(ImplicitVRLittleEndian)
    return str(ExplicitVRLittleEndian if little else ExplicitVRBigEndian)


def _plausible(dataset: Dataset) -> bool:
    """A data set with an identity or a pixel grid; anything else is noise that happened to parse."""
    return any(keyword in dataset for keyword in ("SOPClassUID", "Rows", "Columns", "Modality"))


def _why_not(head: bytes) -> str:
    if is_marked(head):
        return "The file is marked as DICOM, but its data set is empty, broken off or describes nothing."
    return "Not a format that is read here, or damaged at its beginning."


def _note_meta(header: Header) -> None:
    dataset = header.dataset
    if not dataset.preamble:
        header.note("no DICOM preamble: read as a bare data set")
        return
    for media, keyword in (
        ("MediaStorageSOPClassUID", "SOPClassUID"),
        ("MediaStorageSOPInstanceUID", "SOPInstanceUID"),
    ):
        stated = header.text(media, dataset.file_meta)
        if not stated:
            header.note(f"the file meta information has no {media}")
        elif stated != header.text(keyword):
            header.note(f"{media} in the file meta information differs from {keyword}")
