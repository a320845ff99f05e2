"""Which DICOM objects are images to interpret, and what to say about the others (PS3.4 B.5)."""

from __future__ import annotations

from pydicom.config import IGNORE
from pydicom.uid import UID

from domain.errors import NotAnImage, PixelsUndecodable
from tools.dicom_header import Header

_REFERRING = {
    "SEG": "a segmentation",
    "SR": "a structured report",
    "KO": "a key object selection",
    "PR": "a presentation state",
    "ANN": "a set of annotations",
    "RTPLAN": "a radiotherapy plan",
    "RTSTRUCT": "a radiotherapy structure set",
    "RTDOSE": "a radiotherapy dose grid",
    "RTRECORD": "a radiotherapy treatment record",
    "REG": "a spatial registration",
    "FID": "a set of fiducials",
    "DOC": "an encapsulated document",
    "M3D": "a 3D model",
    "PLAN": "a plan",
    "RWV": "a real world value mapping",
    "AU": "a sound recording",
    "ECG": "an electrocardiogram",
    "HD": "a haemodynamic waveform",
    "EPS": "an electrophysiology recording",
}
"""Modalities (PS3.3 C.7.3.1.1.1) of objects that are no images."""

_CLASS_WORDS = (
    ("Segmentation", "a segmentation"),
    ("SR Storage", "a structured report"),
    (" SR", "a structured report"),
    ("Key Object", "a key object selection"),
    ("Presentation State", "a presentation state"),
    ("Annotation", "a set of annotations"),
    ("RT Ion Plan", "a radiotherapy plan"),
    ("RT Plan", "a radiotherapy plan"),
    ("RT Structure", "a radiotherapy structure set"),
    ("RT Dose", "a radiotherapy dose grid"),
    ("RT ", "a radiotherapy object"),
    ("Waveform", "a waveform"),
    ("Encapsulated", "an encapsulated document"),
    ("Spatial Registration", "a spatial registration"),
    ("Deformable", "a spatial registration"),
    ("Raw Data", "raw data of a scanner"),
    ("Surface", "a surface"),
    ("Tractography", "a set of fibre tracts"),
    ("Media Storage Directory", "a DICOMDIR, an index of files"),
)
_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
_RT_IMAGE = "1.2.840.10008.5.1.4.1.1.481.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
"""Secondary Capture Image Storage and the root of its multi-frame classes."""


def require_image(header: Header) -> None:
    """Refuse what has no pixels to interpret.

    Raises:
        NotAnImage: a report, plan, segmentation, index, …; tiles of a slide; an object without pixel attributes.
        PixelsUndecodable: an image whose grid is not stated.
    """
    kind = kind_of(header)
    if kind:
        raise NotAnImage(f"This is {kind}, not an image.", where=header.name)
    if header.text("SOPClassUID") == _WHOLE_SLIDE and (header.integer("NumberOfFrames") or 1) > 1:
        raise NotAnImage(
            "This is a whole-slide image cut into tiles, which are not put together here.",
            remedy="Export the region of interest as a PNG or TIFF.",
            where=header.name,
        )
    _require_grid(header)


def kind_of(header: Header) -> str:
    """What a non-image is, in words with an article; "" for an image."""
    sop_class = header.text("SOPClassUID")
    if sop_class.startswith(_LABEL_MAP):
        return "a segmentation"
    name = UID(sop_class, validation_mode=IGNORE).name if sop_class else ""
    for word, kind in _CLASS_WORDS:
        if word in name and sop_class != _RT_IMAGE:
            return kind
    return _REFERRING.get(header.text("Modality").upper(), "")


def is_secondary_capture(sop_class_uid: str) -> bool:
    """True for Secondary Capture Image Storage and its multi-frame forms (PS3.3 A.8)."""
    return sop_class_uid == SECONDARY_CAPTURE or sop_class_uid.startswith(SECONDARY_CAPTURE + ".")


def _require_grid(header: Header) -> None:
    rows, columns = header.integer("Rows"), header.integer("Columns")
    if rows is None and columns is None and "BitsAllocated" not in header.dataset:
        raise NotAnImage(
            "This DICOM object has no pixels (no Rows, Columns or PixelData).",
            remedy="Send the image objects of the study.",
            where=header.name,
        )
    for keyword, value in (("Rows", rows), ("Columns", columns)):
        if value is None or value < 1:
            raise PixelsUndecodable(f"{keyword} is missing or not positive.", where=header.name)
