"""Whom a study is about, read from its stored files: what must be searched for in whatever a reviewer writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from domain.errors import MedImageError
from domain.study import Patient
from records.studies import StudyRecord
from tools.dicom_header import read_header
from tools.dicom_study import study_facts


@dataclass(frozen=True)
class Person:
    """The patient, and further identifiers of the study."""

    patient: Patient
    identifiers: tuple[str, ...]


def person_of(record: StudyRecord, folder: Path) -> Person:
    """From the first file that is DICOM and of this patient; what the record knows, where there is none."""
    identifiers = [record.study_uid, record.accession]
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            facts = study_facts(read_header(path, "a file of the study"))
        except MedImageError:
            continue
        if facts.patient.key == record.patient_key:
            named = (*identifiers, facts.accession_number, facts.referring_physician)
            return Person(facts.patient, tuple(dict.fromkeys(n for n in named if n)))
    issuer = record.patient_key.removesuffix(record.patient_id).removesuffix("|")
    return Person(Patient(record.patient_id, issuer), tuple(n for n in identifiers if n))
