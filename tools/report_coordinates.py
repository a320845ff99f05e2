"""Where the numbers of a report lie in the images (PS3.16 TID 300, TID 320), so that a viewer can draw them.

A diameter is inferred from its line. The lines are content that the templates of regions allow beside their own rows
(TID 1419 is extensible): the group still refers to its segment, and to no region. Viewers such as OHIF open a report
only when every group has a number with coordinates, so a mask without diameters (no pixel spacing) gets its outline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from highdicom import sr
from numpy.typing import NDArray

from domain.finding import Line
from domain.mask import Mask
from domain.study import Series
from tools.bounding_box import bounding_box
from tools.pixel_outline import pixel_outline
from tools.source_instances import SourceInstance

FIRST_PIXEL_CENTRE = 0.5
"""In DICOM the corner of the image is (0, 0) (PS3.3 C.18.6), here the centre of the first pixel."""


@dataclass(frozen=True)
class Places:
    """Coordinates on the images of one series; an image that several refer to is one item, built once.

    Attributes:
        real: instances of the series by SOP instance UID.
    """

    series: Series
    real: Mapping[str, SourceInstance]
    _images: dict[int, sr.SourceImageForRegion] = field(default_factory=dict)

    def of_line(self, line: Line) -> sr.CoordinatesForMeasurement:
        """The two ends of a line on the image that it was drawn on."""
        return self._polyline(np.array([line.start, line.end]), line.slice_index)

    def of_outline(self, mask: Mask) -> sr.CoordinatesForMeasurement | None:
        """Outline of the largest part on the slice where the mask is largest; None of an empty mask."""
        box = bounding_box(mask.array)
        if box is None:
            return None
        inside = mask.array[box]
        index = int(np.count_nonzero(inside, axis=(1, 2)).argmax())
        corner = np.array([box[1].start, box[2].start])
        return self._polyline(pixel_outline(inside[index]) + corner, index + box[0].start)

    def _polyline(self, places: NDArray[np.float64], slice_index: int) -> sr.CoordinatesForMeasurement:
        points = places[:, ::-1] + FIRST_PIXEL_CENTRE
        return sr.CoordinatesForMeasurement(sr.GraphicTypeValues.POLYLINE, points, self._image(slice_index))

    def _image(self, slice_index: int) -> sr.SourceImageForRegion:
        if slice_index not in self._images:
            source = self.series.slice_sources[slice_index]
            instance = self.real[source.sop_instance_uid]
            frames = [source.frame_number] if instance.frames > 1 else None
            self._images[slice_index] = sr.SourceImageForRegion(instance.sop_class_uid, source.sop_instance_uid, frames)
        return self._images[slice_index]
