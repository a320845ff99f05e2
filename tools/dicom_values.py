"""Whether the values of a DICOM image are Hounsfield units (PS3.3 C.8.2.1.1, C.8.15.3.10)."""

from __future__ import annotations

from domain.codes import Unit
from tools.dicom_frame import Frame
from tools.dicom_header import Header
from tools.dicom_kind import is_secondary_capture

_HU_KINDS = frozenset({"", "HU", "HU_MOD"})


def value_unit(frame: Frame) -> tuple[Unit, str]:
    """Unit of the real-world values and, where a CT is not in HU, the reason."""
    if frame.modality != "CT":
        return Unit.ONE, ""
    reason = _why_not_hounsfield(frame)
    return (Unit.ONE, f"values are not Hounsfield units: {reason}") if reason else (Unit.HU, "")


def compression_note(header: Header) -> str:
    """What lossy compression does to the values; "" for lossless images."""
    if header.text("LossyImageCompression") != "01":
        return ""
    return "the image was compressed with loss: values are approximate"


def _why_not_hounsfield(frame: Frame) -> str:
    header = frame.header
    lut = header.items("ModalityLUTSequence")
    kind = header.text("ModalityLUTType", lut[0]) if lut else frame.rescale.kind.upper()
    lossy = header.text("LossyImageCompression") == "01"
    objections = (
        (is_secondary_capture(header.text("SOPClassUID")), "a secondary capture"),
        (frame.localizer, "a localizer is a projection"),
        (header.text("PhotometricInterpretation").upper() != "MONOCHROME2", "not MONOCHROME2"),
        (kind not in _HU_KINDS, "the rescale type says otherwise"),
        (bool(lut) and not kind, "the modality LUT has no type"),
        (not lut and not frame.rescale.stated, "no RescaleSlope and RescaleIntercept"),
        ((header.integer("BitsStored") or 16) <= 8, "8 bits cannot hold them"),
        (lossy and not frame.rescale.slope.is_integer(), "they were squeezed for lossy compression"),
    )
    return next((reason for objected, reason in objections if objected), "")
