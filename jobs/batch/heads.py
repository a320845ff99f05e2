"""Which study a file belongs to, by its header alone: no pixels are read, no more than an identity is kept."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag

from domain.errors import FileUnreadable, NotAnImage
from domain.study import Refusal
from jobs.batch.archive import is_archive, members, unpack
from jobs.batch.walking import Place
from tools.dicom_header import Header, noted_warnings, read_header
from tools.dicom_kind import kind_of
from tools.dicom_start import TooMuchToParse, bounded, may_begin
from tools.dicom_study_reader import refusal_of
from tools.ingest import _kind as format_of
from tools.series_identity import is_uid

LAST_TAG = 0x0020000E
"""Series Instance UID: whose the file is, and of which study, stands before it."""
MEMBERS_AT_ONCE = 200
_HEAD_BYTES = 144


@dataclass(frozen=True)
class Head:
    """A file that may be an image.

    Attributes:
        group: files of equal groups are one study.
        unnamed: nothing in it says its modality, only the question may.
    """

    place: Place
    group: str
    unnamed: bool = False


@dataclass(frozen=True)
class Refused:
    """A file that is passed over."""

    place: Place
    refusal: Refusal


@dataclass(frozen=True)
class Archive:
    """A zip archive, to be looked into with `look_inside`."""

    place: Place


Look = Head | Refused | Archive


def look(places: Sequence[Place]) -> list[Look]:
    """What files are. Runs in a compute process; never raises for what is in a file."""
    return [_safely(place, place.path) for place in places]


def look_inside(archive: Place, first: int, scratch: Path) -> tuple[list[Look], int | None]:
    """Some members of an archive from the one at position `first` on; and the position to go on with, None at the end.

    Args:
        scratch: folder in which members lie for the moment that it takes to read their headers.
    """
    try:
        listed = members(archive.path)
    except FileUnreadable as error:
        return [Refused(archive, refusal_of(error, archive.name))], None
    chosen = {m.number: m for m in listed[first : first + MEMBERS_AT_ONCE]}
    found: list[Look] = []
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        for number, file in unpack(archive.path, chosen, Path(folder)):
            place = replace(archive, name=f"{archive.name}/{chosen[number].name}", member=number)
            if isinstance(file, str):
                found.append(Refused(place, Refusal(place.name, file, "Send the file by itself.")))
                continue
            found.append(_safely(place, file))
            file.unlink()
    after = first + MEMBERS_AT_ONCE
    return found, after if after < len(listed) else None


def _safely(place: Place, file: Path) -> Look:
    try:
        if place.member < 0 and is_archive(file):
            return Archive(place)
        return _head(place, file)
    except Exception as error:
        return Refused(place, refusal_of(error, place.name))


def _head(place: Place, file: Path) -> Head:
    if format_of(file, place.name) != "dicom":
        return Head(place, _alone(place), unnamed=True)
    header = _identity(file, place.name)
    kind = kind_of(header)
    if kind:
        raise NotAnImage(f"This is {kind}, not an image.", where=place.name)
    study = header.text("StudyInstanceUID")
    # The reader derives a UID from one that is none, and from the instance where there is nothing at all.
    group = f"study {study}" if study and (is_uid(study) or len(study) <= 256) else _alone(place)
    return Head(place, group, unnamed=not header.text("Modality"))


def _alone(place: Place) -> str:
    return f"file {os.fsencode(place.path).hex()} {place.member}"


def _identity(file: Path, name: str) -> Header:
    """The header up to the identity of series; the whole header where that does not say what the file is.

    Raises:
        FileUnreadable: no DICOM, or broken before its pixels.
    """
    with file.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not may_begin(head, file.stat().st_size):
        return read_header(file, name)
    header = Header(file, name, Dataset())
    try:
        with noted_warnings(header), bounded(file, pixels=False) as stream:
            header.dataset = read_partial(stream, stop_when=_past_identity, force=True)
    except TooMuchToParse as error:
        raise FileUnreadable("The DICOM data set holds more elements than an image.", where=name) from error
    except Exception as error:
        raise FileUnreadable(
            f"The DICOM data set breaks off or is damaged ({type(error).__name__}).", where=name
        ) from error
    if "SOPClassUID" not in header.dataset or "StudyInstanceUID" not in header.dataset:
        return read_header(file, name)
    return header


def _past_identity(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) > LAST_TAG


def chunks(places: Iterator[Place | Refusal], size: int) -> Iterator[tuple[list[Place], list[Refusal]]]:
    """Places in handfuls, with the refusals between them."""
    found: list[Place] = []
    refused: list[Refusal] = []
    for place in places:
        if isinstance(place, Refusal):
            refused.append(place)
        else:
            found.append(place)
        if len(found) + len(refused) >= size:
            yield found, refused
            found, refused = [], []
    if found or refused:
        yield found, refused
