"""Files → studies with volumes, and refusals by name. The rest goes on, whatever one file does."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domain.errors import FileUnreadable, NotAnImage
from domain.study import Ingest, IngestedStudy, Refusal
from tools.dicom_study_reader import DicomFile, read_dicom_file, read_studies, refusal_of
from tools.file_walk import FoundFile, walk
from tools.modality import NamedModality, modality_named
from tools.nifti_reader import read_nifti
from tools.raster_reader import read_raster

_RASTER_MARKS = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
)
_RASTER_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".svs"})
_ARCHIVE_MARKS = {b"PK\x03\x04": "a zip archive", b"7z\xbc\xaf": "a 7z archive", b"Rar!": "a rar archive"}
_OTHER_SUFFIXES = frozenset(
    {".txt", ".md", ".json", ".xml", ".csv", ".tsv", ".html", ".pdf", ".py", ".log", ".yaml", ".yml", ".nrrd", ".hdr"}
)
_NIFTI_MAGIC = (b"n+1\0", b"ni1\0", b"n+2\0", b"ni2\0")


@dataclass(eq=False)
class _Reading:
    """What has been read so far."""

    dicom: list[DicomFile] = field(default_factory=list)
    studies: list[IngestedStudy] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def ingest(paths: Sequence[Path], *, question: str = "") -> Ingest:
    """Read every file below the paths.

    Args:
        paths: files and folders; folders are walked, hidden files left out, links to folders not followed.
        question: the indication; only used to learn the modality of files that carry none, with a warning.

    Returns:
        Studies sorted by UID, each of one patient; refusals in the order of the files, each with reason and remedy.
    """
    named = modality_named(question)
    reading = _Reading()
    order: dict[str, int] = {}
    for found in walk(paths):
        if isinstance(found, Refusal):
            order[found.file] = len(order)
            reading.refused.append(found)
            continue
        order[found.name] = len(order)
        try:
            _read(found, named, reading)
        except Exception as error:
            reading.refused.append(refusal_of(error, found.name))
    studies, refused = read_studies(reading.dicom)
    every = _once_each([*reading.studies, *studies])
    refusals = sorted(dict.fromkeys([*reading.refused, *refused]), key=lambda one: order.get(one.file, -1))
    return Ingest(tuple(sorted(every, key=lambda one: one.study.study_uid)), tuple(refusals))


def _once_each(studies: Sequence[IngestedStudy]) -> list[IngestedStudy]:
    return list({one.study.study_uid: one for one in studies}.values())


def _read(found: FoundFile, named: NamedModality, reading: _Reading) -> None:
    kind = _kind(found.path, found.name)
    if kind == "dicom":
        reading.dicom.append(read_dicom_file(found.path, found.name, named))
        return
    read = read_nifti if kind == "nifti" else read_raster
    study = read(found.path, found.name, named)
    if any(one.study.study_uid == study.study.study_uid for one in reading.studies):
        reading.refused.append(
            Refusal(found.name, "Another of the given files has the same content.", "Send each image once.")
        )
        return
    reading.studies.append(study)


def _kind(path: Path, name: str) -> str:
    """Format by content; by name only where content does not tell.

    Raises:
        FileUnreadable: empty, an archive, or a format that is not read here.
        NotAnImage: a DICOMDIR.
    """
    with path.open("rb") as stream:
        head = stream.read(352)
    if not head:
        raise FileUnreadable("The file is empty.", where=name)
    if path.name.upper() == "DICOMDIR":
        raise NotAnImage(
            "A DICOMDIR is an index of files, not an image.",
            remedy="Nothing to do if the files that it lists were sent too.",
            where=name,
        )
    if head[128:132] == b"DICM":
        return "dicom"
    if head[344:348] in _NIFTI_MAGIC or head[4:8] in _NIFTI_MAGIC:
        return "nifti"
    if head.startswith(b"\x1f\x8b"):
        return _kind_of_gzip(path, name)
    if head.startswith(_RASTER_MARKS) or path.suffix.lower() in _RASTER_SUFFIXES:
        return "raster"
    _refuse_other(path, head, name)
    return "dicom"


def _kind_of_gzip(path: Path, name: str) -> str:
    try:
        with gzip.open(path) as stream:
            head = stream.read(352)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise FileUnreadable("The gzip compression is damaged.", where=name) from error
    if head[344:348] in _NIFTI_MAGIC or head[4:8] in _NIFTI_MAGIC:
        return "nifti"
    inside = "a DICOM file" if head[128:132] == b"DICM" else "no NIfTI"
    raise FileUnreadable(f"A gzip file with {inside} in it.", remedy="Unpack it first.", where=name)


def _refuse_other(path: Path, head: bytes, name: str) -> None:
    for mark, what in _ARCHIVE_MARKS.items():
        if head.startswith(mark):
            raise FileUnreadable(f"This is {what}.", remedy="Unpack it first.", where=name)
    if path.suffix.lower() in _OTHER_SUFFIXES:
        raise FileUnreadable(f"A {path.suffix.lower()} file is not an image that is read here.", where=name)
