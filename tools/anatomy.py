"""What is known of the size, density and place of structures; the data and their sources are in `anatomy.yaml`.

The limits serve to doubt a mask. They are far wider than any normal range and are never reported as norms.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from domain.model import PROJECTION_RADIOGRAPHY

Range = tuple[float, float]


@dataclass(frozen=True)
class Anatomy:
    """One structure's plausible range. None and 0 mean that nothing is known.

    Attributes:
        kind: "organ" (must be there when its region is imaged), "lesion" (may be absent) or "tissue" (anywhere).
        side: "left", "right" or "".
        volume_ml: smallest and largest whole structure.
        area_mm2: largest cross-section in one axial slice.
        least_mm2: least size of that of a mask which spans 40 mm or more.
        hu_tissue: lowest and highest value of its tissue, and the least fraction of voxels between them.
        across: centroid, 0 at the patient's right skin, 1 at the left.
        depth: centroid, 0 at the patient's front, 1 at the back.
        image: fraction of a projection image that it covers.
        down: centroid on a frontal projection, 0 at its upper border, 1 at its lower.
        darker: least difference to its surroundings on a projection, in standard deviations of the image.
        body: largest fraction of the body's cross-section in the slices that it occupies.
        parts: most separate pieces.
        part_of: structures that may contain it.
    """

    name: str
    kind: str
    category: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    side: str = ""
    paired: bool = False
    volume_ml: Range | None = None
    area_mm2: float = 0.0
    least_mm2: float = 0.0
    diameter_mm: float = 0.0
    hu_mean: Range | None = None
    hu_tissue: tuple[float, float, float] | None = None
    across: Range | None = None
    depth: Range | None = None
    image: Range | None = None
    down: Range | None = None
    darker: float = 0.0
    body: float = 0.0
    parts: int = 0
    part_of: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Name with its side."""
        return f"{self.side} {self.name}".strip()


def side_of(target: str) -> str:
    """`left` or `right` when the target names a side of the patient, else "".

    Chambers of the heart and lobes carry a side in their name that is not a side of the patient.
    """
    words = target.lower().replace("-", " ").split()
    sides = {word for word in words if word in {"left", "right"}}
    if len(sides) != 1 or any(word in words for word in _document()["not_sided"]):
        return ""
    return sides.pop()


def anatomy(target: str) -> Anatomy | None:
    """Facts of a target's text ("left kidney", "IVC", "COVID-19 infection"); None when nothing is known."""
    text = " ".join(target.lower().split())
    known = _structures().get(_resolve(text))
    if known is not None:
        return known
    side = side_of(text)
    if not side:
        return None
    whole = _structures().get(_resolve(" ".join(word for word in text.split() if word != side)))
    return _one_side(whole, side) if whole is not None else None


def compatible(first: Anatomy, second: Anatomy) -> bool:
    """Whether two structures may share voxels: one contains the other, they are the same, or one is a lesion."""
    if first.kind != "organ" or second.kind != "organ":
        return True
    if first.name == second.name:
        return not (first.side and second.side) or first.side == second.side
    return second.name in first.part_of or first.name in second.part_of


def imaging_kind(modality: str) -> str:
    """DICOM modality as the table's kind of image: CT, MR, XR, US, …; the modality itself when it has no other name."""
    if modality in PROJECTION_RADIOGRAPHY:
        return "XR"
    return _MODALITIES.get(modality, modality)


_MODALITIES = {
    "OP": "fundus",
    "OPT": "OCT",
    "ES": "endoscopy",
    "SM": "pathology",
    "GM": "pathology",
    "DMS": "dermoscopy",
    "XC": "dermoscopy",
    "IVUS": "US",
}


def _resolve(text: str) -> str:
    alias = _document()["aliases"].get(text, text)
    return str(alias)


def _one_side(whole: Anatomy, side: str) -> Anatomy:
    if not whole.paired:
        return replace(whole, side=side, across=None)
    own = _fields(_document()["structures"][whole.name].get("side", {}))
    across = own.get("across")
    if side == "right" and across is not None:
        own["across"] = (1 - across[1], 1 - across[0])
    return replace(whole, side=side, **own)


def _fields(entry: dict[str, Any]) -> dict[str, Any]:
    lists_to_tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    lists_to_tuples.pop("side", None)
    return lists_to_tuples


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("anatomy.yaml").read_text("utf-8"))
    return document


@cache
def _structures() -> dict[str, Anatomy]:
    document = _document()
    found = {}
    for name, entry in document["structures"].items():
        fields = _fields(entry)
        fields["sources"] = tuple(document["sources"][key] for key in fields["sources"])
        found[name] = Anatomy(name=name, **fields)
    return found
