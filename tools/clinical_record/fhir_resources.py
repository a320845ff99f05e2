"""Clinical resources of FHIR R4 in words: kind, title, lines and day of each. Source: https://hl7.org/fhir/R4.

A line ends with the statuses that a reader must know, such as "(preliminary)" or "(provisional, inactive)".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from domain.history import DocumentKind
from tools.clinical_record.fhir_values import (
    Resource,
    attachment,
    code,
    concept,
    day,
    listed,
    mapping,
    quantity,
    reference_range,
    text,
    value_of,
)

_PLAIN = frozenset({"", "final", "completed", "active", "confirmed", "current", "finished", "available", "amended"})
"""Statuses that need no word: what a reader expects anyway."""
_PATHOLOGY = ("patholog", "cytolog", "histolog", "sp", "pat", "cp")
_IMAGING = ("radiolog", "imaging", "rad", "ct", "mri", "pet", "ultrasound", "x-ray", "nuclear")
_LABORATORY = ("laboratory", "lab", "hematology", "chemistry", "microbiology")

Reading = tuple[DocumentKind, str, list[str], date | None]


def _marked(line: str, resource: Resource) -> str:
    """A line with the statuses that a reader must know: "(provisional, inactive)"."""
    intent = text(resource.get("intent"))
    statuses = (
        intent if intent in {"plan", "proposal"} else "",
        text(resource.get("status")),
        code(resource.get("verificationStatus")),
        code(resource.get("clinicalStatus")),
    )
    said = [s for s in statuses if s not in _PLAIN]
    return f"{line} ({', '.join(said)})" if line and said else line


def _note(resource: Resource) -> Reading:
    title = concept(resource.get("type")) or "Note"
    bodies = [attachment(c.get("attachment")) for c in listed(resource.get("content"))]
    return (
        _kind_of(title),
        title,
        [_marked(b, {"status": resource.get("docStatus")}) for b in bodies],
        day(mapping(resource.get("context")).get("period"), resource.get("date")),
    )


def _report(resource: Resource) -> Reading:
    title = concept(resource.get("code")) or "Report"
    about = f"{title} {concept(resource.get('category'))} {code(resource.get('category'))}"
    lines = [attachment(a) for a in listed(resource.get("presentedForm"))]
    conclusion = text(resource.get("conclusion")) or concept(resource.get("conclusionCode"))
    results = [text(r.get("display")) for r in listed(resource.get("result"))]
    if conclusion:
        lines.append(f"Conclusion: {conclusion}")
    if not lines or not any(lines):
        named = ", ".join(r for r in results if r)
        lines = [f"{title}: {named}" if named else title]
    lines[-1] = _marked(lines[-1], resource)
    return (
        _kind_of(about, DocumentKind.LABORATORY),
        title,
        lines,
        day(resource.get("effectiveDateTime"), resource.get("effectivePeriod"), resource.get("issued")),
    )


def _kind_of(about: str, default: DocumentKind = DocumentKind.NOTE) -> DocumentKind:
    lowered = about.lower()
    tokens = set(lowered.replace("/", " ").split())
    for kind, marks in (
        (DocumentKind.PATHOLOGY_REPORT, _PATHOLOGY),
        (DocumentKind.IMAGING_REPORT, _IMAGING),
        (DocumentKind.LABORATORY, _LABORATORY),
    ):
        if any(mark in tokens or (len(mark) > 3 and mark in lowered) for mark in marks):
            return kind
    return default


def _observation(resource: Resource) -> Reading:
    title = concept(resource.get("code")) or "Observation"
    lines = [_marked(_result(resource, title), resource)]
    for component in listed(resource.get("component")):
        lines.append(_result(component, concept(component.get("code")) or title))
    lines += [f"Note: {text(n.get('text'))}" for n in listed(resource.get("note")) if text(n.get("text"))]
    category = code(resource.get("category"))
    kind = DocumentKind.LABORATORY if category in {"", "laboratory"} else DocumentKind.NOTE
    return (
        kind,
        title,
        lines,
        day(
            resource.get("effectiveDateTime"),
            resource.get("effectivePeriod"),
            resource.get("effectiveInstant"),
            resource.get("issued"),
        ),
    )


def _result(resource: Resource, title: str) -> str:
    value = value_of(resource)
    absent = concept(resource.get("dataAbsentReason"))
    if not value and not absent:
        return ""
    limits, grade = reference_range(resource.get("referenceRange")), code(resource.get("interpretation"))
    extra = [f"({grade})" if grade in {"H", "L", "HH", "LL"} else f"[{grade}]" if grade and grade != "N" else ""]
    extra.append(f"(reference {limits})" if limits else "")
    return " ".join(part for part in (f"{title}: {value or f'no value, {absent}'}", *extra) if part)


def _condition(resource: Resource) -> Reading:
    title = concept(resource.get("code"))
    site, severity = concept(resource.get("bodySite")), concept(resource.get("severity"))
    stages = [concept(s.get("summary")) for s in listed(resource.get("stage"))]
    extra = ", ".join(part for part in (site, severity, *stages) if part)
    line = _marked(f"{title}, {extra}" if extra else title, resource)
    ended = day(resource.get("abatementDateTime"), resource.get("abatementPeriod"))
    return (
        DocumentKind.CONDITION,
        title,
        [line, f"Ended {ended.isoformat()}" if ended and title else ""],
        day(resource.get("onsetDateTime"), resource.get("onsetPeriod"), resource.get("recordedDate")),
    )


def _procedure(resource: Resource) -> Reading:
    title = concept(resource.get("code"))
    extra = [concept(resource.get("bodySite")), concept(resource.get("reasonCode")), concept(resource.get("outcome"))]
    line = _marked(", ".join(part for part in (title, *extra) if part), resource)
    return (
        DocumentKind.PROCEDURE,
        title,
        [line],
        day(resource.get("performedDateTime"), resource.get("performedPeriod")),
    )


def _medication(resource: Resource) -> Reading:
    reference = mapping(resource.get("medicationReference"))
    title = concept(resource.get("medicationCodeableConcept")) or text(reference.get("display"))
    doses = [_dose(d) for d in (*listed(resource.get("dosageInstruction")), *listed(resource.get("dosage")))]
    line = _marked(", ".join(part for part in (title, *doses) if part), resource)
    return (
        DocumentKind.MEDICATION,
        title,
        [line if title else ""],
        day(resource.get("authoredOn"), resource.get("effectiveDateTime"), resource.get("effectivePeriod")),
    )


def _dose(dosage: Resource) -> str:
    written = text(dosage.get("text"))
    if written:
        return written
    amount = next((quantity(d.get("doseQuantity")) for d in listed(dosage.get("doseAndRate"))), "")
    repeat = mapping(mapping(dosage.get("timing")).get("repeat"))
    frequency, period, unit = (text(repeat.get(key)) for key in ("frequency", "period", "periodUnit"))
    rhythm = f"{frequency} every {period} {unit}" if frequency and period and unit else ""
    needed = "as needed" if dosage.get("asNeededBoolean") is True else ""
    return " ".join(part for part in (amount, rhythm, needed) if part)


def _allergy(resource: Resource) -> Reading:
    title = concept(resource.get("code"))
    reactions = [concept(r.get("manifestation")) for r in listed(resource.get("reaction"))]
    told = ", ".join(r for r in reactions if r)
    line = _marked(f"Allergy to {title}" + (f": {told}" if told else ""), resource) if title else ""
    return DocumentKind.ALLERGY, title, [line], day(resource.get("onsetDateTime"), resource.get("recordedDate"))


def _immunisation(resource: Resource) -> Reading:
    title = concept(resource.get("vaccineCode"))
    return (
        DocumentKind.IMMUNISATION,
        title,
        [_marked(title, resource)],
        day(resource.get("occurrenceDateTime"), resource.get("occurrenceString")),
    )


def _imaging(resource: Resource) -> Reading:
    series = list(listed(resource.get("series")))
    modalities = [concept({"coding": [mapping(s.get("modality"))]}) for s in series]
    sites = [concept({"coding": [mapping(s.get("bodySite"))]}) for s in series]
    named = text(resource.get("description")) or concept(resource.get("procedureCode"))
    told = dict.fromkeys(part for part in (named, *modalities, *sites) if part)
    line = _marked(f"Imaging study: {', '.join(told)}" if told else "", resource)
    return DocumentKind.NOTE, "Imaging study", [line], day(resource.get("started"))


READERS: dict[str, Callable[[Resource], Reading]] = {
    "DocumentReference": _note,
    "DiagnosticReport": _report,
    "Condition": _condition,
    "Observation": _observation,
    "Procedure": _procedure,
    "MedicationRequest": _medication,
    "MedicationStatement": _medication,
    "AllergyIntolerance": _allergy,
    "Immunization": _immunisation,
    "ImagingStudy": _imaging,
}
"""A resource type's reader; types that are absent here are administration."""
