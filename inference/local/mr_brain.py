"""Brain on T1-weighted MR: deepbet's two networks on onnxruntime, with deepbet's own steps around them.

deepbet (Fisch et al., https://github.com/wwu-mmll/deepbet, MIT) finds the head's brain on a 128³ grid, cuts out its
box with a margin, finds the brain again on 256³, and keeps the largest piece with its holes filled. Its wheel is
installed for the weights alone; torch is not. Without the wheel the model is not offered.

The volume is a NIfTI file in any orientation; the answer has its grid and affine.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module, metadata, util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.local.nifti_volume import NiftiVolume, read_nifti, write_labels

COARSE, FINE = (128, 128, 128), (256, 256, 256)
MARGIN = 0.1
"""Of the box's size, added on each side."""

THRESHOLD = 0.5
FOREGROUND = 0.02
"""A plane of the coarse grid belongs to the box when more of it is brain."""

RANGE = (0.005, 0.995)
"""Quantiles of grey shown as 0 and 1."""

MEAN, SPREAD = 0.449, 0.226
"""What the networks' input is shifted and scaled to."""

Bool = NDArray[np.bool_]
Grey = NDArray[np.float32]
Box = tuple[slice, slice, slice]


def available() -> bool:
    """Whether the weights and what builds their graph are installed."""
    return _weights_file("model") is not None and util.find_spec("onnx") is not None


def segment_nifti(content: bytes, targets: Sequence[str]) -> bytes:
    """A label map (nii.gz, uint8, the volume's grid and affine): 1 is brain, for the one target there is.

    Raises:
        ValueError: not a readable NIfTI volume.
    """
    del targets
    volume = read_nifti(content)
    return write_labels(brain(volume).astype(np.uint8), volume)


def brain(volume: NiftiVolume) -> Bool:
    """The brain in a volume whose axes run right, anterior, superior; empty where none is found."""
    values = np.nan_to_num(volume.values)
    empty = np.zeros(values.shape, bool)
    coarse = _resampled(values, COARSE)
    low, high = (float(value) for value in np.quantile(coarse, RANGE))
    if not high > low:
        return empty
    rough = _run("bbox_model", _normalised(coarse, low, high)) > THRESHOLD
    box = _box(_largest(rough), values.shape)
    if box is None:
        return empty
    fine = _run("model", _normalised(_resampled(values[box], FINE), low, high))
    empty[box] = _filled(_resampled(fine, values[box].shape) > THRESHOLD)
    return empty


def _resampled(values: Grey, shape: tuple[int, ...]) -> Grey:
    """Nearest neighbours, of voxel centres."""
    for axis, size in enumerate(shape):
        scale = np.float32(values.shape[axis] / size)
        source = np.floor((np.arange(size, dtype=np.float32) + np.float32(0.5)) * scale).astype(np.intp)
        values = values.take(np.minimum(source, values.shape[axis] - 1), axis=axis)
    return values


def _normalised(values: Grey, low: float, high: float) -> Grey:
    clipped = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    spread = float(clipped.std(ddof=1, dtype=np.float64)) or 1.0
    return np.asarray(SPREAD * (clipped - clipped.mean(dtype=np.float64)) / spread + MEAN, np.float32)


def _box(mask: Bool, shape: tuple[int, ...]) -> Box | None:
    """The mask's box with its margin, in voxels of a grid of `shape`."""
    sides = []
    for axis, size in enumerate(shape):
        others = tuple(other for other in range(3) if other != axis)
        planes = np.flatnonzero(mask.mean(axis=others) > FOREGROUND)
        if not planes.size:
            return None
        first, last = float(planes[0]), float(planes[-1]) + 1.0
        scale = size / mask.shape[axis]
        centre, width = round(scale * (first + last) / 2), round(scale * (1 + 2 * MARGIN) * (last - first))
        sides.append(slice(max(0, int(centre - width / 2)), min(size, int(centre + width / 2))))
    return sides[0], sides[1], sides[2]


def _largest(mask: Bool) -> Bool:
    """The largest piece, of voxels that touch in any way."""
    from scipy import ndimage

    labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if not count:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax(), bool)


def _filled(mask: Bool) -> Bool:
    from scipy import ndimage

    return np.asarray(ndimage.binary_fill_holes(_largest(mask)), bool)


def _run(name: str, values: Grey) -> Grey:
    """The network's probability of brain."""
    (probability,) = _session(name).run(["probability"], {"image": values[None, None]})
    return np.asarray(probability[0, 1], np.float32)


@cache
def _session(name: str) -> Any:
    """One network, built once in each process."""
    from inference.local.linknet3d import build_graph
    from inference.local.torchscript_weights import read_weights

    path = _weights_file(name)
    if path is None:
        raise RuntimeError("deepbet's weights are not installed.")
    onnxruntime: Any = import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    # The peak of one volume would otherwise be kept for the life of the process.
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(build_graph(read_weights(path)), options, providers=["CPUExecutionProvider"])


def _weights_file(name: str) -> Path | None:
    try:
        path = Path(str(metadata.distribution("deepbet").locate_file(f"data/models/{name}.pt")))
    except metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None
