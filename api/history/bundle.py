"""The entries of an uploaded FHIR Bundle that are the study's patient's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domain.errors import PatientLockViolation
from domain.study import Refusal
from interop.fhir_patient import about, belongs, carries

CONFIRM = "confirmed=true"
_REMEDY = f"Send the bundle of the study's patient; with {CONFIRM} when a person has checked that it is."


def of_patient(
    entries: Sequence[Mapping[str, Any]], patient_id: str, *, confirmed: bool
) -> tuple[list[dict[str, Any]], list[Refusal]]:
    """Entries about the study's patient, and the clinical ones that are not, with the reason.

    Args:
        patient_id: the PatientID of the study's images; a Patient that carries it as an identifier is theirs.
        confirmed: a person says that the bundle's only patient is the study's, though no identifier says so.

    Raises:
        PatientLockViolation: nothing says whose the bundle is.
    """
    names = _names(list(_patients(entries)), patient_id, confirmed=confirmed) or _only_subject(entries, confirmed)
    binaries = dict(_binaries(entries))
    kept: list[dict[str, Any]] = []
    refused: list[Refusal] = []
    for entry in entries:
        resource = entry.get("resource")
        if not isinstance(resource, dict) or not _subject(resource):
            continue
        if belongs(resource, names):
            kept.append({"resource": _whole(about(resource, min(names)), binaries)})
        else:
            reason = "It is about another patient than the study's."
            refused.append(Refusal(entry_name(resource), reason, "Send only entries of the study's patient."))
    return kept, refused


def entry_name(resource: Mapping[str, Any]) -> str:
    """Kind and id of an entry, shortened."""
    return f"{resource.get('resourceType', '')}/{resource.get('id', '')}"[:100]


def _binaries(entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Content of the bundle's Binary entries by each of their addresses."""
    for entry in entries:
        resource = entry.get("resource")
        if isinstance(resource, dict) and resource.get("resourceType") == "Binary":
            for address in {str(entry.get("fullUrl", "")), f"Binary/{resource.get('id', '')}"} - {""}:
                yield address, str(resource.get("data", ""))


def _whole(resource: dict[str, Any], binaries: Mapping[str, str]) -> dict[str, Any]:
    """The resource with an id of its own, and with the text that lies in another entry of the bundle."""
    if not resource.get("id"):
        written = json.dumps(resource, sort_keys=True).encode("utf-8", "replace")
        resource["id"] = hashlib.sha256(written).hexdigest()[:32]
    if resource.get("resourceType") == "DocumentReference":
        contents = [c for c in resource.get("content") or () if isinstance(c, dict)]
        resource["content"] = [_with_data(c, binaries) for c in contents]
    return resource


def _with_data(content: dict[str, Any], binaries: Mapping[str, str]) -> dict[str, Any]:
    attachment = content.get("attachment")
    if not isinstance(attachment, dict) or attachment.get("data") or str(attachment.get("url")) not in binaries:
        return content
    return {**content, "attachment": {**attachment, "data": binaries[str(attachment["url"])]}}


def _patients(entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[frozenset[str], Mapping[str, Any]]]:
    for entry in entries:
        resource = entry.get("resource")
        if isinstance(resource, dict) and resource.get("resourceType") == "Patient":
            names = {str(entry.get("fullUrl", "")), f"Patient/{resource['id']}" if resource.get("id") else ""}
            yield frozenset(names - {""}), resource


def _names(
    patients: Sequence[tuple[frozenset[str], Mapping[str, Any]]], patient_id: str, *, confirmed: bool
) -> frozenset[str]:
    """How references name the study's patient; empty where the bundle has no Patient."""
    if not patients:
        return frozenset()
    theirs = [names for names, resource in patients if carries(resource, patient_id)]
    if not theirs and confirmed and len(patients) == 1:
        theirs = [patients[0][0]]
    if len(theirs) != 1:
        raise PatientLockViolation("No or more than one Patient of the bundle is the study's.", remedy=_REMEDY)
    return theirs[0]


def _only_subject(entries: Sequence[Mapping[str, Any]], confirmed: bool) -> frozenset[str]:
    """Without a Patient: the one subject of all entries, when a person confirmed it."""
    subjects = {_subject(e["resource"]) for e in entries if isinstance(e.get("resource"), dict)} - {""}
    if not confirmed or len(subjects) != 1:
        raise PatientLockViolation("The bundle does not say whose it is.", remedy=_REMEDY)
    return frozenset(subjects)


def _subject(resource: Mapping[str, Any]) -> str:
    subject = resource.get("subject", resource.get("patient"))
    reference = subject.get("reference") if isinstance(subject, dict) else None
    return reference if isinstance(reference, str) else ""
