"""`/studies/{uid}/history`: what is known of the patient besides the images."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Path, Query, status
from pydantic import Field

from api.errors import NothingUsable
from api.history.bundle import of_patient
from api.history.schemas import (
    IDENTIFIER,
    MOST_ENTRIES,
    DocumentView,
    FhirBundle,
    HistoryList,
    HistoryStored,
    Note,
    RefusedEntry,
    summary,
    view,
)
from api.problems import problems
from api.services import Given, Services
from domain.errors import HistoryUnavailable
from domain.history import HistoryDocument
from domain.study import Refusal
from records.history import HistoryRecords
from tools.clinical_record.fhir_text import documents_of

router = APIRouter(prefix="/studies/{study_uid}/history", tags=["history"])
StudyUid = Annotated[str, Path(max_length=128, description="Study Instance UID.")]
DocumentId = Annotated[str, Path(max_length=128, pattern=IDENTIFIER)]


@router.post(
    "",
    summary="Add to the patient's history",
    status_code=status.HTTP_201_CREATED,
    responses=problems(403, 404, 413, 422, 503),
)
async def add_history(
    study_uid: StudyUid,
    body: FhirBundle | Annotated[list[Note], Field(max_length=MOST_ENTRIES)],
    services: Given,
    confirmed: Annotated[
        bool,
        Query(description="A person checked that the bundle's only patient is the study's, though no number says so."),
    ] = False,
) -> HistoryStored:
    """A FHIR Bundle, or a list of notes. It is kept for the study's patient; a document sent again is replaced."""
    access = await services.studies.access(services.user, study_uid)
    record = await services.studies.get(access, study_uid)
    refused: list[Refusal] = []
    if isinstance(body, FhirBundle):
        documents, refused = _read(body, record.patient_id, confirmed)
    else:
        documents = [note.document() for note in body]
    if not documents:
        raise NothingUsable("Nothing of it can be kept as history.", refused=refused)
    await _records(services).add(access, documents)
    return HistoryStored(
        stored=[summary(d) for d in documents],
        refused=[RefusedEntry(entry=r.file, reason=r.reason) for r in refused],
    )


@router.get("", summary="List the patient's history", responses=problems(403, 404, 422, 503))
async def list_history(study_uid: StudyUid, services: Given) -> HistoryList:
    """What was uploaded for the study's patient, with any of their studies; without the texts."""
    access = await services.studies.access(services.user, study_uid)
    return HistoryList(documents=[summary(d) for d in await _records(services).documents(access)])


@router.get("/{document_id:path}", summary="Read a document", responses=problems(403, 404, 422, 503))
async def get_document(study_uid: StudyUid, document_id: DocumentId, services: Given) -> DocumentView:
    """A document with its text, as it was written."""
    access = await services.studies.access(services.user, study_uid)
    return view(await _records(services).get(access, document_id))


@router.delete(
    "/{document_id:path}",
    summary="Remove a document",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(403, 404, 422, 503),
)
async def remove_document(study_uid: StudyUid, document_id: DocumentId, services: Given) -> None:
    """The document is deleted; that it was is in the audit."""
    access = await services.studies.access(services.user, study_uid)
    await _records(services).remove(access, document_id)


def _records(services: Services) -> HistoryRecords:
    if services.history is None:
        raise HistoryUnavailable("This server keeps no history.", remedy="Configure its records; see docs.")
    return services.history


def _read(bundle: FhirBundle, patient_id: str, confirmed: bool) -> tuple[list[HistoryDocument], list[Refusal]]:
    entries, refused = of_patient(bundle.entry, patient_id, confirmed=confirmed)
    made = documents_of({"resourceType": "Bundle", "type": "collection", "entry": entries})
    unread = [Refusal(r.resource, f"Not used: {r.reason}.", "Correct the entry at its source.") for r in made.refused]
    named = [d for d in made.documents if re.fullmatch(IDENTIFIER, d.document_id)]
    unnamed = [
        Refusal(d.source[:100], "Not used: its id is no FHIR id.", "Correct the entry at its source.")
        for d in made.documents
        if d not in named
    ]
    return named, [*refused, *unread, *unnamed]
