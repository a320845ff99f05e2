"""Quality of the embedded models on images with ground truth: `python -m inference.local.evaluate FOLDER`.

FOLDER holds `ct_abdomen_nifti` (TotalSegmentator's example: CT at 3 mm with model-made, eye-checked masks),
`png_with_masks` and `pathology` (images of the BiomedParse demonstration) and `cxr_covid_lungmask`.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.model import Window
from inference.local.card import Quality
from inference.local.registry import card, segment_png
from tools.preparation import prepare_array

Bool = NDArray[np.bool_]


def evaluate(data_folder: Path) -> dict[str, list[Quality]]:
    """Dice of each model and target for which the folder has ground truth. Pixels of a series are pooled."""
    rows: dict[str, list[Quality]] = {}
    for name, source in (("embedded-ct", _ct), ("embedded-cxr", _chest), ("embedded-nuclei", _nuclei)):
        rows[name] = list(source(data_folder))
    return rows


def _dice(found: Sequence[Bool], truth: Sequence[Bool]) -> float:
    both = sum(int((a & b).sum()) for a, b in zip(found, truth, strict=True))
    return round(2.0 * both / max(1, sum(int(m.sum()) for m in (*found, *truth))), 3)


def _ct(folder: Path) -> Iterator[Quality]:
    import nibabel as nib

    base = folder / "ct_abdomen_nifti"

    def read(path: str) -> NDArray[np.float32]:
        # Right-anterior-superior in the file; standard display has the patient's right at the left, front up.
        return np.asarray(nib.load(base / path).dataobj, np.float32)[::-1, ::-1].transpose(2, 1, 0)  # type: ignore[attr-defined]

    labels = read("masks/example_seg.nii.gz")
    fat = (read("masks/tissue/subcutaneous_fat.nii.gz") > 0) | (read("masks/tissue/torso_fat.nii.gz") > 0)
    truth = {
        "lung": np.isin(labels, [10, 11, 12, 13, 14]),
        "left lung": np.isin(labels, [10, 11]),
        "right lung": np.isin(labels, [12, 13, 14]),
        "fat": fat,
    }
    window = card("embedded-ct").window or Window("lung", -1000, 1000)
    found: dict[str, list[Bool]] = {target: [] for target in truth}
    for values in read("example_ct_sm.nii.gz"):
        image, letterbox = prepare_array(values, window)
        for target, mask in zip(truth, segment_png("embedded-ct", image.png, list(truth)), strict=True):
            found[target].append(letterbox.mask_to_source(mask > 127))
    for target, masks in found.items():
        yield Quality("TotalSegmentator example, 3 mm", target, "Dice", _dice(masks, list(truth[target])), len(masks))


def _chest(folder: Path) -> Iterator[Quality]:
    masks = folder / "png_with_masks" / "masks"
    targets = ["lung", "left lung", "right lung"]
    image = folder / "png_with_masks" / "15_X-Ray_chest.png"
    found = segment_png("embedded-cxr", _png(image), targets) > 127
    for target, mask in zip(targets, found, strict=True):
        truth = _read_mask(masks / f"15_X-Ray_chest_{target.replace(' ', '+')}.png")
        yield Quality("COVID-QU-Ex, one image", target, "Dice", _dice([mask], [truth]), 1)
    covid = folder / "cxr_covid_lungmask"
    mask = segment_png("embedded-cxr", _png(covid / "16747_3_1.jpg"), ["lung"])[0] > 127
    truth = _read_mask(covid / "16747_3_1_lungmask.jpg")
    yield Quality("v7labs COVID, one image", "lung", "Dice", _dice([mask], [truth]), 1)


def _nuclei(folder: Path) -> Iterator[Quality]:
    base = folder / "pathology"
    stem = "Part_1_516_pathology_breast"
    mask = segment_png("embedded-nuclei", _png(base / f"{stem}.png"), ["nuclei"])[0] > 127
    truth = _read_mask(base / f"{stem}_neoplastic+cells.png") | _read_mask(base / f"{stem}_inflammatory+cells.png")
    yield Quality("PanNuke breast, two of its kinds of nuclei, one tile", "nuclei", "Dice", _dice([mask], [truth]), 1)


def _png(path: Path) -> bytes:
    """The colours of a picture as PNG; an alpha channel is not looked through but dropped."""
    from PIL import Image

    with Image.open(path) as opened:
        pixels = np.asarray(opened)
    rgb = pixels[..., :3] if pixels.ndim == 3 else np.stack([pixels] * 3, axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(buffer, "PNG")
    return buffer.getvalue()


def _read_mask(path: Path) -> Bool:
    from PIL import Image

    with Image.open(path) as opened:
        return np.asarray(opened.convert("L")) > 127


if __name__ == "__main__":
    for model, qualities in evaluate(Path(sys.argv[1])).items():
        for q in qualities:
            sys.stdout.write(f"{model}\t{q.target}\t{q.metric} {q.value:.3f}\tn={q.n}\t{q.data}\n")
