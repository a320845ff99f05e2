"""Are these pixels a medical image that a model here was made for? Clear cases are refused, doubts are said.

A refusal stops the analysis, so only facts refuse: colour where the modality has none, one single value, a
page or drawing, a CT without tissue. Sentences that begin with DOUBT are for quality assurance and the reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.codes import Unit
from domain.errors import OutOfDistribution
from domain.model import PROJECTION_RADIOGRAPHY
from tools.modality import COLOUR, MONOCHROME, UNKNOWN

DOUBT = "doubtful image:"

_CHROMA = 24
"""Difference of channels, of 255, that an eye sees as colour; JPEG noise stays below."""
_COLOURED_FRACTION = 0.02
_PLAIN_WHITE_FRACTION = 0.6
_FEW_VALUES = 8
_NOISE_RATIO = 0.8
_NOISE_MIN_SIDE = 16
_AIR_ONLY_HU = -500
_SOFT_TISSUE_HU = (-250, 350)
_SAMPLED_SLICES = 9
_STRETCH = 4096
_NAME_MODALITY = (
    "Name the modality in the question (for example chest X-ray, H&E, fundus, dermoscopy, ultrasound), if it is one."
)


class StatedBy(StrEnum):
    """Who says which modality it is."""

    FILE = "file"
    QUESTION = "question"
    VALUES = "values"
    NOBODY = "nobody"


@dataclass(frozen=True, eq=False)
class Candidate:
    """What is judged.

    Attributes:
        array: (slices, rows, columns) or (slices, rows, columns, 3).
        capture: a secondary capture, PNG, JPEG or TIFF: pixels that went through a screen or an export.
    """

    name: str
    modality: str
    stated_by: StatedBy
    array: NDArray[Any]
    unit: Unit = Unit.ONE
    capture: bool = False


def admit(candidate: Candidate) -> tuple[str, ...]:
    """Judge an image by its pixels and what it claims to be.

    Returns:
        Warnings; those that begin with DOUBT question that it is what it claims to be.

    Raises:
        OutOfDistribution: it is certainly not an image to analyse.
    """
    if candidate.array.min() == candidate.array.max():
        raise OutOfDistribution("Every pixel has the same value: the image is empty.", where=candidate.name)
    if candidate.array.ndim == 4:
        return _admit_colour(candidate)
    return (*_modality_note(candidate), *_tissue(candidate), *_drawing(candidate), *_noise(candidate))


def coloured_fraction(rgb: NDArray[Any]) -> float:
    """Fraction of the pixels of (…, 3) RGB whose channels differ enough to be seen as colour."""
    spread = rgb.max(axis=-1).astype(np.int16) - rgb.min(axis=-1)
    return float(np.mean(spread > _CHROMA))


def is_grey(rgb: NDArray[Any]) -> bool:
    """True when RGB pixels show no colour but noise or a small mark."""
    return coloured_fraction(rgb) <= _COLOURED_FRACTION


def _admit_colour(candidate: Candidate) -> tuple[str, ...]:
    modality = candidate.modality
    if modality in MONOCHROME:
        raise OutOfDistribution(
            f"The pixels are a colour picture; {modality} has one value a pixel. A photograph, drawing or screen copy?",
            where=candidate.name,
        )
    if modality not in COLOUR:
        raise OutOfDistribution(
            "A colour picture whose modality is not known: nothing says that it is a medical image.",
            remedy=_NAME_MODALITY,
            where=candidate.name,
        )
    return ()


def _modality_note(candidate: Candidate) -> tuple[str, ...]:
    if candidate.modality == UNKNOWN:
        return ("the modality is not known (OT): name it in the question to have it analysed",)
    return ()


def _tissue(candidate: Candidate) -> tuple[str, ...]:
    if candidate.modality != "CT" or candidate.unit is not Unit.HU:
        return ()
    if candidate.array.max() < _AIR_ONLY_HU:
        raise OutOfDistribution(
            f"A CT without a pixel above {_AIR_ONLY_HU} HU shows air only, no body.", where=candidate.name
        )
    low, high = _SOFT_TISSUE_HU
    sample = _sample(candidate.array)
    if not np.any((sample >= low) & (sample <= high)):
        return (f"{DOUBT} no pixel has the Hounsfield value of soft tissue",)
    return ()


def _drawing(candidate: Candidate) -> tuple[str, ...]:
    sample = _sample(candidate.array)
    white = float(np.mean(sample == sample.max()))
    plain = white > _PLAIN_WHITE_FRACTION and candidate.unit is not Unit.HU
    few = _has_few_values(sample)
    unnamed = candidate.modality == UNKNOWN
    if plain and (candidate.capture or unnamed) and candidate.modality not in PROJECTION_RADIOGRAPHY:
        raise OutOfDistribution(
            f"{white:.0%} of the pixels are plain white: a page, drawing or screen copy.", where=candidate.name
        )
    if few and unnamed:
        raise OutOfDistribution(
            f"The image has no more than {_FEW_VALUES} different values: a mask or drawing, not an image.",
            where=candidate.name,
        )
    if few:
        return (f"{DOUBT} no more than {_FEW_VALUES} different values, like a mask, drawing or phantom",)
    return (f"{DOUBT} most of it is plain white",) if plain else ()


def _noise(candidate: Candidate) -> tuple[str, ...]:
    middle = _signed(candidate.array[candidate.array.shape[0] // 2])
    if candidate.modality in {"NM", "PT"} or min(middle.shape) < _NOISE_MIN_SIDE:
        return ()
    neighbours = _mean_step(middle[:, 1:], middle[:, :-1]) + _mean_step(middle[1:], middle[:-1])
    half = middle.size // 2
    flat = middle.ravel()
    strangers = 2 * _mean_step(flat[:half], flat[half : 2 * half][::-1])
    if strangers == 0 or neighbours / strangers < _NOISE_RATIO:
        return ()
    if candidate.stated_by is StatedBy.NOBODY:
        raise OutOfDistribution("The pixels are noise: neighbours do not resemble each other.", where=candidate.name)
    return (f"{DOUBT} the pixels look like noise, neighbours do not resemble each other",)


def _has_few_values(sample: NDArray[Any]) -> bool:
    """Up to _FEW_VALUES different values. Images show more in a short stretch; only others are sorted whole."""
    flat = sample.ravel()
    middle = flat[flat.size // 2 :][:_STRETCH]
    return np.unique(middle).size <= _FEW_VALUES and np.unique(flat).size <= _FEW_VALUES


def _signed(plane: NDArray[Any]) -> NDArray[Any]:
    """Values whose differences cannot overflow: 16 bits become 32, everything wider floating point."""
    narrow = plane.dtype.kind in "iu" and plane.dtype.itemsize <= 2
    return plane.astype(np.int32 if narrow else np.float64)


def _mean_step(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Mean absolute difference."""
    return float(np.abs(first - second).mean(dtype=np.float64))


def _sample(array: NDArray[Any]) -> NDArray[Any]:
    step = max(1, array.shape[0] // _SAMPLED_SLICES)
    return array[::step]
