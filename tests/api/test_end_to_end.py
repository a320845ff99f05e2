"""The whole product over HTTP: real ingest, planner, model over HTTP, QA, artifacts, records."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from scipy.ndimage import binary_dilation, binary_erosion

import app
from api.application import create_app
from jobs.compute import ThreadCompute
from jobs.steps import SystemClock
from settings import Settings
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server

CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))


@pytest.fixture
def behaviour() -> Behaviour:
    shapes = {"liver": disc(0.45, 0.4, 0.2, "liver"), "spleen": disc(0.5, 0.75, 0.1, "other organ")}
    return Behaviour(shapes, (128, 128))


@asynccontextmanager
async def product(folder: Path, behaviour: Behaviour, **more: object) -> AsyncIterator[httpx.AsyncClient]:
    """The product over a data folder; `more` are further settings."""
    with endpoint_server(behaviour) as url:
        models = {"medimageparse": {"endpoints": [{"url": url, "version": "7"}], "attempts": 1}}
        settings = Settings.model_validate({"data_dir": folder, "models": models, **more})
        compute, clock = ThreadCompute(), SystemClock()
        async with app.composition(settings).engine(compute, clock, durable=True) as parts:
            services = app.assemble(settings, parts, compute, clock, compute)
            await services.start()
            transport = httpx.ASGITransport(create_app(services))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", timeout=60) as http:
                yield http
            await services.close()


@pytest.fixture
async def client(tmp_path: Path, behaviour: Behaviour) -> AsyncIterator[httpx.AsyncClient]:
    async with product(tmp_path, behaviour) as http:
        yield http


async def upload(http: httpx.AsyncClient) -> str:
    reply = await http.post("/api/v1/studies", files=[("files", ("a.dcm", CT.read_bytes(), "application/dicom"))])
    assert reply.status_code == 201, reply.text
    uid: str = reply.json()["studies"][0]["study_uid"]
    return uid


async def finished(http: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    for _ in range(600):
        job: dict[str, Any] = (await http.get(f"/api/v1/jobs/{job_id}")).json()
        if job["state"] in {"done", "failed", "cancelled"}:
            return job
        await asyncio.sleep(0.05)
    raise AssertionError("the job did not end")


def events(body: str) -> list[dict[str, Any]]:
    return [json.loads(line[5:]) for line in body.splitlines() if line.startswith("data:")]


async def ask(http: httpx.AsyncClient, study_uid: str, text: str, conversation: str = "c1") -> list[dict[str, Any]]:
    body = {
        "threadId": conversation, "runId": "r", "state": {}, "tools": [], "context": [],
        "messages": [{"id": "1", "role": "user", "content": text}],
        "forwardedProps": {"study_uid": study_uid, "conversation_id": conversation},
    }  # fmt: skip
    reply = await http.post("/api/v1/chat", json=body)
    assert reply.status_code == 200, reply.text
    return events(reply.text)


def said(stream: list[dict[str, Any]]) -> str:
    return "".join(e["delta"] for e in stream if e["type"] == "TEXT_MESSAGE_CONTENT")


async def test_an_order_becomes_a_draft_with_files(client: httpx.AsyncClient) -> None:
    uid = await upload(client)
    order = {"indication": "How large is the liver?", "priority": "URGENT", "prompts": ["Spleen"]}
    reply = await client.post(f"/api/v1/studies/{uid}/analyses", json=order)
    assert reply.status_code == 202
    job = await finished(client, reply.json()["job_id"])
    assert (job["state"], job["progress"]) == ("done", 1.0)
    document = (await client.get(f"/api/v1/analyses/{job['analysis_id']}")).json()
    assert {m["target"] for m in document["masks"]} == {"liver", "spleen"}
    assert document["priority"] == "URGENT"
    listed = (await client.get(f"/api/v1/analyses/{job['analysis_id']}/artifacts")).json()
    names = {a["name"] for a in listed["artifacts"]}
    assert {"report.json", "report.md", "report.pdf", "fhir-bundle.json", "provenance.json"} <= names
    for name in names:
        artifact = await client.get(f"/api/v1/analyses/{job['analysis_id']}/artifacts/{name}")
        assert artifact.status_code == 200
        assert artifact.content


@pytest.mark.parametrize("values", ["soft", "binary"])
async def test_a_mask_comes_with_what_is_doubtful_of_it(
    client: httpx.AsyncClient, behaviour: Behaviour, values: Literal["soft", "binary"]
) -> None:
    behaviour.values = values
    uid = await upload(client)
    reply = await client.post(f"/api/v1/studies/{uid}/analyses", json={"indication": "How large is the liver?"})
    job = await finished(client, reply.json()["job_id"])
    document = (await client.get(f"/api/v1/analyses/{job['analysis_id']}")).json()
    mask = (await client.get(f"/api/v1/analyses/{job['analysis_id']}/masks/{document['masks'][0]['id']}")).json()
    inside, doubtful = voxels(mask["runs"], mask["shape"]), voxels(mask["uncertain"], mask["shape"])
    if values == "binary":
        assert not doubtful.any()
    else:
        rim = binary_dilation(inside) & ~binary_erosion(inside)
        assert doubtful.any()
        assert not (doubtful & ~rim).any(), "this model is sure but for the rim"


def voxels(runs: list[int], shape: list[int]) -> NDArray[np.bool_]:
    """(rows, columns) of the runs of one slice."""
    flat = np.zeros(shape, np.bool_).reshape(-1)
    for start, length in zip(runs[0::2], runs[1::2], strict=True):
        flat[start : start + length] = True
    return flat.reshape(shape)[0]


async def test_a_follow_up_asks_no_model_for_what_is_known(client: httpx.AsyncClient, behaviour: Behaviour) -> None:
    uid = await upload(client)
    first = await ask(client, uid, "How large is the liver?")
    assert "Liver: area" in said(first)
    before = len(behaviour.requests)
    again = await ask(client, uid, "And the liver and the spleen?")
    assert "Liver: area" in said(again)
    assert "Spleen: area" in said(again)
    prompts = [r["body"]["input_data"]["data"][0][1] for r in behaviour.requests[before:]]
    assert prompts == ["spleen"]


async def test_steps_are_streamed_in_their_order(client: httpx.AsyncClient) -> None:
    stream = await ask(client, await upload(client), "How large is the liver?")
    kinds = [e["type"] for e in stream]
    assert kinds[0] == "RUN_STARTED"
    assert kinds[-1] == "RUN_FINISHED"
    steps = [e["stepName"] for e in stream if e["type"] == "STEP_STARTED"]
    order = ["segment", "assess", "measure", "compose"]
    assert [word for step in steps for word in order if word in step] == order


async def test_a_conversation_stays_with_its_patient(client: httpx.AsyncClient, tmp_path: Path) -> None:
    import pydicom

    uid = await upload(client)
    await ask(client, uid, "How large is the liver?", "bound")
    other = pydicom.dcmread(CT)
    other.PatientID = "somebody else"
    other.StudyInstanceUID, other.SeriesInstanceUID, other.SOPInstanceUID = "1.2.3.1", "1.2.3.2", "1.2.3.3"
    other.file_meta.MediaStorageSOPInstanceUID = other.SOPInstanceUID
    other.save_as(tmp_path / "other.dcm")
    reply = await client.post("/api/v1/studies", files=[("files", ("b.dcm", (tmp_path / "other.dcm").read_bytes()))])
    body = {
        "threadId": "bound", "runId": "r", "state": {}, "tools": [], "context": [],
        "messages": [{"id": "1", "role": "user", "content": "How large is the liver?"}],
        "forwardedProps": {"study_uid": reply.json()["studies"][0]["study_uid"], "conversation_id": "bound"},
    }  # fmt: skip
    refused = await client.post("/api/v1/chat", json=body)
    assert refused.status_code in (403, 409)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["remedy"]


async def test_every_access_is_in_the_ledger(client: httpx.AsyncClient) -> None:
    uid = await upload(client)
    await ask(client, uid, "How large is the liver?")
    actions = [e["action"] for e in (await client.get("/api/v1/audit")).json()["events"]]
    assert {"study.store", "conversation.turn", "analysis.store"} <= set(actions)


async def test_what_models_were_used_can_be_counted_and_read_about(client: httpx.AsyncClient) -> None:
    await ask(client, await upload(client), "How large is the liver?")
    reply = await client.get("/metrics")
    lines = [x for x in reply.text.splitlines() if x.startswith("medimage_endpoint_requests_total{")]
    assert len(lines) == 1
    assert "MedImageParse endpoint 1" in lines[0]
    assert float(lines[0].rsplit(" ", 1)[1]) == 1.0
    assert "medimage_endpoint_latency_seconds_bucket" in reply.text
    rows = (await client.get("/api/v1/models")).json()["models"]
    assert rows[0]["name"] == "MedImageParse"
    assert {"embedded-ct", "embedded-cxr"} <= {row["name"] for row in rows}
    assert all(row["intended_use"] and row["research_use"] for row in rows)


async def test_a_job_waits_for_a_model_that_is_down_where_that_is_wanted(tmp_path: Path, behaviour: Behaviour) -> None:
    behaviour.faults = ["503"]
    async with product(tmp_path, behaviour, jobs={"when_model_is_down": "wait"}) as http:
        uid = await upload(http)
        order = {"indication": "How large is the liver?"}
        job = (await http.post(f"/api/v1/studies/{uid}/analyses", json=order)).json()
        for _ in range(600):
            job = (await http.get(f"/api/v1/jobs/{job['job_id']}")).json()
            if job["state"] not in {"queued", "running"}:
                break
            await asyncio.sleep(0.05)
        assert (job["state"], job["attempt"], job["eta_s"]) == ("waiting", 1, None)
        assert job["waiting_for"]
        assert job["retry"] > job["created"]
        assert (await http.get(f"/api/v1/analyses/{job['analysis_id']}")).status_code == 404
        assert [j["job_id"] for j in (await http.get("/api/v1/jobs?state=waiting")).json()["jobs"]] == [job["job_id"]]
        assert (await http.post(f"/api/v1/jobs/{job['job_id']}/cancel")).json()["state"] == "cancelled"
