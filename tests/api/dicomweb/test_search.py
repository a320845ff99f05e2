"""QIDO-RS: what is found, what is not, and what is refused."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest
from pydicom import Dataset

from api.dicomweb.errors import QueryRefused
from api.dicomweb.matching import Query, matches, parse
from api.services import Services
from tests.api.dicomweb.archive import WEB, admit
from tests.api.engine import ct_slice
from tools.dicom_json import attribute_tag
from tools.png import encode_rgb


async def found(client: httpx.AsyncClient, path: str, **parameters: object) -> list[Dataset]:
    answer = await client.get(WEB + path, params=parameters)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/dicom+json"
    return [Dataset.from_json(document) for document in answer.json()]


@pytest.fixture
async def three(client: httpx.AsyncClient) -> list[str]:
    """Studies of three patients, oldest first."""
    uids = [f"1.2.826.{n}" for n in (1, 2, 3)]
    for number, uid in enumerate(uids, 1):
        await client.post("/api/v1/studies", files=[("files", ("a.dcm", ct_slice(uid, f"P{number}")))])
    return uids


async def test_studies_are_found_newest_first_with_what_a_work_list_shows(
    client: httpx.AsyncClient, three: list[str]
) -> None:
    studies = await found(client, "/studies")
    assert [study.StudyInstanceUID for study in studies] == three[::-1]
    newest = studies[0]
    assert (newest.PatientID, str(newest.PatientName), newest.StudyDescription) == ("P3", "Secret^Name", "phantom")
    assert newest.ModalitiesInStudy == "CT"
    assert (newest.NumberOfStudyRelatedSeries, newest.NumberOfStudyRelatedInstances) == (1, 1)
    assert newest.RetrieveURL == f"http://127.0.0.1:8000/dicom-web/studies/{three[2]}"
    assert "AccessionNumber" in newest
    assert "ReferringPhysicianName" in newest  # of type 2: there, if empty


@pytest.mark.parametrize(
    ("parameters", "patients"),
    [
        ({"PatientID": "P2"}, ["P2"]),
        ({"00100020": "P2"}, ["P2"]),
        ({"PatientID": "P?"}, ["P3", "P2", "P1"]),
        ({"PatientName": "secret*"}, ["P3", "P2", "P1"]),
        ({"PatientName": "Name"}, []),
        ({"PatientName": "nam sec", "fuzzymatching": "true"}, ["P3", "P2", "P1"]),
        ({"StudyInstanceUID": "1.2.826.1,1.2.826.3"}, ["P1", "P3"]),
        ({"StudyInstanceUID": "1.2.826.9"}, []),
        ({"ModalitiesInStudy": "MR\\CT"}, ["P3", "P2", "P1"]),
        ({"ModalitiesInStudy": "MR"}, []),
        ({"StudyDate": "20200101-"}, []),
        ({"limit": 2}, ["P3", "P2"]),
        ({"limit": 1, "offset": 1}, ["P2"]),
        ({"limit": 0}, []),
        ({"PatientID": ""}, ["P3", "P2", "P1"]),
        ({"includefield": "all"}, ["P3", "P2", "P1"]),
    ],
    ids=str,
)
async def test_studies_match(
    client: httpx.AsyncClient, three: list[str], parameters: dict[str, object], patients: list[str]
) -> None:
    assert [study.PatientID for study in await found(client, "/studies", **parameters)] == patients


@pytest.mark.parametrize(
    "parameters",
    [{"Nonsense": "1"}, {"PixelData": "1"}, {"StudyDate": "yesterday"}, {"limit": "-1"}, {"ImageType": "X"}],
    ids=str,
)
async def test_what_cannot_be_matched_is_refused_not_ignored(
    client: httpx.AsyncClient, study_uid: str, parameters: dict[str, str]
) -> None:
    answer = await client.get(WEB + "/studies", params=parameters)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["remedy"]


@pytest.mark.parametrize(
    ("wanted", "date", "outcome"),
    [
        ("20240101-20241231", "20240615", True),
        ("20240101-20241231", "20250101", False),
        ("-20240101", "20240101", True),
        ("20240102-", "20240101", False),
        ("20240101", "20240101", True),
        ("20240101-20240101", "", False),
    ],
)
def test_dates_match_in_ranges(wanted: str, date: str, outcome: bool) -> None:
    document = {"00080020": {"vr": "DA", "Value": [date]} if date else {"vr": "DA"}}
    assert matches(document, Query({"00080020": wanted})) is outcome


def test_an_hour_at_the_end_of_a_range_of_times_is_the_whole_hour() -> None:
    document = {"00080030": {"vr": "TM", "Value": ["103000.5"]}}
    assert matches(document, Query({"00080030": "09-10"}))
    assert not matches(document, Query({"00080030": "11-"}))


def test_brackets_are_no_wildcards() -> None:
    document = {"00081030": {"vr": "LO", "Value": ["head [plain]"]}}
    assert matches(document, Query({"00081030": "*[plain]"}))
    assert not matches(document, Query({"00081030": "*[p]lain*"}))


def test_the_same_attribute_twice_is_a_choice() -> None:
    query = parse([("ModalitiesInStudy", "CT"), ("ModalitiesInStudy", "MR")], None)
    assert matches({"00080061": {"vr": "CS", "Value": ["MR"]}}, query)


def test_sequences_cannot_be_matched() -> None:
    with pytest.raises(QueryRefused):
        parse([("RequestAttributesSequence", "1")], None)
    assert attribute_tag("PatientID") == attribute_tag("00100020") == "00100020"


async def test_series_are_the_sources_and_then_what_analyses_made(client: httpx.AsyncClient, analysed: str) -> None:
    series = await found(client, f"/studies/{analysed}/series")
    assert series[0].Modality == "CT"
    assert {one.Modality for one in series[1:]} == {"SEG", "SR"}
    assert [one.NumberOfSeriesRelatedInstances for one in series] == [3, 1, 1]
    assert {one.StudyInstanceUID for one in series} == {analysed}
    assert [one.Modality for one in await found(client, f"/studies/{analysed}/series", Modality="SEG")] == ["SEG"]
    study = (await found(client, "/studies", StudyInstanceUID=analysed))[0]
    assert sorted(study.ModalitiesInStudy) == ["CT", "SEG", "SR"]
    assert (study.NumberOfStudyRelatedSeries, study.NumberOfStudyRelatedInstances) == (3, 5)


async def test_an_analysis_that_ends_later_is_found(
    client: httpx.AsyncClient, services: Services, study_uid: str
) -> None:
    from tests.api.dicomweb.archive import analyse

    assert len(await found(client, f"/studies/{study_uid}/series")) == 1
    await analyse(services, study_uid)
    assert len(await found(client, f"/studies/{study_uid}/series")) == 3


async def test_instances_of_a_study_and_of_a_series(client: httpx.AsyncClient, analysed: str) -> None:
    assert len(await found(client, f"/studies/{analysed}/instances")) == 5
    path = f"/studies/{analysed}/series/{analysed}.1/instances"
    instances = await found(client, path)
    assert [one.InstanceNumber for one in instances] == [1, 2, 3]
    assert (instances[0].Rows, instances[0].Columns, instances[0].BitsAllocated) == (32, 32, 16)
    assert instances[0].AvailableTransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert [one.InstanceNumber for one in await found(client, path, InstanceNumber="2")] == [2]
    assert "RescaleSlope" not in instances[0]
    asked = await found(client, path, includefield="RescaleSlope,PixelSpacing", limit=1)
    assert (asked[0].RescaleSlope, list(asked[0].PixelSpacing)) == (1, [0.5, 0.5])


async def test_more_files_of_a_study_are_found(client: httpx.AsyncClient, study_uid: str) -> None:
    assert len(await found(client, f"/studies/{study_uid}/instances")) == 3
    await client.post("/api/v1/studies", files=[("files", ("late.dcm", ct_slice(index=3)))])
    assert len(await found(client, f"/studies/{study_uid}/instances")) == 4


async def test_a_study_without_dicom_is_left_out(client: httpx.AsyncClient, services: Services, tmp_path: Path) -> None:
    path = tmp_path / "chest.png"
    path.write_bytes(encode_rgb(np.tile(np.arange(256, dtype=np.uint8), (256, 1))))
    admitted = await services.intake.admit(services.nobody, [path], described="chest X-ray")
    if admitted.records:
        assert await found(client, "/studies") == []
        answer = await client.get(f"{WEB}/studies/{admitted.records[0].study_uid}/series")
        assert answer.status_code == 404


async def test_two_patients_under_one_study_uid_are_not_mixed(
    client: httpx.AsyncClient, services: Services, tmp_path: Path
) -> None:
    for patient, index in (("A", 0), ("B", 1)):
        (tmp_path / f"{patient}.dcm").write_bytes(ct_slice(patient=patient, index=index))
    records = await admit(services, [tmp_path / "A.dcm", tmp_path / "B.dcm"])
    assert len(records) == 2
    studies = await found(client, "/studies")
    assert [study.PatientID for study in studies] == ["A"]
    assert len(await found(client, "/studies/1.2.826.1/instances")) == 1


async def test_only_json_is_spoken(client: httpx.AsyncClient, study_uid: str) -> None:
    answer = await client.get(WEB + "/studies", headers={"Accept": "application/dicom+xml"})
    assert answer.status_code == 406
    plain = await client.get(WEB + "/studies", headers={"Accept": "application/json"})
    assert plain.headers["content-type"] == "application/json"
