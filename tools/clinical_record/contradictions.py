"""Find what contradicts itself in a record, and tell it from what changed and from rounding.

A false alarm costs a tumour board's trust, so every rule needs two statements that are meant as true (not possible,
planned, denied or of relatives) and gives the benefit of the doubt where a legitimate reason is thinkable.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from tools.clinical_record import rules_disease as disease
from tools.clinical_record import rules_examination as examination
from tools.clinical_record import rules_measurement as measurement
from tools.clinical_record import rules_patient as patient
from tools.clinical_record.contradiction import Contradiction, ContradictionKind, Rule, Severity
from tools.clinical_record.fact import ClinicalFact

RULES: tuple[Rule, ...] = (
    disease.primary_cancer,
    disease.primary_side,
    disease.histology,
    disease.stage,
    disease.biomarkers,
    disease.response,
    disease.conditions,
    measurement.one_examination,
    measurement.growth,
    examination.copied_report,
    examination.examination_dates,
    examination.specimens,
    examination.removed_organs,
    patient.age,
    patient.sex,
    patient.smoking,
    patient.allergies,
    patient.performance_status,
    patient.laboratory_grades,
    patient.laboratory_values,
    patient.recommendations,
    patient.cycles,
    patient.doses,
)
_KINDS = tuple(ContradictionKind)
_SEVERITIES = tuple(Severity)


def contradictions(facts: Iterable[ClinicalFact]) -> tuple[Contradiction, ...]:
    """Contradictions among the facts of one patient's documents: conflicts first, the gravest first."""
    every = sorted(facts, key=lambda f: (f.dated or date.min, f.document_id, f.span, f.attribute))
    found = [c for rule in RULES for c in rule(every) if len(c.statements) > 1]
    return tuple(sorted(found, key=lambda c: (_KINDS.index(c.kind), _SEVERITIES.index(c.severity), c.attribute)))
