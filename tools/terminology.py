"""SNOMED CT names of targets, as DICOM's context groups use them (PS3.16 CID 244, 7150, 7151).

The table is `terminology.yaml`; a target without a code of its own is named by its model category, and one without
that is honestly a "Tissue".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from domain.codes import Code, Unit

SCT = "SCT"
PRIVATE_SCHEME = "99MEDIMAGE"
SIDES = ("left", "right", "both")


@dataclass(frozen=True)
class Concept:
    """What a mask shows.

    Attributes:
        category: segmented property category (CID 7150).
        kind: segmented property type (CID 7151): the organ, or what is abnormal.
        side: laterality modifier (CID 244), None when the target names none.
        region: where an abnormality is, when the target or its model category says so.
        specific: the code is the target's own, not its model category's.
    """

    category: Code
    kind: Code
    side: Code | None = None
    region: Code | None = None
    specific: bool = True

    @property
    def site(self) -> Code | None:
        """The anatomy to name as finding site: the organ itself, or the region of an abnormality."""
        return self.kind if self.category == category_code("structure") else self.region


@cache
def table() -> dict[str, Any]:
    """The terminology file."""
    text = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def category_code(name: str) -> Code:
    """Code of "structure", "abnormal", "substance" or "tissue"."""
    return _code(table()["categories"][name])


def procedure_code(modality: str) -> Code:
    """Imaging procedure of a DICOM modality; the general "Imaging procedure" for one that is not in the table."""
    scheme, value, meaning = table()["procedures"].get(modality, table()["procedures"]["default"])
    return Code(value, scheme, meaning)


@dataclass(frozen=True)
class MeasurementConcept:
    """How a measurement is called.

    Attributes:
        derivation: mean, minimum, … of `name` (CID 7464).
        method: how it was measured (CID 7473, 7474).
    """

    name: Code
    derivation: Code | None = None
    method: Code | None = None


def measurement_concept(name: str, unit: Unit, modality: str) -> MeasurementConcept:
    """Code a measurement by its name; one without a public code gets a private one, named as such."""
    row = table()["measurements"].get(name, {"name": [PRIVATE_SCHEME, name[:16], name.replace("_", " ")]})
    coded = {part: _full_code(row[part]) for part in row}
    return MeasurementConcept(
        coded.get("name") or _pixel_value(unit, modality), coded.get("derivation"), coded.get("method")
    )


def unit_code(unit: Unit) -> Code:
    """UCUM code of a unit."""
    return Code(str(unit), "UCUM", table()["units"][str(unit)])


def concept(target: str, category: str = "") -> Concept:
    """Name a target.

    Args:
        target: a prompt, e.g. "left kidney", "kidney tumor", "pleural effusion".
        category: one of the contract's sixteen names, "" when the model says none.
    """
    words = _spelled(" ".join(target.lower().split()))
    whole = _named(words, None)
    if whole is not None:
        return whole
    side, rest = _split_side(words)
    found = _named(rest, side) or _abnormality(rest, side)
    return found or _by_category(category, side)


def _full_code(row: list[str]) -> Code:
    return Code(str(row[1]), row[0], row[2])


def _pixel_value(unit: Unit, modality: str) -> Code:
    values = table()["pixel_values"]
    return _full_code(values["hounsfield"] if unit is Unit.HU else values.get(modality, values["default"]))


def _code(pair: list[str]) -> Code:
    return Code(str(pair[0]), SCT, pair[1])


def _spelled(words: str) -> str:
    return str(table()["spellings"].get(words, words))


def _side(name: str | None) -> Code | None:
    return None if name is None else _code(table()["sides"][name])


def _split_side(words: str) -> tuple[str | None, str]:
    first, _, rest = words.partition(" ")
    if first in SIDES and rest:
        return first, _spelled(rest)
    return None, words


def _structure(words: str) -> Code | None:
    pair = table()["structures"].get(words) or table()["paired"].get(words)
    return None if pair is None else _code(pair)


def _named(words: str, side: str | None) -> Concept | None:
    structure = _structure(words)
    if structure is not None:
        return Concept(category_code("structure"), structure, _side(side))
    if words in table()["substances"]:
        return Concept(category_code("substance"), _code(table()["substances"][words]), _side(side))
    return None


def _abnormality(words: str, side: str | None) -> Concept | None:
    """Longest suffix that names an abnormality; what stands before it may name the place."""
    parts = words.split()
    for start in range(len(parts)):
        pair = table()["abnormalities"].get(_spelled(" ".join(parts[start:])))
        if pair is not None:
            region = _region(parts[:start], parts[start:])
            return Concept(category_code("abnormal"), _code(pair), _side(side), region)
    return None


def _region(before: list[str], abnormality: list[str]) -> Code | None:
    named = _structure(_spelled(" ".join(before))) if before else None
    if named is not None:
        return named
    implied = (table()["implied_regions"].get(word) for word in [*before, *abnormality])
    return next((_structure(place) for place in implied if place), None)


def _by_category(category: str, side: str | None) -> Concept:
    known = category in table()["model_categories"]
    kind, value, meaning = table()["model_categories"][category if known else "other"]
    return Concept(category_code(kind), Code(value, SCT, meaning), _side(side), specific=False)
