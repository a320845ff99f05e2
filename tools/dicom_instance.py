"""What a DICOM file is, where its pixels lie, and its header as JSON: all that serving it needs, read once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filereader import read_preamble
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from domain.errors import FileUnreadable
from tools.dicom_header import Header, read_dataset, read_header
from tools.dicom_json import bulk_value, dataset_json, encoded
from tools.dicom_start import bounded
from tools.series_identity import is_uid
from tools.source_instances import source_faults_tolerated

_UNDEFINED = 0xFFFFFFFF
_LONG_VRS = frozenset({b"OB", b"OW", b"OF", b"OD", b"UN", b"OV", b"OL"})
_PIXEL_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_IN_PLACE = frozenset({str(ImplicitVRLittleEndian), str(ExplicitVRLittleEndian)})
AVAILABLE_TRANSFER_SYNTAX = "00083002"


@dataclass(frozen=True)
class Instance:
    """One instance in a file.

    Attributes:
        transfer_syntax: as stored.
        frames: 0 where there are no pixels.
        frame_bytes: of one native frame; 0 where frames do not begin at whole bytes.
        pixels_at: offset of the value of Pixel Data in the file; 0 without one, or in a deflated data set.
        pixels_length: of that value in bytes; -1 for encapsulated pixels.
        complete: the file has preamble, mark and the file meta information that PS3.10 7.1 requires.
        metadata: the header as JSON, UTF-8.
    """

    study_uid: str
    series_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    modality: str
    transfer_syntax: str
    number: int
    frames: int
    frame_bytes: int
    pixels_at: int
    pixels_length: int
    complete: bool
    metadata: bytes

    @property
    def path(self) -> str:
        """Its address below the root of the service."""
        return instance_path(self.study_uid, self.series_uid, self.sop_instance_uid)

    @property
    def in_place(self) -> bool:
        """Whether a native little endian frame is a range of the file's bytes."""
        return self.transfer_syntax in _IN_PLACE and self.frame_bytes > 0 and self.pixels_at > 0 <= self.pixels_length


def instance_path(study_uid: str, series_uid: str, sop_instance_uid: str) -> str:
    """The address of an instance below the root of the service (PS3.18 table 10.4.1-1)."""
    return f"/studies/{study_uid}/series/{series_uid}/instances/{sop_instance_uid}"


def read_instance(path: Path) -> Instance | None:
    """Read a file up to its pixels; None for what is no DICOM, or does not state its identity.

    Raises:
        OSError: it cannot be opened.
    """
    try:
        header = read_header(path, path.name)
        deflated = header.transfer_syntax == DeflatedExplicitVRLittleEndian
        at, length, found = (0, 0, True) if deflated else _pixels(path, header.transfer_syntax)
    except FileUnreadable:
        return None
    uids = tuple(header.text(k) for k in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"))
    if not all(is_uid(uid) for uid in (*uids, header.text("SOPClassUID"))):
        return None
    pictured = found and bool(header.integer("Rows")) and bool(header.integer("Columns"))
    return Instance(
        study_uid=uids[0],
        series_uid=uids[1],
        sop_instance_uid=uids[2],
        sop_class_uid=header.text("SOPClassUID"),
        modality=header.text("Modality"),
        transfer_syntax=header.transfer_syntax,
        number=header.integer("InstanceNumber") or 0,
        frames=max(1, header.integer("NumberOfFrames") or 1) if pictured else 0,
        frame_bytes=_frame_bytes(header) if pictured else 0,
        pixels_at=at,
        pixels_length=length,
        complete=_is_complete(header),
        metadata=_metadata(header, instance_path(*uids), pictured=pictured),
    )


def file_head(path: Path) -> tuple[bytes, int]:
    """Preamble, mark and file meta information for a file that lacks some of them, and where its data set begins."""
    header = Header(path, path.name, Dataset())
    dataset = header.dataset = read_dataset(header, pixels=False)
    meta = dataset.file_meta
    meta.MediaStorageSOPClassUID = UID(header.text("SOPClassUID"))
    meta.MediaStorageSOPInstanceUID = UID(header.text("SOPInstanceUID"))
    from pydicom.filebase import DicomBytesIO

    head = DicomBytesIO()
    head.write(b"\0" * 128 + b"DICM")
    with source_faults_tolerated():
        write_file_meta_info(head, meta, enforce_standard=True)
    return head.getvalue(), _data_set_at(path)


def _data_set_at(path: Path) -> int:
    """Where the file meta information ends."""
    from pydicom.filereader import _read_file_meta_info

    with path.open("rb") as stream, source_faults_tolerated():
        read_preamble(stream, force=True)
        _read_file_meta_info(stream)
        return stream.tell()


def _is_complete(header: Header) -> bool:
    meta = header.dataset.file_meta
    stated = all(header.text(f"MediaStorage{k}", meta) == header.text(k) for k in ("SOPClassUID", "SOPInstanceUID"))
    return bool(header.dataset.preamble) and stated and not any("no transfer syntax" in note for note in header.notes)


def _pixels(path: Path, transfer_syntax: str) -> tuple[int, int, bool]:
    """Offset and length of the value of Pixel Data, and whether there is one."""
    with bounded(path, pixels=False) as stream, source_faults_tolerated():
        dataset = dcmread(stream, force=True, stop_before_pixels=True, specific_tags=["Rows"])
        at = stream.tell()
        head = stream.read(12)
    order: Literal["big", "little"] = "big" if transfer_syntax == ExplicitVRBigEndian else "little"
    tag = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
    if len(head) < 12 or tag not in _PIXEL_TAGS:
        return 0, 0, False
    implicit = bool(dataset.original_encoding[0])
    explicit = not implicit and head[4:6] in _LONG_VRS
    start = 12 if explicit else 8
    length = int.from_bytes(head[start - 4 : start], order)
    return at + start, -1 if length == _UNDEFINED else length, True


def _frame_bytes(header: Header) -> int:
    samples = header.integer("SamplesPerPixel") or 1
    bits = header.integer("BitsAllocated") or 8
    if header.text("PhotometricInterpretation") == "YBR_FULL_422":
        samples = 2  # two pixels share their colour (PS3.3 C.7.6.3.1.2)
    whole, rest = divmod((header.integer("Rows") or 0) * (header.integer("Columns") or 0) * samples * bits, 8)
    return 0 if rest else whole


def _metadata(header: Header, path: str, *, pictured: bool) -> bytes:
    document = dataset_json(header.dataset, path)
    document[AVAILABLE_TRANSFER_SYNTAX] = {"vr": "UI", "Value": [header.transfer_syntax]}
    if pictured:
        document["7FE00010"] = {"vr": "OW", "BulkDataURI": f"{path}/pixeldata"}
    return encoded(dict(sorted(document.items())))


def bulk_data(path: Path, place: str) -> bytes | None:
    """A binary value of a file's header; `place` as in `tools.dicom_json.bulk_value`."""
    with source_faults_tolerated():
        return bulk_value(read_header(path, path.name).dataset, place)
