"""`/studies/{uid}/history`: whose documents are kept, what is refused, and that one patient's stay theirs."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.application import create_app
from api.services import Services
from records.history import HistoryRecords
from tests.api.engine import TickingClock, ct_slice

NOTE = {"kind": "pathology_report", "title": "Cytology", "text": "No malignant cells.", "dated": "2021-03-12"}


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    kept = replace(services, history=HistoryRecords(services.audit, TickingClock()))
    transport = httpx.ASGITransport(create_app(kept))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
async def history(client: httpx.AsyncClient, study_uid: str) -> str:
    """Address of the history of P1's study."""
    return f"/api/v1/studies/{study_uid}/history"


async def study_of(client: httpx.AsyncClient, uid: str, patient: str) -> str:
    """Address of the history of another study."""
    await client.post("/api/v1/studies", files=[("files", ("x.dcm", ct_slice(study=uid, patient=patient)))])
    return f"/api/v1/studies/{uid}/history"


def condition(identifier: str, subject: str, text: str = "Asthma") -> dict[str, Any]:
    return {
        "resource": {
            "resourceType": "Condition", "id": identifier, "code": {"text": text},
            "clinicalStatus": {"coding": [{"code": "active"}]},
            "subject": {"reference": subject}, "recordedDate": "2018-02-03",
        }
    }  # fmt: skip


def patient(identifier: str, number: str) -> dict[str, Any]:
    resource = {"resourceType": "Patient", "id": identifier, "identifier": [{"system": "urn:x", "value": number}]}
    return {"fullUrl": f"urn:uuid:{identifier}", "resource": resource}


def bundle(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}


async def test_notes_are_kept_listed_read_and_removed(client: httpx.AsyncClient, history: str) -> None:
    sent = await client.post(history, json=[NOTE, {"title": "Letter", "text": "Old.", "id": "letter-1"}])
    assert sent.status_code == 201
    assert sent.json()["refused"] == []
    listed = (await client.get(history)).json()["documents"]
    assert [(d["document_id"], d["kind"], d["dated"]) for d in listed] == [
        (listed[0]["document_id"], "pathology_report", "2021-03-12"),
        ("letter-1", "note", None),
    ]
    assert all("text" not in d for d in listed)
    read = (await client.get(f"{history}/{listed[0]['document_id']}")).json()
    assert read["text"] == NOTE["text"]
    assert (await client.delete(f"{history}/letter-1")).status_code == 204
    assert len((await client.get(history)).json()["documents"]) == 1
    assert (await client.get(f"{history}/letter-1")).status_code == 404


async def test_the_same_note_again_is_the_same_document(client: httpx.AsyncClient, history: str) -> None:
    await client.post(history, json=[NOTE])
    await client.post(history, json=[NOTE, {"id": "mine", "title": "Letter", "text": "First."}])
    await client.post(history, json=[{"id": "mine", "title": "Letter", "text": "Second."}])
    assert len((await client.get(history)).json()["documents"]) == 2
    assert (await client.get(f"{history}/mine")).json()["text"] == "Second."


async def test_the_history_is_the_patients_not_the_studys(client: httpx.AsyncClient, history: str) -> None:
    await client.post(history, json=[NOTE])
    same = await study_of(client, "1.2.826.2", "P1")
    other = await study_of(client, "1.2.826.3", "P2")
    assert len((await client.get(same)).json()["documents"]) == 1
    assert (await client.get(other)).json()["documents"] == []


async def test_images_that_name_no_patient_have_no_history(client: httpx.AsyncClient) -> None:
    nameless = await study_of(client, "1.2.826.4", "")
    answer = await client.post(nameless, json=[NOTE])
    assert answer.status_code == 503
    assert "PatientID" in answer.json()["remedy"]


@pytest.mark.parametrize(
    "body",
    [
        [{"title": "x", "text": ""}],
        [{"title": "x", "text": "y", "kind": "poem"}],
        [{"title": "x", "text": "y", "dated": "yesterday"}],
        [{"title": "x", "text": "y", "id": "../../etc"}],
        [{"title": "x", "text": "y", "patient": "P2"}],
        {"resourceType": "Patient"},
        "notes",
    ],
    ids=["empty", "kind", "date", "id", "unknown", "no-bundle", "text"],
)
async def test_what_breaks_the_schema_is_refused_whole(client: httpx.AsyncClient, history: str, body: Any) -> None:
    answer = await client.post(history, json=body)
    assert answer.status_code == 422
    assert (await client.get(history)).json()["documents"] == []


async def test_nothing_is_no_upload(client: httpx.AsyncClient, history: str) -> None:
    assert (await client.post(history, json=[])).status_code == 422


async def test_a_bundle_of_the_studys_patient_is_kept(client: httpx.AsyncClient, history: str) -> None:
    answer = await client.post(history, json=bundle(patient("a", "P1"), condition("c1", "urn:uuid:a")))
    assert answer.status_code == 201
    (stored,) = answer.json()["stored"]
    assert (stored["kind"], stored["dated"]) == ("condition", "2018-02-03")
    assert "Asthma" in (await client.get(f"{history}/{stored['document_id']}")).json()["text"]


