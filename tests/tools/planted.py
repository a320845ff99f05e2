"""Correct masks of the data folder, and wrong ones planted into them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.codes import Unit
from domain.mask import Mask
from domain.model import KnownTarget
from domain.study import Volume
from tests.tools import builders as b
from tools.anatomy import anatomy, compatible

NIFTI_LABELS = {
    "liver": "liver",
    "spleen": "spleen",
    "kidney_right": "right kidney",
    "kidney_left": "left kidney",
    "gallbladder": "gallbladder",
    "stomach": "stomach",
    "pancreas": "pancreas",
    "adrenal_gland_right": "right adrenal gland",
    "adrenal_gland_left": "left adrenal gland",
    "duodenum": "duodenum",
    "aorta": "aorta",
    "inferior_vena_cava": "postcava",
    "spinal_cord": "spinal cord",
    "colon": "colon",
}


@dataclass(frozen=True, eq=False)
class Case:
    """A volume with its correct masks."""

    name: str
    volume: Volume
    truths: tuple[Mask, ...]
    correct_only: bool = False

    @property
    def oriented(self) -> bool:
        """The images, or the convention of display, say which side is which."""
        return self.volume.geometry.orientation is not None or self.volume.series.modality == "CR"


@dataclass(frozen=True, eq=False)
class Planted:
    """A mask under a target's name: correct, or wrong in one way."""

    kind: str
    what: str
    mask: Mask
    case: Case

    @property
    def others(self) -> tuple[Mask, ...]:
        """The correct masks of the other targets."""
        return tuple(truth for truth in self.case.truths if truth.mask_id != self.mask.mask_id)


def known(mask: Mask) -> KnownTarget:
    return KnownTarget(mask.target, "", "", published_dice=0.9, cases=100, category=mask.category)


def cases(data: Path) -> Iterator[Case]:
    yield _nifti(data, "fast")
    yield _nifti(data, "full")
    yield _liver_and_spine(data)
    yield _png(data, "06_CT_abdomen", "CT")
    yield _png(data, "15_X-Ray_chest", "CR")
    yield _covid_lungs(data)
    yield _spinal_cord(data)


def planted(case: Case) -> Iterator[Planted]:
    for truth in case.truths:
        yield Planted("correct", truth.target, truth, case)
        if case.correct_only:
            continue
        yield from _broken(case, truth)
        yield from _shifted(case, truth)
        if (facts := anatomy(truth.target)) is not None and facts.side and case.oriented:
            mirrored = truth.array[..., ::-1]
            yield Planted("side swapped", f"{truth.target} mirrored", replace(truth, array=mirrored), case)
        yield from _wrong_organ(case, truth)


def _broken(case: Case, truth: Mask) -> Iterator[Planted]:
    for kind, array in (
        ("inverted", ~truth.array),
        ("empty", np.zeros_like(truth.array)),
        ("whole image", np.ones_like(truth.array)),
    ):
        yield Planted(kind, truth.target, replace(truth, array=array), case)


def _shifted(case: Case, truth: Mask) -> Iterator[Planted]:
    for axis in (1, 2):
        for sign in (1, -1):
            by = sign * truth.array.shape[axis] // 4
            array = _moved(truth.array, axis, by)
            if array.any():
                yield Planted("shifted", f"{truth.target} {by:+d} on axis {axis}", replace(truth, array=array), case)


def _moved(array: NDArray[np.bool_], axis: int, by: int) -> NDArray[np.bool_]:
    moved = np.roll(array, by, axis=axis)
    edge = np.moveaxis(moved, axis, 0)
    edge[slice(0, by) if by > 0 else slice(by, None)] = False
    return moved


