"""A clinical fact: one statement of one document, with where it stands and how sure it was meant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class FactKind(StrEnum):
    """What a fact is about."""

    DIAGNOSIS = "diagnosis"
    STAGE = "stage"
    BIOMARKER = "biomarker"
    TREATMENT = "treatment"
    MEASUREMENT = "measurement"
    SYMPTOM = "symptom"
    LABORATORY = "laboratory"
    PROCEDURE = "procedure"
    DEMOGRAPHIC = "demographic"
    PERFORMANCE_STATUS = "performance_status"


class Certainty(StrEnum):
    """How a statement was meant."""

    STATED = "stated"
    POSSIBLE = "possible"
    HISTORICAL = "historical"
    PLANNED = "planned"


@dataclass(frozen=True)
class ClinicalFact:
    """One statement.

    Attributes:
        attribute: what is stated, e.g. "primary cancer", "EGFR", "size", "creatinine".
        value: in canonical words and units, e.g. "lung", "negative", "36 x 25 mm", "0.87 mg/dL".
        qualifier: side, site, lesion, variant or dose; "" where the text gives none.
        dated: the day the fact is about, else the document's.
        until: the last day that `dated` may mean: another day only for "2007" or "January 2020".
        span: start and end in the document's text.
        sentence: the text between the sentence's ends, as written.
        negated: the text denies it.
        method: the examination or specimen that it comes from, e.g. "PET"; "" where unknown.
        numbers: the value's numbers in the value's unit.
        block: start of the line or list that the statement belongs to.
        previous: quoted from an earlier examination ("previously 2.7 x 2.4 cm").
        own_date: the text gives `dated` itself; False where it is the document's.
    """

    attribute: str
    value: str
    qualifier: str
    dated: date | None
    document_id: str
    span: tuple[int, int]
    sentence: str
    negated: bool
    certainty: Certainty
    kind: FactKind
    method: str = ""
    numbers: tuple[float, ...] = ()
    block: int = 0
    previous: bool = False
    own_date: bool = False
    until: date | None = None
