"""Images with reference masks, found in a folder of test data: what the embedded models are measured on.

Each set is read where its files lie and is absent where they do not. Masks of TotalSegmentator are another model's,
checked by eye; the rest are drawn by people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.geometry import Geometry
from domain.study import Series, Volume

Bool = NDArray[np.bool_]

LEFT_LOBES, RIGHT_LOBES = (10, 11), (12, 13, 14)
VERTEBRAE_AND_RIBS = (*range(26, 51), *range(92, 117))
"""Labels of TotalSegmentator's `total` task, version 2."""


@dataclass(frozen=True, eq=False)
class Truth:
    """One image or volume and its reference masks.

    Attributes:
        model: the embedded model that it measures.
        data: what it is, as model cards name it.
        array: (slices, rows, columns) real-world values, or (slices, rows, columns, 3) uint8.
        masks: target → (slices, rows, columns).
        geometry: where the volume lies, for models of volumes.
    """

    model: str
    data: str
    modality: str
    array: NDArray[np.generic]
    masks: dict[str, Bool]
    geometry: Geometry | None = None

    def volume(self) -> Volume:
        """The same as a volume of a series."""
        if self.geometry is None:
            raise ValueError(f"{self.data} has no geometry.")
        return Volume(Series("1.2.3", "1.2", self.modality, self.geometry, ()), self.array)


def truths(folder: Path) -> Iterator[Truth]:
    """All sets that are there."""
    for read in (_abdominal_ct, _covid_qu, _v7labs, _pannuke):
        try:
            yield read(folder)
        except FileNotFoundError:
            continue
    yield from _icbm()


def _abdominal_ct(folder: Path) -> Truth:
    base = folder / "ct_abdomen_nifti"

    def read(path: str) -> NDArray[np.float32]:
        # Right, anterior, superior in the file; standard display has the patient's right at the left, front up.
        return _nifti(base / path)[::-1, ::-1].transpose(2, 1, 0)

    labels = read("masks/example_seg.nii.gz")
    under_skin = read("masks/tissue/subcutaneous_fat.nii.gz") > 0
    masks = {
        "lung": np.isin(labels, LEFT_LOBES + RIGHT_LOBES),
        "left lung": np.isin(labels, LEFT_LOBES),
        "right lung": np.isin(labels, RIGHT_LOBES),
        "fat": under_skin | (read("masks/tissue/torso_fat.nii.gz") > 0),
        "subcutaneous fat": under_skin,
        "bone": np.isin(labels, VERTEBRAE_AND_RIBS),
    }
    return Truth("embedded-ct", "TotalSegmentator example, 3 mm", "CT", read("example_ct_sm.nii.gz"), masks)


def _covid_qu(folder: Path) -> Truth:
    base, stem = folder / "png_with_masks", "15_X-Ray_chest"
    sides = ("lung", "left lung", "right lung")
    masks = {side: _mask(base / "masks" / f"{stem}_{side.replace(' ', '+')}.png") for side in sides}
    return Truth("embedded-cxr", "COVID-QU-Ex, one image", "CR", _grey(base / f"{stem}.png"), masks)


def _v7labs(folder: Path) -> Truth:
    base = folder / "cxr_covid_lungmask"
    masks = {"lung": _mask(base / "16747_3_1_lungmask.jpg")}
    return Truth("embedded-cxr", "v7labs COVID, one image", "CR", _grey(base / "16747_3_1.jpg"), masks)


def _pannuke(folder: Path) -> Truth:
    base, stem = folder / "pathology", "Part_1_516_pathology_breast"
    kinds = [_mask(base / f"{stem}_{kind}+cells.png") for kind in ("neoplastic", "inflammatory")]
    colours = _pixels(base / f"{stem}.png")[None, ..., :3]
    data = "PanNuke breast, two of its kinds of nuclei, one tile"
    return Truth("embedded-nuclei", data, "SM", np.ascontiguousarray(colours), {"nuclei": kinds[0] | kinds[1]})


def _icbm() -> Iterator[Truth]:
    """The skull-stripped ICBM152 template that nilearn brings, where nilearn is installed."""
    try:
        base = Path(str(metadata.distribution("nilearn").locate_file("nilearn/datasets/data")))
    except metadata.PackageNotFoundError:
        return
    t1, grey, white = (
        _nifti(base / f"mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz").transpose(2, 1, 0)
        for kind in ("t1", "gm", "wm")
    )
    slices = t1.shape[0]
    geometry = Geometry(
        shape=(slices, t1.shape[1], t1.shape[2]),
        pixel_spacing_mm=(1.0, 1.0),
        orientation=np.array([[-1.0, 0, 0], [0, -1.0, 0]]),
        positions_mm=np.array([[98.0, 134.0, number - 72.0] for number in range(slices)]),
    )
    for name, mask in (("voxels above zero", t1 > 0), ("grey or white matter above half", grey + white > 127.5)):
        data = f"ICBM152 2009 template, {name}"
        yield Truth("embedded-mr-brain", data, "MR", t1, {"brain": mask}, geometry)


def _nifti(path: Path) -> NDArray[np.float32]:
    nibabel: Any = import_module("nibabel")
    return np.asarray(nibabel.load(path).dataobj, np.float32)


def _pixels(path: Path) -> NDArray[np.uint8]:
    from PIL import Image

    with Image.open(path) as opened:
        return np.asarray(opened)


def _grey(path: Path) -> NDArray[np.uint8]:
    """(1, rows, columns); an alpha channel is not looked through but dropped."""
    pixels = _pixels(path)
    return np.ascontiguousarray(pixels if pixels.ndim == 2 else pixels[..., 1])[None]


def _mask(path: Path) -> Bool:
    """(1, rows, columns)"""
    from PIL import Image

    with Image.open(path) as opened:
        return np.asarray(opened.convert("L"))[None] > 127
