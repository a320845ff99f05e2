"""An outline stands on the image where the mask is largest, in the coordinates of DICOM."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.tools.outputs_builders import mask_on, volume_of, write_phantom
from tools.report_coordinates import Places
from tools.source_instances import source_headers, source_instance


def outline(folder: Path, array: np.ndarray) -> tuple[np.ndarray, str] | None:
    """Columns and rows of the outline, and the instance it lies on; series of two slices of 200 × 300 pixels."""
    volume = volume_of(write_phantom(folder, 2, 200, 300))
    series = volume.series
    real = {key: source_instance(key, header, series) for key, header in source_headers(series).items()}
    where = Places(series, real).of_outline(mask_on(volume, "liver", array))
    if where is None:
        return None
    source = where.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    return np.array(where.GraphicData).reshape(-1, 2), source


def test_the_outline_lies_on_the_slice_where_the_mask_is_largest(tmp_path: Path) -> None:
    array = np.zeros((2, 200, 300), bool)
    array[0, 5, 5] = array[1, 190:, 290:] = True
    found = outline(tmp_path, array)
    assert found is not None
    points, source = found
    assert source == "1.2.3.4.2"
    assert points.min(axis=0).tolist() == [290, 190]
    assert points.max(axis=0).tolist() == [300, 200]


def test_an_empty_mask_has_no_outline(tmp_path: Path) -> None:
    assert outline(tmp_path, np.zeros((2, 200, 300), bool)) is None
