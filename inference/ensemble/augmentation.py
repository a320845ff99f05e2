"""Test-time augmentation of one image: drawn, applied and recorded are three separate things.

`draw` makes parameters out of a seed, `prepare_view` and `restore` apply them, `Augmentation.record` and
`from_record` keep them, so that any member of an ensemble can be asked again exactly as it was.
Flips act on source pixels before the letterbox, so the way back is the same flip: no interpolation is involved.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.model import ModelImage, Window
from inference.ensemble.flip_rules import AllowedFlips
from tools.letterbox import Letterbox
from tools.preparation import prepare_array
from tools.windowing import IDENTITY, percentile_limits

JITTER = (0.05, 0.10)
"""Least and largest change of a window's centre and width, as fractions of its width."""
_TRIES = 32


@dataclass(frozen=True)
class Augmentation:
    """What is done to an image and its question before a model sees them.

    Attributes:
        flip_columns: mirrored, first column last.
        flip_rows: upside down, first row last.
        window_shift: of the window's centre, as a fraction of its width.
        window_scale: factor of the window's width.
        wording: (target, text that is sent instead) of targets that are asked for in other words.
    """

    flip_columns: bool = False
    flip_rows: bool = False
    window_shift: float = 0.0
    window_scale: float = 1.0
    wording: tuple[tuple[str, str], ...] = ()

    @property
    def keeps_window(self) -> bool:
        """True when grey values are those of the plain image."""
        return self.window_shift == 0.0 and self.window_scale == 1.0

    def text(self, target: str, prompt: str) -> str:
        """What is sent for a target whose plain prompt is `prompt`."""
        return dict(self.wording).get(target, prompt)

    def record(self) -> dict[str, Any]:
        """As JSON-able values; `from_record` reads them."""
        return asdict(self) | {"wording": [list(pair) for pair in self.wording]}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Augmentation:
        """What `record` wrote."""
        return cls(**{**record, "wording": tuple((str(t), str(w)) for t, w in record["wording"])})


PLAIN = Augmentation()
"""Nothing is changed."""


def draw(
    count: int, *, seed: int, flips: AllowedFlips, keep_window: bool, wordings: Mapping[str, Sequence[str]]
) -> tuple[Augmentation, ...]:
    """Up to `count` augmentations, all different from each other and from the plain image.

    Args:
        seed: the same seed and arguments give the same augmentations.
        flips: what the anatomy allows.
        keep_window: the window stays; colour has none.
        wordings: other texts for a target.

    Returns:
        Fewer than `count` where so many different ones do not exist.
    """
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    drawn: dict[Augmentation, None] = {}
    for _ in range(count * _TRIES):
        if len(drawn) >= count:
            break
        one = _draw_one(chance, flips, keep_window, wordings)
        if one != PLAIN:
            drawn.setdefault(one)
    return tuple(drawn)


def _draw_one(
    chance: random.Random, flips: AllowedFlips, keep_window: bool, wordings: Mapping[str, Sequence[str]]
) -> Augmentation:
    # Every member draws the same number of values, whatever is allowed: seeds stay comparable.
    mirrored, overturned = chance.random() < 0.5, chance.random() < 0.5
    shift, stretch = _jitter(chance), _jitter(chance)
    said = []
    for target, texts in sorted(wordings.items()):
        at = chance.randrange(len(texts) + 1)
        if at:
            said.append((target, texts[at - 1]))
    return Augmentation(
        flip_columns=mirrored and flips.columns,
        flip_rows=overturned and flips.rows,
        window_shift=0.0 if keep_window else shift,
        window_scale=1.0 if keep_window else 1.0 + stretch,
        wording=tuple(said),
    )


def _jitter(chance: random.Random) -> float:
    size = chance.uniform(*JITTER)
    return size if chance.random() < 0.5 else -size


def prepare_view(
    pixels: NDArray[np.generic], window: Window, augmentation: Augmentation
) -> tuple[ModelImage, Letterbox]:
    """The image that a model sees, and the way from it to the *flipped* source pixels; `restore` does the rest.

    Args:
        pixels: (rows, columns), or (rows, columns, 3) uint8.

    Raises:
        ValueError: as `tools.preparation.prepare_array`.
    """
    shown = jittered(window, pixels, augmentation)
    return prepare_array(flipped(pixels, augmentation), shown)


def flipped(pixels: NDArray[np.generic], augmentation: Augmentation) -> NDArray[np.generic]:
    """(rows, columns, …) as the augmentation turns them; its own inverse."""
    axes = tuple(axis for axis, on in enumerate((augmentation.flip_rows, augmentation.flip_columns)) if on)
    return np.ascontiguousarray(np.flip(pixels, axes)) if axes else pixels


def restore(masks: NDArray[np.generic], augmentation: Augmentation) -> NDArray[np.generic]:
    """(…, rows, columns) of the flipped source in the source's own pixels: exact."""
    axes = tuple(axis for axis, on in ((-2, augmentation.flip_rows), (-1, augmentation.flip_columns)) if on)
    return np.flip(masks, axes) if axes else masks


def jittered(window: Window, pixels: NDArray[np.generic], augmentation: Augmentation) -> Window:
    """The window with the augmentation's centre and width. Colour, flat and empty images keep theirs."""
    if augmentation.keeps_window or pixels.ndim == 3:
        return window
    if window.name == IDENTITY.name:
        low, high = 0.0, 255.0
    elif window.low is None or window.high is None:
        low, high = percentile_limits(pixels)
    else:
        low, high = float(window.low), float(window.high)
    width = high - low
    if width <= 0:
        return window
    centre = (low + high) / 2 + augmentation.window_shift * width
    half = width * augmentation.window_scale / 2
    return Window(f"{window.name}, jittered", centre - half, centre + half)
