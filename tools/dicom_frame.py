"""One frame of a DICOM image: where it lies, how large its pixels are, what its values mean.

Single-frame objects keep these facts at the top of the data set; enhanced multi-frame objects in the shared and
per-frame functional groups (PS3.3 C.7.6.16). Both become the same Frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from domain.errors import PixelsUndecodable
from tools.admission_limits import require_size
from tools.dicom_header import Header
from tools.dicom_spacing import PixelSize, pixel_size

_UNIT_TOLERANCE = 1e-2
"""How far direction cosines may be from unit length and right angle before they are not believed."""

_RESCALE = "Correct RescaleSlope and RescaleIntercept at the source, and export the image again."

_TRAITS: tuple[tuple[str, str], ...] = (
    ("TemporalPositionIndex", "FrameContentSequence"),
    ("TemporalPositionIdentifier", ""),
    ("NominalCardiacTriggerDelayTime", "CardiacSynchronizationSequence"),
    ("EffectiveEchoTime", "MREchoSequence"),
    ("EchoTime", ""),
    ("EchoNumbers", ""),
    ("DiffusionBValue", "MRDiffusionSequence"),
    ("DiffusionBValue", ""),
    ("DiffusionGradientOrientation", ""),
    ("FrameType", "MRImageFrameTypeSequence"),
    ("FrameType", "CTImageFrameTypeSequence"),
    ("ImageType", ""),
    ("ComplexImageComponent", ""),
    ("InversionTime", ""),
    ("TriggerTime", ""),
    ("KVP", ""),
    ("ConvolutionKernel", ""),
    ("StackID", "FrameContentSequence"),
    ("AcquisitionNumber", ""),
    ("FrameAcquisitionNumber", "FrameContentSequence"),
    ("AcquisitionTime", ""),
    ("ContentTime", ""),
)
"""Attributes, with the functional group they lie in, that tell apart frames at the same place."""


@dataclass(frozen=True)
class Rescale:
    """Stored value → real-world value: `slope × stored + intercept`; `kind` is RescaleType."""

    slope: float = 1.0
    intercept: float = 0.0
    kind: str = ""
    stated: bool = False


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame and its facts.

    Attributes:
        number: 1-based.
        orientation, position: (2, 3) and (3,) in LPS mm; None when absent or not to be believed.
        window: (centre, width) in real-world values as the file says.
        traits: keyword → value of what may tell apart frames at the same place.
        thickness_mm: SliceThickness; never a spacing.
    """

    header: Header
    number: int
    modality: str
    rows: int
    columns: int
    size: PixelSize
    orientation: NDArray[np.float64] | None
    position: NDArray[np.float64] | None
    rescale: Rescale
    window: tuple[float, float] | None
    traits: dict[str, str]
    stack: str
    localizer: bool
    thickness_mm: float | None = None

    @property
    def order(self) -> tuple[int, str, int]:
        """Acquisition order: instance number, SOP Instance UID, frame number."""
        header = self.header
        return header.integer("InstanceNumber") or 0, header.text("SOPInstanceUID"), self.number


def frames_of(header: Header, modality: str) -> tuple[Frame, ...]:
    """All frames of an image object.

    Raises:
        PixelsUndecodable: more pixels than are read here, or a rescale that is no number.
    """
    count = max(1, header.integer("NumberOfFrames") or 1)
    rows, columns = header.integer("Rows") or 0, header.integer("Columns") or 0
    samples = header.integer("SamplesPerPixel") or 1
    width = samples * (header.integer("BitsAllocated") or 8) / 8
    require_size(rows, columns, count, width, header.name)
    groups = _Groups(header, count)
    return tuple(_frame(groups, number, modality, rows, columns) for number in range(1, count + 1))


