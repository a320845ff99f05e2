"""Dice of the embedded models against reference masks, through the client of the contract that they speak.

`app.py eval models FOLDER` prints one table; the model cards quote it.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.model import ModelImage, Window
from domain.ports import SegmentationModel
from domain.privacy import Deidentified
from evals.ground_truth import Bool, Truth, truths
from inference.local.in_process import EmbeddedVolumeModel, embedded_models, embedded_volume_models
from tools.preparation import prepare_array
from tools.windowing import IDENTITY

FEWEST_FOR_INTERVAL = 5
RESAMPLES, SEED = 2000, 20240229


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        dice: over the pixels of all images together.
        n: images; of a volume read slice by slice, its slices; of one read whole, 1.
        interval: 95 % of resampled images, None for fewer than five. Slices of one patient are alike, so it says
            nothing about other patients.
    """

    model: str
    target: str
    data: str
    dice: float
    n: int
    interval: tuple[float, float] | None


async def run(data_folder: Path) -> list[Row]:
    """Every embedded model on every set in the folder that it can be measured on."""
    pictures = {model.identity.name: model for model in embedded_models()}
    volumes = {model.identity.name: model for model in embedded_volume_models()}
    rows: list[Row] = []
    for truth in truths(data_folder):
        if truth.model in pictures:
            found = await _by_slices(pictures[truth.model], truth)
        elif truth.model in volumes:
            found = await _whole(volumes[truth.model], truth)
        else:
            continue
        rows.extend(_row(truth, target, mask) for target, mask in found.items())
    return rows


async def _by_slices(model: SegmentationModel, truth: Truth) -> dict[str, Bool]:
    targets = list(truth.masks)
    found = {target: np.zeros(truth.array.shape[:3], bool) for target in targets}
    for number, pixels in enumerate(truth.array):
        image, letterbox = prepare_array(pixels, _window(model, truth))
        answer = await model.segment(Deidentified[ModelImage](image, "public test data"), targets)
        for target, probability in zip(targets, answer.probability, strict=True):
            found[target][number] = letterbox.mask_to_source(probability > 0.5)
    return found


def _window(model: SegmentationModel, truth: Truth) -> Window:
    """The window that the model wants; 8-bit pictures pass as they are."""
    known = model.known(truth.modality, next(iter(truth.masks)))
    return known.window if known is not None and known.window is not None else IDENTITY


async def _whole(model: EmbeddedVolumeModel, truth: Truth) -> dict[str, Bool]:
    answer = await model.segment(truth.volume(), list(truth.masks))
    return {target: np.asarray(answer.masks[target].array, bool) for target in truth.masks}


def _row(truth: Truth, target: str, found: Bool) -> Row:
    counts = _counts(found, truth.masks[target])
    whole = truth.geometry is not None
    n = 1 if whole else len(counts)
    interval = bootstrap(counts) if n >= FEWEST_FOR_INTERVAL else None
    return Row(truth.model, target, truth.data, pooled_dice(counts), n, interval)


def _counts(found: Bool, truth: Bool) -> NDArray[np.int64]:
    """(slices, 2): pixels in both masks, and the sum of both masks' pixels."""
    both = (found & truth).sum(axis=(1, 2))
    return np.stack([both, found.sum(axis=(1, 2)) + truth.sum(axis=(1, 2))], axis=1).astype(np.int64)


def pooled_dice(counts: NDArray[np.int64]) -> float:
    """2·|both| / (|found| + |truth|) over all images together; 1 when both are empty."""
    both, total = counts.sum(axis=0)
    return float(2 * both / total) if total else 1.0


def bootstrap(counts: NDArray[np.int64], *, resamples: int = RESAMPLES, seed: int = SEED) -> tuple[float, float]:
    """2.5th and 97.5th percentile of Dice over images drawn again with replacement."""
    generator = np.random.default_rng(seed)
    draws = generator.integers(0, len(counts), (resamples, len(counts)))
    both, total = counts[draws].sum(axis=1).T
    low, high = np.quantile(np.where(total > 0, 2 * both / np.maximum(total, 1), 1.0), [0.025, 0.975])
    return float(low), float(high)


def table(rows: Iterable[Row]) -> str:
    """The rows as aligned text."""
    lines = [("model", "target", "Dice", "95 % interval", "n", "data")]
    for row in rows:
        interval = f"{row.interval[0]:.3f}-{row.interval[1]:.3f}" if row.interval else ""
        lines.append((row.model, row.target, f"{row.dice:.3f}", interval, str(row.n), row.data))
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def main(argv: Sequence[str]) -> int:
    """`app.py eval models FOLDER`: 0, or 2 when the folder holds nothing to measure on."""
    parser = argparse.ArgumentParser("app.py eval models", description="Dice of the embedded models.")
    parser.add_argument("folder", type=Path, help="test data with reference masks (see docs/embedded-models.md)")
    rows = asyncio.run(run(parser.parse_args(argv).folder))
    if not rows:
        print("The folder holds no images with reference masks that an embedded model can be measured on.")
        return 2
    print(table(rows))
    return 0
