"""Search for similar images: exact cosine similarity over unit vectors, one table a modality.

It holds opaque ids and vectors, no names, dates or pixels: what an id stands for is known to the records only.
Nothing is approximated: at 100,000 vectors of 1024 numbers a search reads 400 MB once. A saved index is read through
the page cache (`numpy.memmap`) until something is added; loading checks its digest once. One process owns an index.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.embedding import Embeddings
from domain.errors import ConfigurationError

FORMAT = 1
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_MODALITY = re.compile(r"[A-Z]{1,16}")
_UNIT_TOLERANCE = 1e-3
_FILE = "index.json"


@dataclass(frozen=True)
class Item:
    """What a vector belongs to.

    Attributes:
        item_id: opaque, unique in the index.
        group: opaque id that items share (of a study or a patient), so that a search can leave its own out; or "".
    """

    item_id: str
    group: str = ""


@dataclass(frozen=True)
class Hit:
    """A similar image; similarity is the cosine, −1 to 1."""

    item: Item
    modality: str
    similarity: float


class ImageIndex:
    """Vectors of one embedding model.

    Args:
        model: "name@version" that made the vectors; vectors of different models cannot be compared.
        size: numbers in a vector.
    """

    def __init__(self, model: str, *, size: int = 1024) -> None:
        self.model = model
        self.size = size
        self._tables: dict[str, _Table] = {}
        self._modality_of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._modality_of)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._modality_of

    @property
    def modalities(self) -> dict[str, int]:
        """Number of vectors of each modality."""
        return {name: len(table.items) for name, table in sorted(self._tables.items())}

    def add(self, item: Item, modality: str, vector: NDArray[np.float32]) -> None:
        """Add a vector, or replace that of the same id.

        Raises:
            ValueError: no opaque id, no DICOM modality, or no unit vector of the index's size.
        """
        if not _ID.fullmatch(item.item_id) or not (item.group == "" or _ID.fullmatch(item.group)):
            raise ValueError("An id has 1 to 128 letters, digits, '.', '_', ':' or '-'.")
        if not _MODALITY.fullmatch(modality):
            raise ValueError("A modality has 1 to 16 capital letters.")
        unit = self._unit(vector)
        self.remove(item.item_id)
        self._tables.setdefault(modality, _Table(self.size)).append(item, unit)
        self._modality_of[item.item_id] = modality

    def remove(self, item_id: str) -> bool:
        """Forget a vector. False when there was none."""
        modality = self._modality_of.pop(item_id, None)
        if modality is None:
            return False
        table = self._tables[modality]
        table.remove(item_id)
        if not table.items:
            del self._tables[modality]
        return True

    def search(
        self, vector: NDArray[np.float32], *, modality: str, count: int = 10, without_group: str = ""
    ) -> tuple[Hit, ...]:
        """The `count` most similar images of a modality, most similar first; equal ones by id.

        Args:
            without_group: items of this group are left out.

        Raises:
            ValueError: no unit vector of the index's size, or a count below 1.
        """
        if count < 1:
            raise ValueError(f"{count} results are none.")
        unit = self._unit(vector)
        table = self._tables.get(modality)
        if table is None:
            return ()
        found = table.nearest(unit, count, without_group)
        return tuple(Hit(item, modality, similarity) for item, similarity in found)

    def vectors(self, modality: str) -> Embeddings:
        """(n, size) of a modality, read-only; as references for `inference.reference_set`."""
        table = self._tables.get(modality)
        view = table.vectors.view() if table else np.empty((0, self.size), np.float32)
        view.flags.writeable = False
        return view

    def save(self, folder: Path) -> None:
        """Write the index; a reader sees the old one or the new one, whole."""
        folder.mkdir(parents=True, exist_ok=True)
        tables = {name: _saved(table, name, folder) for name, table in self._tables.items()}
        facts = {"format": FORMAT, "model": self.model, "size": self.size, "tables": tables}
        _replace(folder / _FILE, json.dumps(facts).encode())
        kept = {str(facts["file"]) for facts in tables.values()}
        for path in folder.glob("vectors-*.npy"):
            if path.name not in kept:
                path.unlink(missing_ok=True)

    @classmethod
    def load(cls, folder: Path, *, model: str) -> ImageIndex:
        """Read a saved index; vectors stay on disk until they are searched.

        Raises:
            ConfigurationError: there is none, it is damaged, or its vectors are another model's.
        """
        facts = _facts(folder)
        if facts.get("model") != model:
            raise ConfigurationError(
                "The image index holds vectors of another model or version.",
                remedy="Embed the images again with the configured model.",
                where=folder.name,
            )
        try:
            index = cls(model, size=int(facts["size"]))
            for modality, table in facts["tables"].items():
                index._tables[modality] = _loaded(folder, table, index.size)
                index._modality_of |= dict.fromkeys(index._tables[modality].rows, modality)
            return index
        except (KeyError, TypeError, ValueError, AttributeError, OSError, EOFError) as error:
            raise _damaged(folder) from error

    def _unit(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        unit = np.asarray(vector, dtype=np.float32)
        if unit.shape != (self.size,) or not abs(float(np.linalg.norm(unit)) - 1) <= _UNIT_TOLERANCE:
            raise ValueError(f"Not a unit vector of {self.size} numbers.")
        return unit


class _Table:
    """Vectors of one modality in rows; the last row takes the place of a removed one."""

    def __init__(self, size: int) -> None:
        self.items: list[Item] = []
        self.rows: dict[str, int] = {}
        self._store: NDArray[np.float32] = np.empty((0, size), np.float32)

    @classmethod
    def of(cls, items: list[Item], store: NDArray[np.float32]) -> _Table:
        table = cls(store.shape[1])
        table.items, table._store = items, store
        table.rows = {item.item_id: row for row, item in enumerate(items)}
        return table

    @property
    def vectors(self) -> NDArray[np.float32]:
        return self._store[: len(self.items)]

    def append(self, item: Item, vector: NDArray[np.float32]) -> None:
        count = len(self.items)
        self._make_room(count + 1)
        self._store[count] = vector
        self.items.append(item)
        self.rows[item.item_id] = count

    def remove(self, item_id: str) -> None:
        self._make_room(len(self.items))
        row, last = self.rows.pop(item_id), len(self.items) - 1
        moved = self.items.pop()
        if row != last:
            self._store[row] = self._store[last]
            self.items[row] = moved
            self.rows[moved.item_id] = row

    def nearest(self, unit: NDArray[np.float32], count: int, without_group: str) -> Iterator[tuple[Item, float]]:
        similarities = self.vectors @ unit
        allowed = np.arange(len(self.items))
        if without_group:
            allowed = np.array([row for row in allowed if self.items[row].group != without_group], dtype=np.intp)
        if allowed.size > count:
            cutoff = np.partition(similarities[allowed], -count)[-count]
            allowed = allowed[similarities[allowed] >= cutoff]
        best = sorted(allowed.tolist(), key=lambda row: (-float(similarities[row]), self.items[row].item_id))[:count]
        return ((self.items[row], min(1.0, max(-1.0, float(similarities[row])))) for row in best)

    def _make_room(self, count: int) -> None:
        """A writable store of at least `count` rows; a mapped file becomes memory."""
        if count <= len(self._store) and self._store.flags.writeable:
            return
        larger = np.empty((max(count, 64, len(self._store) * 3 // 2), self._store.shape[1]), np.float32)
        larger[: len(self.items)] = self.vectors
        self._store = larger


def _saved(table: _Table, modality: str, folder: Path) -> dict[str, Any]:
    """Vectors under a name that tells their content, so that writing never changes a file that is read."""
    vectors = np.ascontiguousarray(table.vectors)
    digest = hashlib.sha256(vectors.data).hexdigest()
    name = f"vectors-{modality}-{digest[:24]}.npy"
    if not (folder / name).exists():
        partial = folder / f"{name}.partial"
        with partial.open("wb") as stream:
            np.save(stream, vectors, allow_pickle=False)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(folder / name)
    return {"file": name, "sha256": digest, "items": [[item.item_id, item.group] for item in table.items]}


def _loaded(folder: Path, facts: dict[str, Any], size: int) -> _Table:
    name = str(facts["file"])
    if Path(name).name != name:
        raise ValueError("A file outside the index.")
    vectors: NDArray[np.float32] = np.load(folder / name, mmap_mode="r", allow_pickle=False)
    items = [Item(str(item_id), str(group)) for item_id, group in facts["items"]]
    if vectors.dtype != np.float32 or vectors.shape != (len(items), size) or len(set(items)) != len(items):
        raise ValueError("Ids and vectors do not belong together.")
    if hashlib.sha256(np.ascontiguousarray(vectors).data).hexdigest() != facts["sha256"]:
        raise ValueError("Vectors are not those that were saved.")
    return _Table.of(items, vectors)


def _facts(folder: Path) -> dict[str, Any]:
    try:
        facts = json.loads((folder / _FILE).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(folder) from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise _damaged(folder)
    return facts


def _damaged(folder: Path) -> ConfigurationError:
    return ConfigurationError(
        "The image index is missing or damaged.", remedy="Embed the images again and save a new one.", where=folder.name
    )


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
