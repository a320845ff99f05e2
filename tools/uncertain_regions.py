"""Where a model was not sure of an outline: the voxels whose probability lies between two limits, kept beside a SEG.

A binary SEG has no place for them, and the whole probabilities would be as large as the images. Only soft answers have
them; a hard mask says nothing about doubt.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.mask import Mask
from tools.artifact_names import artifact_stem
from tools.mask_runs import runs_of

FROM, TO = 0.25, 0.75
"""Probabilities between which a voxel is shown as doubtful: more than 0.8 bits of entropy. A judgement."""


def uncertain_name(series_uid: str) -> str:
    """Of the file of a series."""
    return f"{artifact_stem(series_uid)}.uncertain.npz"


def uncertain_region(mask: Mask) -> NDArray[np.bool_] | None:
    """(slices, rows, columns) of the doubtful voxels, inside of the mask and around it; None of a hard mask."""
    if mask.probability is None:
        return None
    top = 255.0 if mask.probability.dtype == np.uint8 else 1.0
    return np.asarray((mask.probability > FROM * top) & (mask.probability < TO * top), np.bool_)


def uncertain_file(masks: Sequence[Mask]) -> bytes | None:
    """NumPy's .npz: for each mask id the runs of its doubtful voxels as gaps and lengths; None where there are none."""
    regions = {mask.mask_id: region for mask in masks if (region := uncertain_region(mask)) is not None}
    runs = {name: _gaps(runs_of(region)) for name, region in regions.items() if region.any()}
    if not runs:
        return None
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **runs)
    return file.getvalue()


def read_uncertain(folder: Path, series_uid: str, mask_id: str) -> list[int]:
    """start, length, … of a mask's doubtful voxels, as `runs_of`; [] where nothing is known of any.

    Args:
        folder: of the analysis's files.
    """
    path = folder / uncertain_name(series_uid)
    if not path.is_file():
        return []
    with np.load(path, allow_pickle=False) as regions:
        return _runs(regions[mask_id]) if mask_id in regions.files else []


def _gaps(runs: Sequence[int]) -> NDArray[np.uint32]:
    """Voxels outside and inside by turns: numbers that stay small, so that they pack well."""
    ends = np.asarray(runs, np.int64).reshape(-1, 2)
    ends[:, 1] += ends[:, 0]
    return np.diff(ends.reshape(-1), prepend=0).astype(np.uint32)


def _runs(gaps: NDArray[np.uint32]) -> list[int]:
    edges = np.cumsum(gaps, dtype=np.int64)
    edges[1::2] -= edges[0::2]
    return [int(number) for number in edges]
