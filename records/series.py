"""What is kept about a series: its geometry in numbers, and what a reader must be warned of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.study import Volume

_SAMPLES = 200_000


@dataclass(frozen=True)
class SeriesFacts:
    """JSON-able facts of one series.

    Attributes:
        pixel_spacing_mm: between rows, between columns; None when unknown.
        slice_spacing_mm: from positions; None for one slice, unknown or uneven positions.
        columns_towards, rows_towards: anatomical letter (L R A P H F) in which the index grows; None when unknown.
        orientation: LPS directions in which the column index and the row index grow; None when unknown.
        positions_mm: LPS place of the first pixel of each slice; None when unknown.
        frame_of_reference_uid: series with the same one share places in the patient; "" when unknown.
        display_window: (low, high) values that show as black and white by default; None for colour.
    """

    series_uid: str
    modality: str
    description: str
    body_part: str
    laterality: str
    view_position: str
    slices: int
    rows: int
    columns: int
    pixel_spacing_mm: tuple[float, float] | None
    spacing_source: str
    slice_spacing_mm: float | None
    uniform: bool
    columns_towards: str | None
    rows_towards: str | None
    colour: bool
    value_unit: str
    photometric: str
    source_format: str
    burned_in_annotation: bool | None
    display_window: tuple[float, float] | None
    warnings: tuple[str, ...]
    orientation: tuple[tuple[float, ...], ...] | None = None
    positions_mm: tuple[tuple[float, ...], ...] | None = None
    manufacturer: str = ""
    scanner: str = ""
    institution: str = ""
    frame_of_reference_uid: str = ""


def series_facts(volume: Volume) -> SeriesFacts:
    """The facts of a decoded series."""
    series, grid = volume.series, volume.geometry
    return SeriesFacts(
        series_uid=series.series_uid,
        modality=series.modality,
        description=series.description,
        body_part=series.body_part,
        laterality=series.laterality,
        view_position=series.view_position,
        slices=grid.shape[0],
        rows=grid.shape[1],
        columns=grid.shape[2],
        pixel_spacing_mm=grid.pixel_spacing_mm,
        spacing_source=grid.spacing_source,
        slice_spacing_mm=grid.slice_spacing_mm,
        uniform=grid.uniform,
        columns_towards=grid.row_direction_letter(),
        rows_towards=grid.column_direction_letter(),
        colour=series.colour,
        value_unit=series.value_unit.value,
        photometric=series.photometric,
        source_format=series.source_format,
        burned_in_annotation=series.burned_in_annotation,
        display_window=_display_window(volume),
        warnings=series.warnings,
        orientation=_numbers(grid.orientation),
        positions_mm=_numbers(grid.positions_mm),
        manufacturer=series.manufacturer,
        scanner=series.scanner,
        institution=series.institution,
        frame_of_reference_uid=series.frame_of_reference_uid,
    )


def _numbers(array: NDArray[np.float64] | None) -> tuple[tuple[float, ...], ...] | None:
    return None if array is None else tuple(tuple(float(value) for value in row) for row in np.asarray(array))


def _display_window(volume: Volume) -> tuple[float, float] | None:
    """The source's own window, else percentiles 0.5–99.5 of the series."""
    if volume.series.colour:
        return None
    if volume.display_window is not None and volume.display_window[1] > 0:
        centre, width = volume.display_window
        return (centre - width / 2, centre + width / 2)
    low, high = np.percentile(_sample(volume.array), (0.5, 99.5))
    return (float(low), float(max(high, low + 1e-6)))


def _sample(array: NDArray[np.generic]) -> NDArray[np.float64]:
    """At most some 200,000 values, evenly spread: percentiles of a whole CT need not read all of it."""
    flat = array.reshape(-1)
    return flat[:: max(1, flat.size // _SAMPLES)].astype(np.float64)
