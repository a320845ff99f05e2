"""Texture: how grey levels lie beside each other (IBSI 3.6 GLCM, 3.7 GLRLM, 3.8 GLSZM), distance one voxel.

One matrix is made over all directions and slices and features are taken from it: "3D with merging" (IBSI IAZD) where
neighbours are sought in space, "2.5D with merging" (ZW7Z) where they are sought in the slice only. Voxels are not
resampled first: values of scans with other voxel sizes do not compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.codes import Unit
from tools.features_first_order import entropy_bits
from tools.features_levels import LevelGrid, Levels
from tools.features_value import Feature, named

Table = NDArray[np.float64]


def texture_features(levels: Levels, *, planar: bool) -> tuple[Feature, ...]:
    """All texture features of (slices, rows, columns) levels, 0 outside the region; () of an empty region."""
    grid = LevelGrid.of(levels, planar=planar)
    if grid.inside.size == 0:
        return ()
    return (
        *cooccurrence_features(cooccurrence(grid)),
        *run_features(run_lengths(grid), grid.inside.size * len(grid.offsets)),
        *zone_features(zone_sizes(levels, planar=planar), grid.inside.size),
    )


def cooccurrence(grid: LevelGrid) -> Table:
    """(levels, levels) number of times that two levels are neighbours, symmetric; row and column 0 are level 1."""
    side = grid.count + 1
    counts = np.zeros(side * side, np.int64)
    here = grid.flat[grid.inside]
    for offset in grid.offsets:
        there = grid.flat[grid.inside + offset]
        counts += np.bincount(here * side + there, minlength=side * side)
    table = counts.reshape(side, side)[1:, 1:].astype(np.float64)
    return table + table.T


def cooccurrence_features(table: Table) -> tuple[Feature, ...]:
    """GLCM features; () where no voxel has a neighbour. Correlation of one single level is 1."""
    total = float(table.sum())
    if total == 0:
        return ()
    share = table / total
    i, j = np.indices(share.shape) + 1.0
    apart = np.abs(i - j)
    mean = float(np.sum(i * share))
    variance = float(np.sum((i - mean) ** 2 * share))
    covariance = float(np.sum((i - mean) * (j - mean) * share))
    entries = {
        "joint_maximum": (share.max(), "GYBY"),
        "joint_average": (mean, "60VM"),
        "joint_variance": (variance, "UR99"),
        "joint_entropy": (entropy_bits(share), "TU9B"),
        "joint_energy": (np.sum(share**2), "8ZQL"),
        "contrast": (np.sum(apart**2 * share), "ACUI"),
        "dissimilarity": (np.sum(apart * share), "8S9J"),
        "inverse_difference": (np.sum(share / (1 + apart)), "IB1Z"),
        "inverse_difference_moment": (np.sum(share / (1 + apart**2)), "WF0Z"),
        "correlation": (covariance / variance if variance > 0 else 1.0, "NI2N"),
        "autocorrelation": (np.sum(i * j * share), "QWB0"),
        "cluster_shade": (np.sum((i + j - 2 * mean) ** 3 * share), "7NFM"),
        "cluster_prominence": (np.sum((i + j - 2 * mean) ** 4 * share), "AE86"),
    }
    return named("glcm", Unit.ONE, {name: (float(value), code) for name, (value, code) in entries.items()})


@dataclass(frozen=True, eq=False)
class Counted:
    """How many runs or zones there are of each level and size, as a list of what occurs: (n,) each."""

    level: Table
    size: Table
    number: Table

    @classmethod
    def of(cls, pairs: NDArray[np.integer[Any]], number: NDArray[np.integer[Any]], width: int) -> Counted:
        """From distinct pairs, written as level · width + size."""
        level, size = np.divmod(pairs, width)
        return cls(level.astype(np.float64), size.astype(np.float64), number.astype(np.float64))


def run_lengths(grid: LevelGrid) -> Counted:
    """Unbroken runs of one level, over all directions.

    Along a direction, the border of zeros ends every run, so the n-th beginning on a line belongs to the n-th end.
    """
    here = grid.flat[grid.inside]
    width = grid.longest + 1
    counts = np.zeros((grid.count + 1) * width, np.int64)
    for offset in grid.offsets:
        starts = _by_line(grid.inside[grid.flat[grid.inside - offset] != here], offset)
        ends = _by_line(grid.inside[grid.flat[grid.inside + offset] != here], offset)
        pairs = grid.flat[starts] * width + (ends - starts) // offset + 1
        counts += np.bincount(pairs, minlength=counts.size)
    found = np.flatnonzero(counts)
    return Counted.of(found, counts[found], width)


def _by_line(places: NDArray[np.intp], offset: int) -> NDArray[np.intp]:
    """Ascending places, line after line; voxels of one line differ by multiples of the offset."""
    line = places % offset
    return places if offset == 1 else places[np.argsort(_narrow(line, offset), kind="stable")]


def _narrow(line: NDArray[np.intp], offset: int) -> NDArray[np.integer[Any]]:
    """16 bits where they hold it: those are sorted in linear time."""
    return line.astype(np.uint16) if offset <= 1 << 16 else line


def run_features(runs: Counted, voxels: int) -> tuple[Feature, ...]:
    """GLRLM features. `voxels` counts a voxel once for each direction."""
    codes = ("22OV", "W4KF", "V3SW", "G3QZ", "R5YN", "OVBL", "W92Y", "IC23", "9ZK5", "8CE5", "SXLW", "HJ9O")
    return _sizes_of(runs, voxels, "glrlm", ("run", "run_length", "run"), codes)


def zone_sizes(levels: Levels, *, planar: bool) -> Counted:
    """Connected zones of one level, of voxels that touch at least at corners; `planar`: within a slice."""
    from skimage.measure import label

    find: Callable[..., NDArray[np.intp]] = label
    parts = [plane[None] for plane in levels] if planar else [levels]
    of_level: list[NDArray[np.int32]] = []
    of_size: list[NDArray[np.intp]] = []
    for part in parts:
        zones = find(part, background=0, connectivity=3).ravel()
        sizes = np.bincount(zones)
        level = np.zeros(sizes.size, np.int32)
        level[zones] = part.ravel()
        of_level.append(level[1:])
        of_size.append(sizes[1:])
    width = levels.size + 1
    pairs, number = np.unique(
        np.concatenate(of_level).astype(np.int64) * width + np.concatenate(of_size), return_counts=True
    )
    return Counted.of(pairs, number, width)


def zone_features(zones: Counted, voxels: int) -> tuple[Feature, ...]:
    """GLSZM features."""
    codes = ("", "48P8", "XMSY", "5GN9", "JNSA", "Y1RO", "4JP3", "VB3A", "P30P", "BYLV", "3NSA", "GU8N")
    return _sizes_of(zones, voxels, "glszm", ("zone", "zone_size", "zone_size"), codes)


def _sizes_of(
    counted: Counted, voxels: int, family: str, words: tuple[str, str, str], codes: tuple[str, ...]
) -> tuple[Feature, ...]:
    """The twelve features that runs and zones share, in the manual's order."""
    what, extent, disorder = words
    total = float(counted.number.sum())
    share, level, size = counted.number / total, counted.level, counted.size
    of_level, of_size = _gathered(level, share), _gathered(size, share)
    short, long = ("short_run", "long_run") if what == "run" else ("small_zone", "large_zone")
    values: dict[str, Any] = {
        f"{short}_emphasis": share @ size**-2.0,
        f"{long}_emphasis": share @ size**2,
        f"low_grey_level_{what}_emphasis": share @ level**-2.0,
        f"high_grey_level_{what}_emphasis": share @ level**2,
        "grey_level_non_uniformity": of_level @ of_level * total,
        "normalised_grey_level_non_uniformity": of_level @ of_level,
        f"{extent}_non_uniformity": of_size @ of_size * total,
        f"normalised_{extent}_non_uniformity": of_size @ of_size,
        f"{what}_percentage": total / voxels,
        "grey_level_variance": share @ (level - share @ level) ** 2,
        f"{extent}_variance": share @ (size - share @ size) ** 2,
        f"{disorder}_entropy": entropy_bits(share),
    }
    entries = {name: (float(value), code) for (name, value), code in zip(values.items(), codes, strict=True)}
    return named(family, Unit.ONE, entries)


def _gathered(keys: Table, shares: Table) -> Table:
    """Sums of the shares of equal keys."""
    _, place = np.unique(keys, return_inverse=True)
    return np.asarray(np.bincount(place, weights=shares), dtype=np.float64)
