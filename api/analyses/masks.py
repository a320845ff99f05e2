"""Masks of an analysis as pixels for a viewer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domain.errors import ArtifactNotFound
from tools.mask_runs import runs_of
from tools.stored_mask import StoredMask, read_stored
from tools.uncertain_regions import read_uncertain


def stored_mask(folder: Path, document: Mapping[str, Any], mask_id: str) -> StoredMask:
    """A mask of a report document. Raises ArtifactNotFound where there is none of that id."""
    mask = next((m for m in document.get("masks", ()) if m.get("id") == mask_id), None)
    series = next((s for s in document.get("series", ()) if mask and s["series_uid"] == mask["series_uid"]), None)
    if mask is None or series is None:
        raise ArtifactNotFound("This analysis has no such mask.", where="mask_id")
    slices, rows, columns = (int(n) for n in series["shape"])
    return StoredMask(
        folder=folder,
        mask_id=mask_id,
        target=str(mask["target"]),
        series_uid=str(mask["series_uid"]),
        shape=(slices, rows, columns),
        voxels=int(mask["voxel_count"]),
    )


def read_runs(stored: StoredMask) -> tuple[list[int], list[int]]:
    """The runs of a stored mask and of what is doubtful of it, see `runs_of`.

    Runs in a compute process. Raises ArtifactNotFound.
    """
    return runs_of(read_stored(stored)), read_uncertain(stored.folder, stored.series_uid, stored.mask_id)
