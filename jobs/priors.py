"""The patient's other studies: those on record, or those that were given together to one command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from domain.access import AccessContext
from domain.errors import PatientLockViolation, StudyNotFound
from domain.ports import Compute
from domain.prior import PriorStudy
from domain.study import IngestedStudy, Study
from jobs.reading import read_study
from records.files import FileStudyStore
from records.intake import IngestFunction
from records.studies import StudyRecords

NOBODY = "The source names no patient: no other study is certainly of the same one."


class StoredPriors:
    """`domain.prior.PriorStudies` over the study store, behind the patient lock and audited.

    Args:
        compute: where files are decoded.
        ingest: reads a stored study.
    """

    def __init__(self, studies: StudyRecords, store: FileStudyStore, compute: Compute, ingest: IngestFunction) -> None:
        self._studies = studies
        self._store = store
        self._compute = compute
        self._ingest = ingest

    async def listed(self, access: AccessContext, study_uid: str) -> Sequence[PriorStudy]:
        """The patient's other studies, newest first, undated ones last.

        Raises:
            StudyNotFound, PatientLockViolation.
        """
        here = await self._studies.get(access, study_uid)
        found = await self._studies.of_patient(access, study_uid)
        return newest_first(
            PriorStudy(
                r.study_uid, r.modality, r.body_part, r.description, r.started, relation(r.started, here.started)
            )
            for r in found
        )

    async def read(self, access: AccessContext, study_uid: str) -> IngestedStudy:
        """A stored study with its pixels.

        Raises:
            StudyNotFound, UnusableInput: it is not there, or can no longer be read.
            PatientLockViolation: of another patient, or of one whom its source does not name.
        """
        record = await self._studies.get(access, study_uid, "study.prior")
        if not record.patient_id:
            raise PatientLockViolation(NOBODY)
        folder = await self._store.folder(access, study_uid)
        ingested, _ = await read_study(self._compute, self._ingest, folder, study_uid, "")
        access.require(ingested.study.patient.key)
        return ingested


class TogetherPriors:
    """`domain.prior.PriorStudies` over studies that were read together: each is a prior of the patient's others."""

    def __init__(self, studies: Sequence[IngestedStudy]) -> None:
        self._studies = {item.study.study_uid: item for item in studies}

    async def listed(self, access: AccessContext, study_uid: str) -> Sequence[PriorStudy]:
        """The patient's other studies, newest first, undated ones last.

        Raises:
            StudyNotFound, PatientLockViolation.
        """
        here = self._study(access, study_uid).study
        others = [item.study for uid, item in self._studies.items() if uid != study_uid]
        same = [s for s in others if here.patient.patient_id and s.patient.key == here.patient.key]
        return newest_first(_prior(study, here) for study in same)

    async def read(self, access: AccessContext, study_uid: str) -> IngestedStudy:
        """One of them.

        Raises:
            StudyNotFound: none of them.
            PatientLockViolation: of another patient, or of one whom its source does not name.
        """
        found = self._study(access, study_uid)
        if not found.study.patient.patient_id:
            raise PatientLockViolation(NOBODY)
        return found

    def _study(self, access: AccessContext, study_uid: str) -> IngestedStudy:
        found = self._studies.get(study_uid)
        if found is None:
            raise StudyNotFound("There is no such study among those that were given.")
        access.require(found.study.patient.key)
        return found


def relation(other: datetime | None, here: datetime | None) -> str:
    """ "earlier" or "later" than the study at hand; "undated" when a date is missing or both are the same."""
    if other is None or here is None:
        return "undated"
    first, second = _local(other), _local(here)
    if first == second:
        return "undated"
    return "earlier" if first < second else "later"


def newest_first(priors: Iterable[PriorStudy]) -> tuple[PriorStudy, ...]:
    """By date, the undated last; equal ones by UID, so that their names stay."""
    oldest = datetime.min
    ordered = sorted(priors, key=lambda p: p.study_uid)
    return tuple(sorted(ordered, key=lambda p: _local(p.started) if p.started else oldest, reverse=True))


def _prior(study: Study, here: Study) -> PriorStudy:
    modalities = "/".join(dict.fromkeys(s.modality for s in study.series))
    parts = "/".join(dict.fromkeys(s.body_part for s in study.series if s.body_part))
    when = relation(study.started, here.started)
    return PriorStudy(study.study_uid, modalities, parts, study.description, study.started, when)


def _local(when: datetime) -> datetime:
    """Local time as the source gives it: DICOM's StudyDate and StudyTime have no zone."""
    return when.replace(tzinfo=None)
