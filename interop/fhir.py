"""A patient's history from a FHIR R4 server.

Contract: HL7 FHIR R4 (4.0.1) RESTful search. The patient is found by the identifier of the images, the one and only
match or none; then each kind of resource is searched newest first and page by page. What is of another patient, or
of nobody, is left out and counted. `records.history.AuditedHistory` puts lock and audit around it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.access import AccessContext
from domain.errors import HistoryUnavailable, MedImageError, PatientLockViolation
from domain.history import HistoryDocument, ReadHistory
from interop.fhir_patient import about, belongs, identifier_of, only_patient
from interop.fhir_server import FhirBounds, FhirRefused, FhirServer
from tools.clinical_record.fhir_text import documents_of

SEARCHES: Mapping[str, Mapping[str, str]] = {
    "DocumentReference": {"_sort": "-date"},
    "DiagnosticReport": {"_sort": "-date"},
    "Condition": {"_sort": "-recorded-date"},
    "Observation": {"category": "laboratory,imaging,vital-signs,social-history", "_sort": "-date"},
    "Procedure": {"_sort": "-date"},
    "MedicationRequest": {"_sort": "-authoredon"},
    "AllergyIntolerance": {"_sort": "-date"},
    "Immunization": {"_sort": "-date"},
    "ImagingStudy": {"_sort": "-started"},
}
"""What is searched, with which parameters besides the patient."""

_AT_ONCE = 3
_BINARY = re.compile(r"(?:^|/)Binary/[A-Za-z0-9.-]{1,64}$")
_REMEDY = "Let the token read clinical resources (MEDIMAGE_HISTORY__TOKEN)."
_TEXT = ("text/", "application/xhtml", "application/xml", "application/rtf", "application/hl7-cda")


@dataclass
class _Reading:
    """One reading under way: what is left of its bounds, what was found and what a reader must know."""

    server: FhirServer
    patient: frozenset[str]
    attachments: int
    resources: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    refused: int = 0
    warnings: list[str] = field(default_factory=list)


class FhirHistory:
    """`domain.history.PatientHistory` over a FHIR server.

    Args:
        systems: FHIR identifier system by DICOM issuer; see `identifier_of`.
    """

    def __init__(self, server: FhirServer, systems: Mapping[str, str], bounds: FhirBounds) -> None:
        self._server = server
        self._systems = dict(systems)
        self._bounds = bounds

    async def documents(self, access: AccessContext) -> Sequence[HistoryDocument]:
        """All entries of the patient, oldest first, as a `ReadHistory`.

        Raises:
            PatientLockViolation: `access` is bound to nobody.
            HistoryUnavailable: the server does not answer, has no or several such patients, or breaks the contract.
        """
        if access.patient_key is None:
            raise PatientLockViolation("A history is read for one patient only.")
        identifier = identifier_of(access.patient_key, self._systems)
        try:
            async with asyncio.timeout(self._bounds.seconds):
                server = self._server.fresh()
                first = await server.search("Patient", {"identifier": identifier.token, "_count": "10"})
                return await self._read(server, only_patient(_resources(first), identifier))
        except TimeoutError:
            raise HistoryUnavailable("The FHIR server took too long over the history.") from None

    async def _read(self, server: FhirServer, patient_id: str) -> ReadHistory:
        name = f"Patient/{patient_id}"
        names = frozenset(filter(None, (name, server.local(name))))
        reading = _Reading(server, names, self._bounds.attachments)
        await self._search_all(reading, patient_id)
        if not reading.resources:
            raise HistoryUnavailable("The FHIR server lets nothing of the history be read.", remedy=_REMEDY)
        for resource in reading.resources.get("DocumentReference", ()):
            await self._attach(reading, resource)
        entries = [
            {"fullUrl": server.local(f"{kind}/{r.get('id', '')}"), "resource": about(r, name)}
            for kind in SEARCHES
            for r in reading.resources.get(kind, ())
        ]
        made = documents_of({"resourceType": "Bundle", "type": "collection", "entry": entries}, patient_id)
        if reading.refused:
            reading.warnings.append(f"{reading.refused} entries of another patient, or of none, were left out.")
        if made.refused:
            reading.warnings.append(
                f"{len(made.refused)} entries were left out (entered in error, refuted or cancelled)."
            )
        return ReadHistory(made.documents, reading.warnings)

    async def _search_all(self, reading: _Reading, patient_id: str) -> None:
        """All kinds, a few at a time; a kind that the server refuses is a warning."""
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(kind: str) -> None:
            async with turn:
                try:
                    reading.resources[kind] = await self._search(reading, kind, patient_id)
                except FhirRefused as error:
                    reading.warnings.append(f"{kind} was not read: {error.reason}")

        try:
            async with asyncio.TaskGroup() as group:
                for kind in SEARCHES:
                    group.create_task(one(kind))
        except ExceptionGroup as errors:
            raise next((e for e in errors.exceptions if isinstance(e, MedImageError)), errors) from None

    async def _search(self, reading: _Reading, kind: str, patient_id: str) -> list[dict[str, Any]]:
        wanted = {"patient": patient_id, "_count": str(self._bounds.page_size), **SEARCHES[kind]}
        page = await reading.server.search(kind, wanted)
        found: dict[str, dict[str, Any]] = {}
        seen: set[str] = set()
        for number in range(1, self._bounds.pages + 1):
            for resource in _resources(page):
                if resource.get("resourceType") != kind:
                    continue
                if belongs(resource, reading.patient):
                    found[str(resource.get("id", len(found)))] = resource
                else:
                    reading.refused += 1
            following = _next(page)
            if not following:
                break
            if number == self._bounds.pages:
                reading.warnings.append(f"Only the newest {len(found)} entries of {kind} were read; there are more.")
                break
            if following in seen:
                raise HistoryUnavailable(f"The pages of {kind} go round in a circle.")
            seen.add(following)
            page = await reading.server.page(following, kind)
        return list(found.values())

    async def _attach(self, reading: _Reading, resource: dict[str, Any]) -> None:
        """Put the text that a DocumentReference points to into it."""
        contents = resource.get("content", [])
        for content in contents if isinstance(contents, list) else ():
            attachment = content.get("attachment") if isinstance(content, dict) else None
            address = attachment.get("url") if isinstance(attachment, dict) else None
            if not isinstance(attachment, dict) or not isinstance(address, str) or attachment.get("data"):
                continue
            if not str(attachment.get("contentType", "text/")).lower().startswith(_TEXT):
                continue
            local = reading.server.local(address) if _BINARY.search(address) else None
            if local is None:
                reading.warnings.append("A document lies outside of the FHIR server and was not fetched.")
            elif reading.attachments < 1:
                reading.warnings.append("There are more documents than are fetched at once.")
                return
            else:
                reading.attachments -= 1
                await self._fetch(reading, attachment, local)

    async def _fetch(self, reading: _Reading, attachment: dict[str, Any], address: str) -> None:
        try:
            media_type, content = await reading.server.binary(address)
        except HistoryUnavailable as error:
            reading.warnings.append(f"A document was not read: {error.reason}")
            return
        attachment["data"] = _data(media_type, content)


def _resources(page: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The matches of a page; outcomes and included resources are left out."""
    entries = [e for e in page.get("entry", ()) if isinstance(e, dict)]
    matches = [
        e for e in entries if not isinstance(e.get("search"), dict) or e["search"].get("mode") in {None, "match"}
    ]
    return [e["resource"] for e in matches if isinstance(e.get("resource"), dict)]


def _next(page: Mapping[str, Any]) -> str:
    """The address of the page after this one; "" at the end."""
    links = page.get("link", ())
    rows = [row for row in links if isinstance(row, dict)] if isinstance(links, list) else []
    return next((str(row.get("url", "")) for row in rows if row.get("relation") == "next"), "")


def _data(media_type: str, content: bytes) -> str:
    """A Binary as base64, whether the server sent the resource or the content itself."""
    if "json" in media_type:
        try:
            read = json.loads(content)
        except (ValueError, RecursionError):
            read = None
        if isinstance(read, dict) and read.get("resourceType") == "Binary":
            return str(read.get("data", ""))
    return base64.b64encode(content).decode("ascii")
