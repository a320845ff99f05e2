"""Cardiothoracic ratio on a chest radiograph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domain.codes import Unit
from domain.errors import GeometryInvalid
from domain.finding import Measurement
from domain.mask import Mask
from domain.model import PROJECTION_RADIOGRAPHY
from domain.study import Series

MAIN_PART = 0.05
"""A piece smaller than this fraction of a mask is a speckle and does not widen it."""


def cardiothoracic_ratio(
    heart: Mask, lungs: Sequence[Mask], series: Series, *, step_id: str
) -> tuple[Measurement, tuple[str, ...]]:
    """Greatest horizontal width of the heart / greatest horizontal width of the thorax (the extent of the lungs).

    Both widths are counted in columns of the same image, so the ratio needs no spacing and stands for any pixel shape.

    Args:
        lungs: both lungs, as one mask or two.
        series: the radiograph that the masks lie on.

    Raises:
        GeometryInvalid: not one projection image, masks of another series, or an empty mask.
    """
    _check_projection(heart, lungs, series)
    heart_width = _width(heart.array[0])
    thorax = np.logical_or.reduce([lung.array[0] for lung in lungs])
    thorax_width = _width(thorax)
    if not heart_width or not thorax_width:
        raise GeometryInvalid("Heart or lungs were not found.", remedy="Check the masks of heart and lungs.")
    sources = ", ".join(f"{mask.mask_id} ({mask.step_id})" for mask in (heart, *lungs))
    method = f"greatest heart width {heart_width} px / greatest thoracic width between the outer lung borders"
    measurement = Measurement(
        "cardiothoracic_ratio",
        "heart",
        heart_width / thorax_width,
        Unit.ONE,
        f"{method} {thorax_width} px",
        series.series_uid,
        sources,
        heart.mask_id,
        step_id,
    )
    return measurement, tuple(_warnings(heart_width, thorax_width, thorax, series))


def _check_projection(heart: Mask, lungs: Sequence[Mask], series: Series) -> None:
    if series.modality not in PROJECTION_RADIOGRAPHY or series.geometry.slices != 1:
        raise GeometryInvalid(
            "The cardiothoracic ratio is measured on one chest radiograph.",
            remedy="Ask for it on a frontal chest X-ray.",
        )
    if not lungs:
        raise GeometryInvalid("There is no mask of the lungs.", remedy="Segment heart and lungs.")
    if any(m.series_uid != series.series_uid or m.array.shape != heart.array.shape for m in (heart, *lungs)):
        raise GeometryInvalid("Heart and lungs lie on different images.", remedy="Segment both on the same image.")


def _warnings(heart_width: int, thorax_width: int, thorax: NDArray[np.bool_], series: Series) -> list[str]:
    found = []
    if series.view_position == "AP":
        found.append("AP view: the heart is magnified, the cardiothoracic ratio is too high.")
    elif series.view_position != "PA":
        found.append("The view position is not known to be PA: the cardiothoracic ratio is a guide only.")
    if heart_width >= thorax_width:
        found.append("The heart is wider than the thorax: one of the masks is wrong.")
    if _width(thorax) == thorax.shape[1]:
        found.append("The lungs reach both edges of the image: the thorax may be cut off.")
    return found


def _width(plane: NDArray[np.bool_]) -> int:
    columns = np.flatnonzero(_main_parts(plane).any(axis=0))
    return int(columns[-1] - columns[0] + 1) if columns.size else 0


def _main_parts(plane: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(plane, structure=np.ones((3, 3)))
    if count <= 1:
        return plane
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= MAIN_PART * sizes.sum())[labels], dtype=np.bool_)
