"""Documents out of a FHIR R4 Bundle: what is clinical in it as text, one line a value, with what may not be used.

Read: DocumentReference, DiagnosticReport, Condition, Observation, Procedure, MedicationRequest, MedicationStatement,
AllergyIntolerance, Immunization, ImagingStudy. Source: https://hl7.org/fhir/R4/resourcelist.html. What was entered in
error or refuted is left out; what is not certain or not final says so in its line. Billing and administration are
passed over. A resource of another patient is refused, never silently mixed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from domain.errors import UnusableInput
from domain.history import HistoryDocument
from tools.clinical_record.fhir_resources import READERS
from tools.clinical_record.fhir_values import Resource, code, listed, mapping, text

_LEFT_OUT = frozenset({"entered-in-error", "refuted", "cancelled", "not-done"})


@dataclass(frozen=True)
class Refused:
    """A resource that is not used, and why; without patient data."""

    resource: str
    reason: str


@dataclass(frozen=True)
class BundleDocuments:
    """What a Bundle gave.

    Attributes:
        documents: oldest first, those without a date last.
        refused: resources that could not or may not be used.
    """

    documents: tuple[HistoryDocument, ...]
    refused: tuple[Refused, ...]


def documents_of(bundle: Mapping[str, object], patient_id: str = "") -> BundleDocuments:
    """Documents of one patient.

    Args:
        bundle: a FHIR R4 Bundle as it was parsed from JSON.
        patient_id: logical id of the patient; "" for the only one of the Bundle. Where it holds several and none is
            named, everything is refused.

    Raises:
        UnusableInput: no Bundle.
    """
    if not isinstance(bundle, Mapping) or bundle.get("resourceType") != "Bundle":
        raise UnusableInput("This is no FHIR Bundle.", remedy="Send a resource of type Bundle.", where="resourceType")
    entries = [(text(e.get("fullUrl")), mapping(e.get("resource"))) for e in listed(bundle.get("entry"))]
    names = _names_of_patient(entries, patient_id)
    documents: dict[str, HistoryDocument] = {}
    refused: list[Refused] = []
    for number, (_, resource) in enumerate(entries, start=1):
        name = f"{text(resource.get('resourceType')) or 'entry'}/{text(resource.get('id')) or number}"
        reason = _reason_against(resource, names)
        if reason:
            refused.append(Refused(name, reason))
            continue
        made = _document(resource, name)
        if name in documents:
            refused.append(Refused(name, "the Bundle holds it twice"))
        elif made is not None and made.text.strip():
            documents[name] = made
        elif made is not None:
            refused.append(Refused(name, "it holds no text and no value"))
    ordered = sorted(documents.values(), key=lambda d: (d.dated or date.max, d.document_id))
    return BundleDocuments(tuple(ordered), tuple(refused))


def _names_of_patient(entries: list[tuple[str, Resource]], patient_id: str) -> frozenset[str]:
    """Every way in which the patient may be referred to; empty where several are meant and none is named."""
    patients = [(url, text(r.get("id"))) for url, r in entries if r.get("resourceType") == "Patient"]
    if patient_id:
        patients = [(url, i) for url, i in patients if patient_id in {i, url, url.rpartition(":")[2]}] or [
            ("", patient_id)
        ]
    if not patients:
        referred = {_reference(r) for _, r in entries if r.get("resourceType") in READERS} - {""}
        return frozenset(referred) if len(referred) == 1 else frozenset()
    if len({i or url for url, i in patients}) > 1:
        return frozenset()
    names = {n for url, i in patients for n in (url, *((i, f"Patient/{i}", f"urn:uuid:{i}") if i else ())) if n}
    return frozenset(names)


def _reference(resource: Resource) -> str:
    subject = mapping(resource.get("subject") or resource.get("patient"))
    return text(subject.get("reference")).split("/_history")[0]


def _is_patient(reference: str, names: frozenset[str]) -> bool:
    """An absolute address must be the patient's own where that is known: another server counts its patients anew."""
    if reference in names:
        return True
    absolute = "://" in reference
    known = any("://" in name for name in names)
    return (
        absolute and not known and any(reference.endswith(f"/{name}") for name in names if name.startswith("Patient/"))
    )


def _reason_against(resource: Resource, names: frozenset[str]) -> str:
    """Why a clinical resource may not be used, "" where it may."""
    kind = text(resource.get("resourceType"))
    if kind not in READERS:
        return ""
    wrong = _LEFT_OUT & {
        text(resource.get("status")),
        code(resource.get("verificationStatus")),
        text(resource.get("docStatus")),
    }
    if wrong:
        return f"its status is {min(wrong)}"
    if resource.get("doNotPerform") is True:
        return "it forbids what it names"
    reference = _reference(resource)
    if not reference:
        return "it names no patient"
    if not names:
        return "the Bundle holds several patients, and none was named"
    return "" if _is_patient(reference, names) else "it belongs to another patient"


def _document(resource: Resource, name: str) -> HistoryDocument | None:
    reader = READERS.get(text(resource.get("resourceType")))
    if reader is None:
        return None
    kind, title, lines, dated = reader(resource)
    body = "\n".join(line for line in lines if line.strip())
    return HistoryDocument(name, kind, title or text(resource.get("resourceType")), body, dated, f"FHIR {name}")