def _wrong_organ(case: Case, truth: Mask) -> Iterator[Planted]:
    facts = anatomy(truth.target)
    assert facts is not None
    for other in case.truths:
        neighbour = anatomy(other.target)
        assert neighbour is not None
        if other is truth or not other.array.any():
            continue
        if neighbour.name == facts.name:
            if facts.side and neighbour.side and case.oriented:
                what = f"{other.target} as {truth.target}"
                yield Planted("side swapped", what, replace(truth, array=other.array), case)
        elif not compatible(facts, neighbour):
            yield Planted("wrong organ", f"{other.target} as {truth.target}", replace(truth, array=other.array), case)


def _truth(target: str, array: NDArray[np.generic], volume: Volume, number: int) -> Mask:
    facts = anatomy(target)
    assert facts is not None
    return b.mask(np.asarray(array) > 0, volume.geometry, target, facts.category[0], mask_id=f"m{number}")


def _nifti(data: Path, which: str) -> Case:
    folder = data / "ct_abdomen_nifti"
    array, geometry = b.read_nifti(folder / "example_ct_sm.nii.gz")
    images = b.volume(array, geometry)
    truths = []
    for number, (label, target) in enumerate(NIFTI_LABELS.items()):
        found = _nifti_label(folder, which, label)
        if found is not None and found.any():
            truths.append(_truth(target, found, images, number))
    return Case(f"CT abdomen NIfTI, {which} model", images, tuple(truths), correct_only=which == "fast")


def _nifti_label(folder: Path, which: str, label: str) -> NDArray[np.bool_] | None:
    if which == "fast":
        path = folder / "masks" / "fast" / f"{label}.nii.gz"
        return b.read_nifti(path)[0] > 0 if path.exists() else None
    import json

    numbers = {name: int(key) for key, name in json.loads((folder / "masks" / "labels.json").read_text()).items()}
    return b.read_nifti(folder / "masks" / "example_seg.nii.gz")[0] == numbers[label]


def _liver_and_spine(data: Path) -> Case:
    folder = data / "ct_liver_seg_sr"
    array, geometry = b.read_dicom_series(sorted((folder / "ct").glob("*.dcm")))
    images = b.volume(array, geometry)
    liver = b.read_nrrd(folder / "masks" / "liver_seg.nrrd")[0]
    spine = b.read_nrrd(folder / "masks" / "spine_seg.nrrd")[0]
    named = (("liver", liver), ("spine", spine))
    return Case("CT liver, 3 slices", images, tuple(_truth(t, a, images, n) for n, (t, a) in enumerate(named)))


def _png(data: Path, stem: str, modality: str) -> Case:
    folder = data / "png_with_masks"
    array = b.read_grey(folder / f"{stem}.png")
    images = b.volume(array, b.plain(array.shape), modality=modality, unit=Unit.ONE, view="PA" * (modality == "CR"))
    truths = []
    for number, path in enumerate(sorted((folder / "masks").glob(f"{stem}_*.png"))):
        target = path.stem.removeprefix(f"{stem}_").replace("+", " ")
        facts = anatomy(target)
        if facts is not None and facts.kind == "organ":
            truths.append(_truth(target, b.read_grey(path), images, number))
    return Case(f"PNG {stem}", images, tuple(truths))


def _covid_lungs(data: Path) -> Case:
    folder = data / "cxr_covid_lungmask"
    array = b.read_grey(folder / "16747_3_1.jpg")
    images = b.volume(array, b.plain(array.shape), modality="CR", unit=Unit.ONE, view="PA")
    lungs = b.read_grey(folder / "16747_3_1_lungmask.jpg") > 127
    return Case("CXR lungs", images, (_truth("lung", lungs, images, 0),))


def _spinal_cord(data: Path) -> Case:
    array, geometry = b.read_nifti(data / "mr_spinal_cord" / "t2.nii.gz")
    images = b.volume(array, geometry, modality="MR", unit=Unit.ONE)
    cord = b.read_nifti(data / "mr_spinal_cord" / "t2_seg-manual.nii.gz")[0]
    return Case("MR cervical cord", images, (_truth("spinal cord", cord, images, 0),))
