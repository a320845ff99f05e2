"""The pixels of a mask that an analysis wrote, read back out of its own files.

DICOM SEG (PS3.3 A.51), NIfTI or PNG, as `tools.artifacts` writes them. Where a slice lies in the series, the
provenance document tells.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.errors import ArtifactNotFound
from tools.artifact_names import artifact_stem

Shape = tuple[int, int, int]
Inside = NDArray[np.bool_]


@dataclass(frozen=True)
class StoredMask:
    """Which mask of which analysis.

    Attributes:
        folder: of the analysis's files.
        voxels: that it has; 0 are not kept as a file.
    """

    folder: Path
    mask_id: str
    target: str
    series_uid: str
    shape: Shape
    voxels: int


def read_stored(stored: StoredMask) -> Inside:
    """(slices, rows, columns) of the mask in the pixels of its series.

    Raises:
        ArtifactNotFound: its pixels are not among the files, or its slices cannot be told apart.
    """
    if stored.voxels == 0:
        return np.zeros(stored.shape, np.bool_)
    stem = artifact_stem(stored.series_uid)
    readers = {
        f"{stem}.seg.dcm": _of_segmentation,
        f"{stem}.seg.nii.gz": _of_nifti,
        f"{stem}.{stored.mask_id}.mask.png": _of_picture,
    }
    for name, reader in readers.items():
        path = stored.folder / name
        if path.is_file():
            return reader(path, stored)
    raise _absent()


def _of_segmentation(path: Path, stored: StoredMask) -> Inside:
    from pydicom import dcmread

    dataset = dcmread(path)
    numbers = {
        int(s.SegmentNumber) for s in dataset.SegmentSequence if str(s.TrackingID).split(" ")[0] == stored.mask_id
    }
    if not numbers:
        raise _absent()
    frames = np.asarray(dataset.pixel_array, np.bool_).reshape(-1, *stored.shape[1:])
    places = _places(stored)
    inside = np.zeros(stored.shape, np.bool_)
    shared = dataset.SharedFunctionalGroupsSequence[0]  # holds what all frames have in common
    for pixels, groups in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        of = groups if "SegmentIdentificationSequence" in groups else shared
        if int(of.SegmentIdentificationSequence[0].ReferencedSegmentNumber) in numbers:
            source = groups.DerivationImageSequence[0].SourceImageSequence[0]
            frame = int(source.get("ReferencedFrameNumber", 1))
            inside[places[str(source.ReferencedSOPInstanceUID), frame]] |= pixels
    return inside


def _places(stored: StoredMask) -> dict[tuple[str, int], int]:
    """Slice of each (SOP Instance UID, frame), as the analysis saw the series."""
    document: dict[str, Any] = json.loads((stored.folder / "provenance.json").read_text("utf-8"))
    rows = [r for r in document["inputs"] if r["series_uid"] == stored.series_uid]
    order = [(str(r["sop_instance_uid"]), int(frame)) for r in rows for frame in r["frames"]]
    # Frames of several multi-frame objects may alternate in a series, and the rows do not tell how.
    if len(order) != stored.shape[0] or (len(rows) > 1 and any(len(r["frames"]) > 1 for r in rows)):
        raise ArtifactNotFound(
            "The slices of this series cannot be told apart in the analysis's files.",
            where="mask_id",
            remedy="Read the mask from the analysis's DICOM SEG.",
        )
    return {key: index for index, key in enumerate(order)}


def _of_nifti(path: Path, stored: StoredMask) -> Inside:
    import nibabel

    image: Any = nibabel.load(path)  # nibabel is partly typed
    said = json.loads(bytes(image.header.extensions[0].get_content()).rstrip(b"\0"))
    number = next((int(n) for n, target in said["labels"].items() if target == stored.target), 0)
    if not number:
        raise _absent()
    voxels = np.asarray(image.dataobj)
    plane = voxels[..., number - 1] > 0 if said["overlap"] else voxels == number
    return np.asarray(plane.reshape(plane.shape[:3]).transpose(2, 1, 0))


def _of_picture(path: Path, stored: StoredMask) -> Inside:
    from PIL import Image

    with Image.open(path, formats=("PNG",)) as image:
        return (np.asarray(image) > 0).reshape(stored.shape)


def _absent() -> ArtifactNotFound:
    return ArtifactNotFound(
        "The pixels of this mask are not among the analysis's files: QA rejected it.",
        where="mask_id",
        remedy="Ask again with other words; the reasons of QA stand in the analysis.",
    )