class _Groups:
    """Functional groups of a multi-frame object, the per-frame item before the shared one."""

    def __init__(self, header: Header, count: int) -> None:
        self.header = header
        self.count = count
        self._shared = header.items("SharedFunctionalGroupsSequence")
        self._per_frame = header.items("PerFrameFunctionalGroupsSequence")
        if self._per_frame and len(self._per_frame) != count:
            header.note(f"{len(self._per_frame)} per-frame functional groups for {count} frames")
        self._sizes: dict[int, PixelSize] = {}

    def item(self, number: int, keyword: str) -> Dataset | None:
        """The functional group `keyword` of a frame; None without one."""
        if not self._per_frame and not self._shared:
            return None
        own = self._per_frame[number - 1 : number]
        for group in (*own, *self._shared[:1]):
            found = self.header.items(keyword, group)
            if found:
                return found[0]
        return None

    @property
    def place(self) -> Dataset | None:
        """Where IPP/IOP of a one-frame object are: the data set; None where all frames would share one."""
        return self.header.dataset if self.count == 1 else None

    def size(self, number: int, modality: str) -> PixelSize:
        """Pixel size of a frame, worked out once for each Pixel Measures item."""
        measures = self.item(number, "PixelMeasuresSequence")
        if id(measures) not in self._sizes:
            self._sizes[id(measures)] = pixel_size(self.header, modality, measures)
        return self._sizes[id(measures)]


def _frame(groups: _Groups, number: int, modality: str, rows: int, columns: int) -> Frame:
    header = groups.header
    orientation, position = _plane(groups, number)
    measures = groups.item(number, "PixelMeasuresSequence")
    content = groups.item(number, "FrameContentSequence")
    return Frame(
        header=header,
        number=number,
        modality=modality,
        rows=rows,
        columns=columns,
        size=groups.size(number, modality),
        orientation=orientation,
        position=position,
        rescale=_rescale(groups, number),
        window=_window(groups, number),
        traits=_traits(groups, number),
        stack=header.text("StackID", content) if content is not None else "",
        localizer="LOCALIZER" in header.text("ImageType").upper().split("\\"),
        thickness_mm=header.number("SliceThickness", measures),
    )


def _plane(groups: _Groups, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | tuple[None, None]:
    header = groups.header
    turned = groups.item(number, "PlaneOrientationSequence") or groups.place
    placed = groups.item(number, "PlanePositionSequence") or groups.place
    if turned is None or placed is None:
        return None, None
    cosines = header.numbers("ImageOrientationPatient", 6, turned)
    origin = header.numbers("ImagePositionPatient", 3, placed)
    if cosines is None or origin is None:
        return None, None
    orientation = _unit_directions(header, np.asarray(cosines, dtype=np.float64).reshape(2, 3))
    if orientation is None:
        return None, None
    return orientation, np.asarray(origin, dtype=np.float64)


def _unit_directions(header: Header, cosines: NDArray[np.float64]) -> NDArray[np.float64] | None:
    lengths = np.linalg.norm(cosines, axis=1)
    if np.any(np.abs(lengths - 1) > _UNIT_TOLERANCE) or abs(float(cosines[0] @ cosines[1])) > _UNIT_TOLERANCE:
        header.note(
            "ImageOrientationPatient is not two perpendicular unit vectors: the place in the patient is unknown"
        )
        return None
    return np.asarray(cosines / lengths[:, None], dtype=np.float64)


def _rescale(groups: _Groups, number: int) -> Rescale:
    header = groups.header
    group = groups.item(number, "PixelValueTransformationSequence")
    slope = _stated_number(header, "RescaleSlope", group)
    intercept = _stated_number(header, "RescaleIntercept", group)
    kind = header.text("RescaleType", group)
    if slope == 0:
        raise PixelsUndecodable("RescaleSlope is 0: all values would be the same.", remedy=_RESCALE, where=header.name)
    if slope is None and intercept is None:
        return Rescale(kind=kind)
    return Rescale(1.0 if slope is None else slope, intercept or 0.0, kind, stated=True)


def _stated_number(header: Header, keyword: str, group: Dataset | None) -> float | None:
    """A number that decides what the pixels mean: absent is None, stated but no number is refused."""
    number = header.number(keyword, group)
    if number is None and header.states(keyword, group):
        raise PixelsUndecodable(f"{keyword} is not a number.", remedy=_RESCALE, where=header.name)
    return number


def _window(groups: _Groups, number: int) -> tuple[float, float] | None:
    header = groups.header
    group = groups.item(number, "FrameVOILUTSequence")
    centre, width = header.number("WindowCenter", group), header.number("WindowWidth", group)
    if centre is None or width is None or width <= 0:
        return None
    return centre, width


def _traits(groups: _Groups, number: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for keyword, sequence in _TRAITS:
        item = groups.item(number, sequence) if sequence else groups.header.dataset
        text = groups.header.text(keyword, item) if item is not None else ""
        if text:
            found.setdefault(keyword, text)
    return found
