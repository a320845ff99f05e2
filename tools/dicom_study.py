"""Who was examined and when, as the header says it (PS3.3 C.7.1.1, C.7.2.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time

from domain.study import Patient
from tools.dicom_header import Header
from tools.series_identity import derived_uid, is_uid

_DATE = re.compile(r"(\d{4})[.\-/]?(\d{2})[.\-/]?(\d{2})")
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(?:\.(\d{1,6}))?")


@dataclass(frozen=True)
class StudyFacts:
    """Study-level attributes of one file."""

    study_uid: str
    series_uid: str
    patient: Patient
    accession_number: str
    description: str
    started: datetime | None
    referring_physician: str


def study_facts(header: Header) -> StudyFacts:
    """Read them; a UID that is missing or not one is derived from what is there, with a note."""
    patient = patient_of(header)
    instance = header.text("SOPInstanceUID") or header.name
    study_uid = _uid(header, "StudyInstanceUID", patient.key, instance)
    return StudyFacts(
        study_uid=study_uid,
        series_uid=_uid(header, "SeriesInstanceUID", study_uid, instance),
        patient=patient,
        accession_number=header.text("AccessionNumber"),
        description=header.text("StudyDescription"),
        started=_started(header),
        referring_physician=header.text("ReferringPhysicianName"),
    )


def patient_of(header: Header) -> Patient:
    """The patient module; names in the header's own character set."""
    return Patient(
        patient_id=header.text("PatientID"),
        issuer=header.text("IssuerOfPatientID"),
        name=header.text("PatientName"),
        birth_date=parse_date(header.text("PatientBirthDate")),
        sex=header.text("PatientSex"),
    )


def parse_date(text: str) -> date | None:
    """A DA value, also with the separators of ACR-NEMA; None when it is no date."""
    match = _DATE.match(text)
    try:
        return date(*(int(part) for part in match.groups())) if match else None
    except ValueError:
        return None


def parse_time(text: str) -> time | None:
    """A TM value of any precision; None when it is no time."""
    match = _TIME.match(text)
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups()
    try:
        return time(int(hours), int(minutes or 0), min(int(seconds or 0), 59), int((fraction or "0").ljust(6, "0")))
    except ValueError:
        return None


def _started(header: Header) -> datetime | None:
    day = parse_date(header.text("StudyDate"))
    if day is None:
        return None
    return datetime.combine(day, parse_time(header.text("StudyTime")) or time())


def _uid(header: Header, keyword: str, *parts: str) -> str:
    stated = header.text(keyword)
    if is_uid(stated):
        return stated
    header.note(f"{keyword} is {'not a UID' if stated else 'missing'}: another was derived")
    return derived_uid(keyword, stated, *(() if stated else parts))
