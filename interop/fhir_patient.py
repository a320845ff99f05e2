"""Which entries of a FHIR server or bundle are about one patient, and which are not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import HistoryUnavailable

IDENTIFIER_SETTING = "MEDIMAGE_HISTORY__IDENTIFIER_SYSTEMS"
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+")
_VERSION = re.compile(r"/_history/[A-Za-z0-9.-]{1,64}$")


@dataclass(frozen=True)
class Identifier:
    """A patient's number and who gave it: a FHIR identifier."""

    system: str
    value: str

    @property
    def token(self) -> str:
        """As a search parameter (R4 3.1.1.4.10; separators are escaped)."""
        return "|".join(re.sub(r"([\\,|$])", r"\\\1", part) for part in (self.system, self.value))

    def of(self, patient: Mapping[str, Any]) -> bool:
        """Whether a Patient resource carries it: a server that ignores a parameter must not decide."""
        return any(row.get("system") == self.system and row.get("value") == self.value for row in _identifiers(patient))


def identifier_of(patient_key: str, systems: Mapping[str, str]) -> Identifier:
    """The identifier to look for, from a DICOM issuer and id ("issuer|id", `Patient.key`).

    Args:
        systems: FHIR system by DICOM issuer; "" for images that name none. An issuer that is a URI or an OID
            stands for itself.

    Raises:
        HistoryUnavailable: the images name no patient, or nobody said which system the issuer is.
    """
    issuer, _, value = patient_key.rpartition("|")
    if not value.strip():
        reason = "The images name no patient, so that no history can be theirs."
        raise HistoryUnavailable(reason, remedy="Send images with a PatientID.")
    system = systems.get(issuer, "")
    if not system and issuer.startswith(("urn:", "http://", "https://")):
        system = issuer
    if not system and _OID.fullmatch(issuer):
        system = f"urn:oid:{issuer}"
    if not system:
        reason = "It is not configured which FHIR identifier system the issuer of this patient's number stands for."
        remedy = f'Set {IDENTIFIER_SETTING}, e.g. {{"": "urn:oid:1.2.3"}} for images without an issuer.'
        raise HistoryUnavailable(reason, where=IDENTIFIER_SETTING, remedy=remedy)
    return Identifier(system, value.strip())


def only_patient(resources: Iterable[Mapping[str, Any]], identifier: Identifier) -> str:
    """The id of the one Patient with that identifier.

    Raises:
        HistoryUnavailable: none, several, or one that was merged into another.
    """
    found = {str(r.get("id", "")): r for r in resources if r.get("resourceType") == "Patient" and identifier.of(r)}
    if not found or "" in found:
        reason = "The FHIR server knows no patient with this number."
        raise HistoryUnavailable(reason, remedy="Check the identifier system; the images can be read without.")
    if len(found) > 1:
        reason = "The FHIR server has several patients with this number; none was chosen."
        raise HistoryUnavailable(reason, remedy="Have the records merged at their source.")
    ((patient_id, patient),) = found.items()
    links = patient.get("link", [])
    if isinstance(links, list) and any(isinstance(k, dict) and k.get("type") == "replaced-by" for k in links):
        reason = "The patient's record was merged into another one."
        raise HistoryUnavailable(reason, remedy="Correct the patient's number in the images.")
    return patient_id


def carries(patient: Mapping[str, Any], value: str) -> bool:
    """Whether a Patient resource has a number, whoever gave it."""
    return bool(value) and any(row.get("value") == value for row in _identifiers(patient))


def belongs(resource: Mapping[str, Any], names: frozenset[str]) -> bool:
    """Whether a resource says that it is about one of `names` ("Patient/1", absolute, or a bundle's fullUrl).

    One that names no subject, or a group, belongs to nobody.
    """
    subject = resource.get("subject", resource.get("patient"))
    reference = subject.get("reference", "") if isinstance(subject, dict) else ""
    return isinstance(reference, str) and _VERSION.sub("", reference) in names


def about(resource: Mapping[str, Any], reference: str) -> dict[str, Any]:
    """The resource with its subject named in one way: a patient has several names in references."""
    key = "subject" if "subject" in resource else "patient"
    return {**resource, key: {"reference": reference}}


def _identifiers(patient: Mapping[str, Any]) -> list[dict[str, Any]]:
    carried = patient.get("identifier", [])
    return [row for row in carried if isinstance(row, dict)] if isinstance(carried, list) else []
