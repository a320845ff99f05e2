"""Coded concepts and units, as (scheme, value, meaning)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Code:
    """A coded concept (DICOM PS3.3 8.8; FHIR Coding)."""

    value: str
    scheme: str
    meaning: str


class Unit(StrEnum):
    """UCUM units used by measurements."""

    MM = "mm"
    MM2 = "mm2"
    ML = "mL"
    HU = "[hnsf'U]"
    ONE = "1"
    PERCENT = "%"


class Category(StrEnum):
    """MedImageParse's sixteen categories (`text_features` of its response)."""

    LIVER = "liver"
    LUNG = "lung"
    KIDNEY = "kidney"
    PANCREAS = "pancreas"
    HEART = "heart anatomies"
    BRAIN = "brain anatomies"
    EYE = "eye anatomies"
    VESSEL = "vessel"
    OTHER_ORGAN = "other organ"
    TUMOR = "tumor"
    INFECTION = "infection"
    OTHER_LESION = "other lesion"
    FLUID = "fluid disturbance"
    OTHER_ABNORMALITY = "other abnormality"
    HISTOLOGY = "histology structure"
    OTHER = "other"
