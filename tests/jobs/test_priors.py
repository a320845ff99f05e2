"""The patient's other studies: found and read behind the patient lock, and never guessed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from api.services import Services
from domain.access import AccessContext
from domain.errors import PatientLockViolation, StudyNotFound, UnusableInput
from domain.prior import PriorStudies
from domain.study import IngestedStudy
from jobs.compute import ThreadCompute
from jobs.priors import StoredPriors, TogetherPriors, newest_first, relation
from tests.api.engine import build_services, ct_slice
from tools.ingest import ingest

MINE = AccessContext("local", "|P1")
NOW, OLD, OLDER, LATER, UNDATED, OTHER = (f"1.2.826.{n}" for n in (10, 5, 4, 20, 30, 40))
DATES = {NOW: "20240301", OLD: "20230401", OLDER: "20210131", LATER: "20250101", UNDATED: "", OTHER: "20220101"}


def dicom(study: str, date: str, patient: str) -> bytes:
    """A CT slice of a study of that date."""
    item = pydicom.dcmread(BytesIO(ct_slice(study, patient)))
    item.StudyDate, item.StudyTime = date, "101500" if date else ""
    out = BytesIO()
    item.save_as(out)
    return out.getvalue()


def patient_of(study: str) -> str:
    return "P2" if study == OTHER else "P1"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Studies of one patient, and one of another."""
    made = []
    for study, date in DATES.items():
        path = tmp_path / f"{study}.dcm"
        path.write_bytes(dicom(study, date, patient_of(study)))
        made.append(path)
    return made


@pytest.fixture
async def services(tmp_path: Path, files: list[Path]) -> AsyncIterator[Services]:
    folder = tmp_path / "data"
    folder.mkdir()
    made, _ = build_services(folder)
    for file in files:
        await made.intake.admit(made.nobody, [file])
    yield made
    for close in made.shutdown:
        await close()


@pytest.fixture(params=["stored", "together"])
def priors(request: pytest.FixtureRequest, services: Services, files: list[Path]) -> PriorStudies:
    if request.param == "stored":
        return StoredPriors(services.studies, services.store, ThreadCompute(), ingest)
    return TogetherPriors(ingest(files).studies)


async def test_the_patients_other_studies_are_listed_newest_first(priors: PriorStudies) -> None:
    found = await priors.listed(MINE, NOW)
    assert [(p.study_uid, p.relation) for p in found] == [
        (LATER, "later"),
        (OLD, "earlier"),
        (OLDER, "earlier"),
        (UNDATED, "undated"),
    ]
    assert {p.modality for p in found} == {"CT"}
    assert found[1].started == datetime(2023, 4, 1, 10, 15)


async def test_a_prior_is_read_with_its_pixels(priors: PriorStudies) -> None:
    found = await priors.read(MINE, OLD)
    assert found.study.study_uid == OLD
    (volume,) = found.volumes.values()
    assert volume.array.max() == 200


async def test_another_patients_study_is_neither_listed_nor_read(priors: PriorStudies) -> None:
    with pytest.raises(PatientLockViolation):
        await priors.read(MINE, OTHER)
    with pytest.raises(PatientLockViolation):
        await priors.listed(MINE, OTHER)
    assert await priors.listed(AccessContext("local", "|P2"), OTHER) == ()


async def test_work_that_is_bound_to_no_patient_finds_nothing(priors: PriorStudies) -> None:
    with pytest.raises(PatientLockViolation):
        await priors.listed(AccessContext("local", None), NOW)


async def test_an_unknown_study_is_not_found(priors: PriorStudies) -> None:
    with pytest.raises(StudyNotFound):
        await priors.listed(MINE, "1.2.3")
    with pytest.raises(StudyNotFound):
        await priors.read(MINE, "1.2.3")


async def test_studies_of_nobody_are_not_of_the_same_patient(services: Services, tmp_path: Path) -> None:
    nobody = AccessContext("local", "|")
    for study in ("1.9.1", "1.9.2"):
        path = tmp_path / f"{study}.dcm"
        path.write_bytes(dicom(study, "20200101", ""))
        await services.intake.admit(services.nobody, [path])
    stored = StoredPriors(services.studies, services.store, ThreadCompute(), ingest)
    together = TogetherPriors(ingest(sorted(tmp_path.glob("1.9.*.dcm"))).studies)
    for priors in (stored, together):
        assert await priors.listed(nobody, "1.9.1") == ()
        with pytest.raises(PatientLockViolation, match="names no patient"):
            await priors.read(nobody, "1.9.2")


async def test_listing_and_reading_are_audited_and_so_is_a_refusal(services: Services) -> None:
    priors = StoredPriors(services.studies, services.store, ThreadCompute(), ingest)
    await priors.listed(MINE, NOW)
    await priors.read(MINE, OLD)
    with pytest.raises(PatientLockViolation):
        await priors.read(MINE, OTHER)
    events = [(e.action, e.object_id, e.outcome) for e in await services.audit.list(services.nobody, limit=500)]
    for expected in (("study.priors", NOW, "ok"), ("study.prior", OLD, "ok"), ("study.prior", OTHER, "refused")):
        assert expected in events


async def test_files_that_are_another_patients_now_are_not_given_out(services: Services) -> None:
    def changed(paths: list[Path], question: str = "") -> object:
        found = ingest(paths, question=question)
        items = [renamed(item) for item in found.studies]
        return replace(found, studies=tuple(items))

    priors = StoredPriors(services.studies, services.store, ThreadCompute(), changed)  # type: ignore[arg-type]
    with pytest.raises(PatientLockViolation):
        await priors.read(MINE, OLD)


def renamed(item: IngestedStudy) -> IngestedStudy:
    patient = replace(item.study.patient, patient_id="P3")
    return IngestedStudy(replace(item.study, patient=patient), item.volumes)


async def test_a_study_whose_files_cannot_be_read_any_more_is_unusable(services: Services) -> None:
    folder = await services.store.folder(MINE, OLD)
    for file in folder.iterdir():
        file.write_bytes(b"broken")
    priors = StoredPriors(services.studies, services.store, ThreadCompute(), ingest)
    with pytest.raises(UnusableInput):
        await priors.read(MINE, OLD)


@pytest.mark.parametrize(
    ("other", "here", "said"),
    [
        (datetime(2020, 1, 1), datetime(2021, 1, 1), "earlier"),
        (datetime(2022, 1, 1), datetime(2021, 1, 1), "later"),
        (datetime(2021, 1, 1), datetime(2021, 1, 1), "undated"),
        (None, datetime(2021, 1, 1), "undated"),
        (datetime(2021, 1, 1), None, "undated"),
        (datetime(2021, 1, 1, 9, tzinfo=UTC), datetime(2021, 1, 1, 10), "earlier"),
    ],
)
def test_relations_are_by_date_and_unknown_without_one(
    other: datetime | None, here: datetime | None, said: str
) -> None:
    assert relation(other, here) == said


def test_no_priors_are_no_priors() -> None:
    assert newest_first([]) == ()
