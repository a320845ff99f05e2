"""The size of a DICOM pixel in mm, and which attribute says so (PS3.3 10.7, C.8.5.5)."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from domain.model import PROJECTION_RADIOGRAPHY
from tools.dicom_header import Header

_PROJECTIONS = PROJECTION_RADIOGRAPHY | {"XA", "PX", "IO"}
_CENTIMETRES = 3
"""PhysicalUnitsXDirection (PS3.3 C.8.5.5.1.15)."""

_LARGEST_MM = 1000.0


@dataclass(frozen=True)
class PixelSize:
    """Distance between rows and between columns in mm; None when nobody says.

    Attributes:
        source: the attribute it came from, "" without one.
        warning: what a reader of a distance must know, "" when there is nothing.
    """

    mm: tuple[float, float] | None = None
    source: str = ""
    warning: str = ""


def pixel_size(header: Header, modality: str, measures: Dataset | None = None) -> PixelSize:
    """The physical size of a pixel; `measures` is an item of the Pixel Measures functional group."""
    stated = [("PixelSpacing", _pair(header, "PixelSpacing", measures))] if measures is not None else []
    stated += [(keyword, _pair(header, keyword)) for keyword in _keywords(modality)]
    for keyword, pair in stated:
        if pair is not None:
            return PixelSize(pair, keyword, _caution(header, keyword, pair, modality))
    region = _ultrasound_region(header)
    if region.mm is not None or region.warning:
        return region
    return PixelSize(None, "", "no pixel spacing: sizes can only be given in pixels")


def _keywords(modality: str) -> tuple[str, ...]:
    projection = ("ImagerPixelSpacing",) if modality in _PROJECTIONS else ()
    return ("PixelSpacing", *projection, "NominalScannedPixelSpacing")


def _pair(header: Header, keyword: str, within: Dataset | None = None) -> tuple[float, float] | None:
    values = header.numbers(keyword, 2, within)
    if values is None:
        return None
    if not all(0 < value < _LARGEST_MM for value in values):
        header.note(f"{keyword} is not a positive distance: ignored")
        return None
    return values[0], values[1]


def _caution(header: Header, keyword: str, pair: tuple[float, float], modality: str) -> str:
    at_detector = "the spacing is measured at the detector; magnification is not corrected"
    if keyword == "ImagerPixelSpacing":
        return at_detector
    if keyword == "NominalScannedPixelSpacing":
        return "the spacing is that of the scanned film (NominalScannedPixelSpacing), not calibrated in the patient"
    if modality not in _PROJECTIONS or header.text("PixelSpacingCalibrationType"):
        return ""
    if _pair(header, "ImagerPixelSpacing") == pair:
        return at_detector
    return "the spacing of this projection carries no calibration; magnification may not be corrected"


def _ultrasound_region(header: Header) -> PixelSize:
    regions = header.items("SequenceOfUltrasoundRegions")
    if not regions:
        return PixelSize()
    if len(regions) > 1:
        return PixelSize(None, "", "several ultrasound regions of their own scales: no one pixel spacing")
    units = [header.integer(f"PhysicalUnits{axis}Direction", regions[0]) for axis in "XY"]
    deltas = [header.number(f"PhysicalDelta{axis}", regions[0]) for axis in "YX"]
    if units != [_CENTIMETRES, _CENTIMETRES] or not all(deltas):
        return PixelSize(None, "", "the ultrasound region is not calibrated in cm: no pixel spacing")
    row_mm, column_mm = (abs(float(delta or 0)) * 10 for delta in deltas)
    return PixelSize((row_mm, column_mm), "UltrasoundRegion", "the spacing holds inside the ultrasound region only")
