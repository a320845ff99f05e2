"""Letterbox: a slice in the model's square, and the exact way back for masks, boxes and points.

Source: MedImageParse takes 1024 × 1024 pixels, aspect of the pixel grid kept, padded with black. As in the
endpoint's public client the slice is centred (an odd remainder goes after it), padded first, and resampled
by cubic splines (Gaussian anti-aliasing when it shrinks), truncated to 8 bit. Two differences, both outside
square images: there, an odd remainder changes the aspect by a fraction of a pixel, and splines ring into the
padding; here the aspect is exact and the padding is black.

Conventions: a pixel's centre has integer coordinates; edges lie at half-integers. Places are (row, column).
    model = (source + ½) · scale + pad − ½        source = (model + ½ − pad) / scale − ½
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.resampling import Spans, average_matrix, cubic_matrix, nearest_indices, resampled_bands, spline_matrix

MODEL_SIZE = 1024
THRESHOLD = 0.5
_TIE = 1e-4
_GUARD = 0.01
"""Added before truncation so that a flat area keeps its value in spite of float32 rounding."""


@dataclass(frozen=True)
class Letterbox:
    """Where rows × columns source pixels lie in a square of `size` model pixels.

    Attributes:
        rows, columns: of the source.
        size: side of the model's square.
    """

    rows: int
    columns: int
    size: int = MODEL_SIZE

    def __post_init__(self) -> None:
        if min(self.rows, self.columns, self.size) < 1:
            raise ValueError(f"{self.rows} × {self.columns} pixels do not fit into {self.size} × {self.size}.")

    @classmethod
    def fit(cls, rows: int, columns: int, size: int = MODEL_SIZE) -> Letterbox:
        """The letterbox for an image of rows × columns pixels."""
        return cls(rows, columns, size)

    @property
    def side(self) -> int:
        """Side of the padded square in source pixels."""
        return max(self.rows, self.columns)

    @property
    def scale(self) -> float:
        """Model pixels for one source pixel."""
        return self.size / self.side

    @property
    def pad_top(self) -> float:
        """Height of the black bar above the image, in model pixels; may be a fraction."""
        return (self.side - self.rows) // 2 * self.scale

    @property
    def pad_left(self) -> float:
        """Width of the black bar left of the image, in model pixels; may be a fraction."""
        return (self.side - self.columns) // 2 * self.scale

    @property
    def identity(self) -> bool:
        """True when the model's pixels are the source's."""
        return self.rows == self.columns == self.size

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The model's view of (rows, columns) or (rows, columns, 3): size × size (× 3), black around it.

        Raises:
            ValueError: the image is of another size.
        """
        if image.shape[:2] != (self.rows, self.columns):
            raise ValueError(f"An image of {image.shape[:2]} is not {self.rows} × {self.columns} pixels.")
        if self.identity:
            return np.ascontiguousarray(image, dtype=np.uint8)
        darkest = int(image.min()) if self.rows == self.columns else 0
        limits = darkest, int(image.max())
        if image.ndim == 2:
            return self._shown(image, limits)
        return np.stack([self._shown(image[:, :, channel], limits) for channel in range(image.shape[2])], axis=2)

    def _shown(self, plane: NDArray[np.uint8], limits: tuple[int, int]) -> NDArray[np.uint8]:
        across, down = self._pads()
        rows = spline_matrix(self.rows, down, self.side, self.size)
        columns = spline_matrix(self.columns, across, self.side, self.size)
        shown = np.zeros((self.size, self.size), np.uint8)
        for outputs, band in resampled_bands(plane, rows, columns):
            grey = np.clip(band, *limits, out=band)
            grey += _GUARD
            shown[outputs] = grey
        return shown

    def mask_to_source(self, mask: NDArray[np.generic]) -> NDArray[np.bool_]:
        """Masks of the model in source pixels.

        Args:
            mask: (size, size) or (prompts, size, size); bool, integers of which 0 is outside and everything
                else inside, or float probabilities 0–1.

        Returns:
            (rows, columns) or (prompts, rows, columns): True where the probability exceeds one half. Exactly
            one half (an edge through a pixel's middle) is decided by the model pixel before its centre, so
            that areas are neither inflated nor shrunk by rounding.
        """
        self._require_model_size(mask)
        inside = np.zeros((*mask.shape[:-2], self.rows, self.columns), np.bool_)
        levels = mask if mask.dtype.kind in "fb" else mask != 0
        for place, one in enumerate(levels.reshape(-1, self.size, self.size)):
            self._fill_mask(inside.reshape(-1, self.rows, self.columns)[place], one)
        return inside

    def _fill_mask(self, inside: NDArray[np.bool_], level: NDArray[np.generic]) -> None:
        if self.identity:
            np.greater_equal(level, THRESHOLD, out=inside)
            return
        down, across = (nearest_indices(self.size, *axis) for axis in self._axes())
        for outputs, soft in self._back(level):
            band = np.greater(soft, THRESHOLD + _TIE, out=inside[outputs])
            ties = (soft >= THRESHOLD - _TIE) ^ band
            if ties.any():
                before = level[down[outputs]][:, across].astype(np.float32)
                band |= ties & (before >= THRESHOLD)

    def probability_to_source(self, probability: NDArray[np.generic]) -> NDArray[np.float32]:
        """Soft masks in source pixels, 0–1.

        The mean over each source pixel's area where the model sees more pixels than the source has; cubic
        interpolation where it sees fewer.

        Args:
            probability: (size, size) or (prompts, size, size), bool or float 0–1.

        Raises:
            ValueError: the mask is not size × size.
        """
        self._require_model_size(probability)
        if self.identity:
            return probability.astype(np.float32)
        soft = np.zeros((*probability.shape[:-2], self.rows, self.columns), np.float32)
        for place, one in enumerate(probability.reshape(-1, self.size, self.size)):
            for outputs, band in self._back(one):
                np.clip(band, 0, 1, out=soft.reshape(-1, self.rows, self.columns)[place, outputs])
        return soft

    def _back(self, level: NDArray[np.generic]) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Bands of source rows that anything of a (size, size) mask reaches, with its share of each pixel."""
        spans = _occupied(level)
        if spans is None:
            return iter(())
        matrix = average_matrix if self.scale >= 1 else cubic_matrix
        rows, columns = (matrix(self.size, *axis) for axis in self._axes())
        return resampled_bands(level, rows, columns, spans)

    def _require_model_size(self, mask: NDArray[np.generic]) -> None:
        if mask.shape[-2:] != (self.size, self.size) or mask.ndim not in (2, 3):
            raise ValueError(f"A mask of {mask.shape} is not {self.size} × {self.size} pixels.")

    def points_to_source(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """(n, 2) [row, column] of the model in source pixels; not clipped to the image."""
        return (np.asarray(points, np.float64) + 0.5 - self._pad()) / self.scale - 0.5

    def points_to_model(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """(n, 2) [row, column] of the source in model pixels."""
        return (np.asarray(points, np.float64) + 0.5) * self.scale + self._pad() - 0.5

    def point_to_source(self, row: float, column: float) -> tuple[float, float]:
        """One place of the model in source pixels, (row, column)."""
        place = self.points_to_source(np.array([[row, column]]))[0]
        return float(place[0]), float(place[1])

    def box_to_source(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """A box (x0, y0, x1, y1) of the model in source pixels, clipped to the image.

        Box limits are edges, not centres: (0, 0, size, size) is the whole square, and the box around one
        pixel in row r and column c is (c, r, c + 1, r + 1).
        """
        x0, y0, x1, y1 = box
        edges = (np.array([[y0, x0], [y1, x1]]) - self._pad()) / self.scale
        (top, left), (bottom, right) = np.clip(edges, 0, [self.rows, self.columns]).tolist()
        return left, top, right, bottom

    def _pads(self) -> tuple[int, int]:
        return (self.side - self.columns) // 2, (self.side - self.rows) // 2

    def _pad(self) -> NDArray[np.float64]:
        return np.array([self.pad_top, self.pad_left])

    def _axes(self) -> tuple[tuple[float, float, int], tuple[float, float, int]]:
        """Origin and step of the source's pixels on the model's grid, and their number: rows, then columns."""
        centre = self.scale / 2 - 0.5
        return (self.pad_top + centre, self.scale, self.rows), (self.pad_left + centre, self.scale, self.columns)


def _occupied(level: NDArray[np.generic]) -> Spans | None:
    """Rows and columns between the first and the last value that is not 0; None when all are."""
    rows = np.flatnonzero(level.any(axis=1))
    if rows.size == 0:
        return None
    down = slice(int(rows[0]), int(rows[-1]) + 1)
    columns = np.flatnonzero(level[down].any(axis=0))
    return down, slice(int(columns[0]), int(columns[-1]) + 1)