async def test_entries_of_another_patient_are_refused_by_name(client: httpx.AsyncClient, history: str) -> None:
    entries = (
        patient("a", "P1"),
        patient("b", "P2"),
        condition("c1", "Patient/a"),
        condition("c2", "Patient/b", "Gout"),
    )
    answer = (await client.post(history, json=bundle(*entries))).json()
    assert len(answer["stored"]) == 1
    assert [(r["entry"], "another patient" in r["reason"]) for r in answer["refused"]] == [("Condition/c2", True)]


@pytest.mark.parametrize(
    "entries",
    [
        (patient("b", "P2"), condition("c", "Patient/b")),
        (patient("a", "P1"), patient("b", "P1"), condition("c", "Patient/a")),
        (condition("c", "Patient/a"),),
        (),
    ],
    ids=["other", "two", "unsaid", "empty"],
)
async def test_a_bundle_that_may_be_anothers_is_refused(
    client: httpx.AsyncClient, history: str, entries: tuple[dict[str, Any], ...]
) -> None:
    answer = await client.post(history, json=bundle(*entries))
    assert answer.status_code == 403
    assert "confirmed=true" in answer.json()["remedy"]
    assert (await client.get(history)).json()["documents"] == []


async def test_a_person_may_confirm_whose_a_bundle_is(client: httpx.AsyncClient, history: str) -> None:
    address = f"{history}?confirmed=true"
    other = await client.post(address, json=bundle(patient("b", "EHR-9"), condition("c", "Patient/b")))
    unsaid = await client.post(address, json=bundle(condition("d", "Patient/b")))
    several = await client.post(address, json=bundle(patient("a", "X"), patient("b", "Y"), condition("c", "Patient/a")))
    assert [a.status_code for a in (other, unsaid, several)] == [201, 201, 403]


async def test_a_document_may_lie_in_another_entry_of_the_bundle(client: httpx.AsyncClient, history: str) -> None:
    reference = {
        "resourceType": "DocumentReference", "id": "d", "status": "current", "subject": {"reference": "urn:uuid:a"},
        "type": {"text": "Discharge summary"}, "date": "2020-01-02T10:00:00Z",
        "content": [{"attachment": {"contentType": "text/plain", "url": "urn:uuid:bin"}}],
    }  # fmt: skip
    content = {"resourceType": "Binary", "id": "bin", "data": base64.b64encode(b"Known emphysema.").decode()}
    entries = (patient("a", "P1"), {"resource": reference}, {"fullUrl": "urn:uuid:bin", "resource": content})
    (stored,) = (await client.post(history, json=bundle(*entries))).json()["stored"]
    assert (await client.get(f"{history}/{stored['document_id']}")).json()["text"] == "Known emphysema."


async def test_entries_without_an_id_do_not_take_each_others_place(client: httpx.AsyncClient, history: str) -> None:
    for text in ("Asthma", "Gout", "Asthma"):
        entry = condition("x", "Patient/a", text)
        del entry["resource"]["id"]
        assert (await client.post(history, json=bundle(patient("a", "P1"), entry))).status_code == 201
    titles = sorted(d["title"] for d in (await client.get(history)).json()["documents"])
    assert titles == ["Asthma", "Gout"]


async def test_an_id_that_cannot_be_addressed_is_refused(client: httpx.AsyncClient, history: str) -> None:
    entries = (patient("a", "P1"), condition("../" * 60, "Patient/a"), condition("good", "Patient/a"))
    answer = (await client.post(history, json=bundle(*entries))).json()
    assert [d["document_id"] for d in answer["stored"]] == ["Condition/good"]
    assert len(answer["refused"]) == 1


async def test_a_bundle_with_nothing_to_read_names_what_was_refused(client: httpx.AsyncClient, history: str) -> None:
    answer = await client.post(history, json=bundle(patient("a", "P1"), condition("c2", "Patient/b")))
    assert answer.status_code == 422
    assert [r["file"] for r in answer.json()["refused"]] == ["Condition/c2"]


async def test_what_is_done_is_in_the_audit_without_text(client: httpx.AsyncClient, history: str) -> None:
    await client.post(history, json=[NOTE])
    await client.get(history)
    shown = (await client.get("/api/v1/audit")).text
    assert "history.store" in shown
    assert "history.read" in shown
    assert "malignant" not in shown


async def test_a_synthetic_patients_bundle_is_kept(client: httpx.AsyncClient, data: Path) -> None:
    sent = json.loads((data / "fhir_hl7" / "synthea_Chet_Thompson_bundle.json").read_text())
    history = await study_of(client, "1.2.826.5", "eda17701-070d-4fae-9f7d-c8cd6263b63a")
    answer = (await client.post(history, json=copy.deepcopy(sent))).json()
    kinds = [d["kind"] for d in answer["stored"]]
    assert kinds.count("condition") == 4
    assert {"laboratory", "procedure", "medication", "immunisation"} <= set(kinds)
    again = (await client.post(history, json=sent)).json()
    assert len((await client.get(history)).json()["documents"]) == len(answer["stored"]) == len(again["stored"])


async def test_a_server_without_history_says_so(services: Services, study_uid: str) -> None:
    transport = httpx.ASGITransport(create_app(replace(services, history=None)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        answer = await client.get(f"/api/v1/studies/{study_uid}/history")
    assert answer.status_code == 503
