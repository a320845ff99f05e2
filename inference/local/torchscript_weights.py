"""Weights out of a TorchScript archive, without torch and without running what lies in it.

A TorchScript file is a zip: `data.pkl`, a pickle of the tree of modules that refers to tensors by key, and
the tensors' raw bytes under `data/`. The pickle is read by an unpickler that knows four harmless names and
turns every module into an attribute holder; any other name refuses the file.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DAMAGE = (
    *(OSError, EOFError, zipfile.BadZipFile, StopIteration, pickle.UnpicklingError),
    *(KeyError, IndexError, ValueError, TypeError, AttributeError),
)
"""What a damaged or foreign archive may raise on the way."""

_TYPES = {"FloatStorage": np.dtype("<f4"), "HalfStorage": np.dtype("<f2"), "DoubleStorage": np.dtype("<f8")}


class WeightsUnreadable(ValueError):
    """Not a TorchScript archive of plain weights."""


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """Parameters by their dotted path in the module tree ("down0.block1.double_conv.0.weight").

    Raises:
        WeightsUnreadable: not such an archive, or one that asks for more than weights.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(entry for entry in archive.namelist() if entry.endswith("/data.pkl"))
            tree = _Unpickler(archive.read(name), archive, name.removesuffix("data.pkl")).load()
    except _DAMAGE as error:
        raise WeightsUnreadable(f"{path.name} is not a TorchScript archive of weights.") from error
    return dict(_walk(tree, ""))


def _walk(node: object, prefix: str) -> Iterator[tuple[str, NDArray[np.float32]]]:
    if isinstance(node, _Module):
        for name, child in vars(node).items():
            if isinstance(child, np.ndarray):
                yield f"{prefix}{name}", child
            else:
                yield from _walk(child, f"{prefix}{name}.")


class _Module:
    """Stands for any module of the archive: it only holds attributes."""


@dataclass(frozen=True)
class _Storage:
    dtype: np.dtype[Any]
    raw: bytes


def _tensor(storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Any:
    values = np.frombuffer(storage.raw, storage.dtype)
    contiguous = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    if tuple(stride) != contiguous or offset + math.prod(shape) > values.size:
        raise WeightsUnreadable("A tensor does not lie in one piece in its storage.")
    return values[offset : offset + math.prod(shape)].reshape(shape).astype(np.float32)


class _Unpickler(pickle.Unpickler):
    def __init__(self, content: bytes, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(io.BytesIO(content))
        self._archive = archive
        self._root = root

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("__torch__"):
            return _Module
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a file of weights.")

    def persistent_load(self, pid: Any) -> _Storage:
        _, dtype, key, _, _ = pid
        return _Storage(dtype, self._archive.read(f"{self._root}data/{key}"))
