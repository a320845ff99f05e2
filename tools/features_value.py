"""One image feature: a number with its unit, its family and, where IBSI defines it, its identifier."""

from __future__ import annotations

from dataclasses import dataclass

from domain.codes import Unit

FAMILIES = ("intensity", "histogram", "shape", "glcm", "glrlm", "glszm", "margin")


@dataclass(frozen=True)
class Feature:
    """A feature of the voxels under a mask, or of its outline.

    Attributes:
        unit: UCUM; "1" where the number has none.
        family: one of FAMILIES.
        ibsi_id: permanent identifier of the Image Biomarker Standardisation Initiative's reference manual
            (arXiv:1612.07003); "" where the manual has none.
    """

    name: str
    value: float
    unit: str
    family: str
    ibsi_id: str = ""


def squared(unit: str) -> str:
    """The unit of a square."""
    return unit if unit == Unit.ONE else f"{unit}2"


def named(family: str, unit: str, entries: dict[str, tuple[float, str]]) -> tuple[Feature, ...]:
    """Features of one family and unit, from name → (value, IBSI identifier)."""
    return tuple(Feature(name, float(value), unit, family, code) for name, (value, code) in entries.items())
