"""`/mcp` with the MCP client of the SDK over HTTP: a real CT slice, a MedImageParse endpoint, the real planner."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest
import uvicorn
from fastapi import FastAPI
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from pydicom.data import get_testdata_file

import app as product
from api.application import create_app
from api.services import Services
from domain.errors import PatientLockViolation
from jobs.compute import ThreadCompute
from jobs.steps import SystemClock
from settings import Settings
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server

CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))


@dataclass(frozen=True)
class Served:
    """The product on loopback, and the model endpoint behind it."""

    url: str
    services: Services
    behaviour: Behaviour

    async def upload(self, data: bytes = CT.read_bytes()) -> str:
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as http:
            reply = await http.post("/api/v1/studies", files=[("files", ("a.dcm", data))])
            assert reply.status_code == 201, reply.text
            return str(reply.json()["studies"][0]["study_uid"])

    async def ledger(self) -> list[dict[str, Any]]:
        async with httpx.AsyncClient(base_url=self.url) as http:
            events: list[dict[str, Any]] = (await http.get("/api/v1/audit?limit=1000")).json()["events"]
            return events


@asynccontextmanager
async def on_loopback(app: FastAPI) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", ws="none"))
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def whole_product(folder: Path) -> AsyncIterator[Served]:
    """Real ingest, planner, model over HTTP, QA and records, served on loopback."""
    shapes = {"liver": disc(0.45, 0.4, 0.2, "liver"), "spleen": disc(0.5, 0.75, 0.1, "other organ")}
    behaviour = Behaviour(shapes, (128, 128))
    with endpoint_server(behaviour) as url:
        endpoints = {"medimageparse": {"endpoints": [{"url": url, "version": "7"}]}}
        settings = Settings.model_validate({"data_dir": folder, "models": endpoints})
        compute, clock = ThreadCompute(), SystemClock()
        async with product.composition(settings).engine(compute, clock) as parts:
            services = product.assemble(settings, parts, compute, clock, compute)
            async with on_loopback(create_app(services)) as address:
                yield Served(address, services, behaviour)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with whole_product(tmp_path) as running:
        yield running


@asynccontextmanager
async def connected(served: Served, **headers: str) -> AsyncIterator[ClientSession]:
    async with (
        httpx.AsyncClient(headers=headers, timeout=60) as http,
        streamable_http_client(f"{served.url}/mcp", http_client=http) as (read, write, _),
        ClientSession(read, write) as client,
    ):
        await client.initialize()
        yield client


async def said(client: ClientSession, tool: str, failing: bool = False, **arguments: Any) -> dict[str, Any]:
    answer = await client.call_tool(tool, arguments)
    text = answer.content[0].text  # type: ignore[union-attr]
    assert answer.isError is failing, text
    data: dict[str, Any] = json.loads(text)
    return data["error"] if failing else data


def another(path: Path, patient: str, study: str) -> bytes:
    """The same slice as another study of somebody."""
    other = pydicom.dcmread(CT)
    other.PatientID = patient or other.PatientID
    other.StudyInstanceUID, other.SeriesInstanceUID, other.SOPInstanceUID = study, f"{study}.1", f"{study}.1.1"
    other.file_meta.MediaStorageSOPInstanceUID = other.SOPInstanceUID
    other.save_as(path)
    return path.read_bytes()


async def test_the_tools_are_the_planners_own_with_their_schemas(served: Served) -> None:
    from semantic_kernel import Kernel
    from semantic_kernel.connectors.ai.function_calling_utils import kernel_function_metadata_to_function_call_format

    from agents.registry import SPECIALISTS

    kernel = Kernel()
    for name, specialist in SPECIALISTS.items():
        kernel.add_plugin(specialist.plugin(None), name)  # type: ignore[arg-type]  # nothing is called
    told = [kernel_function_metadata_to_function_call_format(m) for m in kernel.get_full_list_of_function_metadata()]
    planners = {t["function"]["name"]: t["function"] for t in told}
    async with connected(served) as client:
        tools = {t.name: t for t in (await client.list_tools()).tools}
    assert tools.keys() == {"list_studies", "open_study", "ask", *planners}
    for name, function in planners.items():
        assert tools[name].description == function["description"]
        schema = dict(tools[name].inputSchema)
        assert schema.pop("additionalProperties") is False
        assert schema == function["parameters"]


async def test_step_by_step_from_the_study_to_the_draft(served: Served) -> None:
    uid = await served.upload()
    async with connected(served) as client:
        listed = (await said(client, "list_studies"))["studies"]
        assert [s["study_uid"] for s in listed] == [uid]
        opened = await said(client, "open_study", study_uid=uid)
        assert opened["series"][0]["name"] == "series-1"
        crafted = await said(client, "prompts-craft", series="series-1", targets=["liver"])
        assert [p["target"] for p in crafted["prompts"]] == ["liver"]
        (mask,) = (await said(client, "segmentation-segment", series="series-1", targets=[]))["masks"]
        assert mask["id"] == "m1"
        await said(client, "quality-assess", masks=["m1"])
        rows = (await said(client, "measurement-measure", masks=["m1"]))["measurements"]
        area = next(r for r in rows if r["name"] == "area")
        # An ellipse of 0.2 × 128 pixels of 0.661468 mm: π r².
        assert area["unit"] == "mm2"
        assert area["value"] == pytest.approx(3.14159 * (0.2 * 128 * 0.661468) ** 2, rel=0.03)
        report = await said(client, "report-compose")
        assert "Liver" in report["summary"]


async def test_a_whole_turn_shares_the_workspace_with_the_single_tools(served: Served) -> None:
    uid = await served.upload()
    steps: list[str] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        steps.append(message or "")

    async with connected(served) as client:
        await said(client, "open_study", study_uid=uid)
        answer = await client.call_tool("ask", {"question": "How large is the liver?"}, progress_callback=hear)
        body = json.loads(answer.content[0].text)  # type: ignore[union-attr]
        assert "Liver: area" in body["answer"]
        assert [s.rsplit(" ", 1)[-1] for s in steps][-4:] == ["segment", "assess", "measure", "compose"]
        (mask,) = (await said(client, "study-describe"))["masks"]
        assert (mask["id"], mask["target"], mask["measured"]) == ("m1", "liver", True)
    async with httpx.AsyncClient(base_url=served.url) as http:
        kept = await http.get(f"/api/v1/analyses/{body['analysis_id']}")
    assert kept.json()["study_uid"] == uid


async def test_a_question_given_when_opening_is_what_the_tools_answer(served: Served) -> None:
    async with connected(served) as client:
        await said(client, "open_study", study_uid=await served.upload(), question="How large is the spleen?")
        crafted = await said(client, "prompts-craft", series="series-1")
    assert [p["target"] for p in crafted["prompts"]] == ["spleen"]


async def test_a_session_stays_with_its_patient(served: Served, tmp_path: Path) -> None:
    first = await served.upload()
    later = await served.upload(another(tmp_path / "later.dcm", "", "1.2.3"))
    foreign = await served.upload(another(tmp_path / "foreign.dcm", "somebody else", "1.2.4"))
    async with connected(served) as client, connected(served) as second:
        everybody = (await said(client, "list_studies"))["studies"]
        assert len({s["patient"] for s in everybody}) == 2
        await said(client, "open_study", study_uid=first)
        refused = await said(client, "open_study", failing=True, study_uid=foreign)
        assert refused == {
            "kind": "adapt",
            "reason": "This conversation is bound to another patient.",
            "remedy": "Start a new conversation for this study.",
            "where": "",
        }
        # What was open stays open, the patient's other study may follow, and others are not even listed.
        assert (await said(client, "study-describe"))["series"]
        assert {s["study_uid"] for s in (await said(client, "list_studies"))["studies"]} == {first, later}
        await said(client, "open_study", study_uid=later)
        await said(second, "open_study", study_uid=foreign)
    turns = [(e["outcome"], e["detail"]) for e in await served.ledger() if e["action"] == "conversation.turn"]
    assert ("refused", "PatientLockViolation") in turns


async def test_every_call_is_in_the_ledger(served: Served) -> None:
    uid = await served.upload()
    async with connected(served) as client:
        await said(client, "list_studies")
        await said(client, "open_study", study_uid=uid)
        await said(client, "prompts-craft", series="series-1", targets=["liver"])
    ledger = await served.ledger()
    called = [(e["object_id"], e["detail"], e["outcome"]) for e in ledger if e["action"] == "tool.call"]
    assert called == [(uid, "study-describe", "ok"), (uid, "prompts-craft", "ok")]
    assert {"study.list", "study.read", "conversation.turn", "study.files"} <= {e["action"] for e in ledger}


async def test_nothing_identifies_the_patient(served: Served) -> None:
    header = pydicom.dcmread(CT)
    uid = await served.upload()
    async with connected(served) as client:
        texts = [
            json.dumps(await said(client, "list_studies")),
            json.dumps(await said(client, "open_study", study_uid=uid)),
        ]
    for text in texts:
        assert str(header.PatientID) not in text
        assert str(header.PatientName) not in text


@pytest.mark.parametrize(
    ("tool", "arguments", "reason", "remedy"),
    [
        ("study-describe", {}, "No study is open in this session.", "Call open_study first."),
        ("ask", {"question": "How large?"}, "No study is open in this session.", "Call open_study first."),
        ("open_study", {"study_uid": "1.2.3.4"}, "There is no such study.", "Check the identifier"),
    ],
)
async def test_what_cannot_be_done_says_what_to_do(
    served: Served, tool: str, arguments: dict[str, Any], reason: str, remedy: str
) -> None:
    async with connected(served) as client:
        error = await said(client, tool, failing=True, **arguments)
    assert error["reason"] == reason
    assert error["remedy"].startswith(remedy)


async def test_a_tool_that_fails_tells_how_and_arguments_are_checked(served: Served) -> None:
    uid = await served.upload()
    async with connected(served) as client:
        await said(client, "open_study", study_uid=uid)
        error = await said(client, "measurement-measure", failing=True, masks=["m9"])
        assert error["remedy"] == "Use a name that study-describe lists."
        assert (await said(client, "study-forget", failing=True))["reason"] == "There is no tool 'study-forget'."
        wrong = await client.call_tool("prompts-craft", {"series": "series-1", "study_uid": "1.2.3"})
        assert wrong.isError
        assert "study_uid" in wrong.content[0].text  # type: ignore[union-attr]


async def test_work_on_a_study_that_was_read_anew_is_not_taken_for_the_old(served: Served, tmp_path: Path) -> None:
    uid = await served.upload()
    async with connected(served) as client:
        await said(client, "open_study", study_uid=uid)
        more = pydicom.dcmread(CT)
        more.SOPInstanceUID = more.file_meta.MediaStorageSOPInstanceUID = "1.2.9.9"
        more.SeriesInstanceUID = "1.2.9"
        more.save_as(tmp_path / "more.dcm")
        await served.upload((tmp_path / "more.dcm").read_bytes())
        error = await said(client, "prompts-craft", failing=True, series="series-1", targets=["liver"])
        assert error["remedy"] == "Begin again with study-describe."
        assert len((await said(client, "study-describe"))["series"]) == 2


async def test_a_client_that_cancels_stops_the_turn(served: Served) -> None:
    from mcp.types import CancelledNotification, CancelledNotificationParams, ClientNotification

    uid = await served.upload()
    served.behaviour.faults[:] = ["slow"]
    served.behaviour.slow_s = 1.0
    async with connected(served) as client:
        await said(client, "open_study", study_uid=uid)
        number = client._request_id  # the SDK has no public way to cancel a request
        asking = asyncio.create_task(client.call_tool("ask", {"question": "How large is the liver?"}))
        while not served.behaviour.requests:
            await asyncio.sleep(0.01)
        cancel = CancelledNotification(params=CancelledNotificationParams(requestId=number))
        await client.send_notification(ClientNotification(cancel))
        with pytest.raises(Exception, match="cancelled"):
            await asking
        # The conversation is free again, and nothing was kept.
        assert (await said(client, "study-describe"))["masks"] == []
    assert "analysis.store" not in {e["action"] for e in await served.ledger()}


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({"Host": "evil.example"}, 400, "host-refused"),
        ({"Origin": "http://evil.example"}, 403, "origin-refused"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "origin-refused"),
    ],
)
async def test_other_sites_reach_no_tool(served: Served, headers: dict[str, str], status: int, kind: str) -> None:
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
    async with httpx.AsyncClient(base_url=served.url) as http:
        reply = await http.post("/mcp", json=hello, headers=headers)
    assert (reply.status_code, reply.json()["type"]) == (status, f"urn:medimage:problem:{kind}")


async def test_without_the_lifespan_it_says_so_and_get_is_not_offered(served: Served) -> None:
    transport = httpx.ASGITransport(create_app(served.services))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:
        assert (await http.post("/mcp", json={})).status_code == 503
        assert (await http.get("/mcp")).status_code == 405


async def test_a_tool_that_is_not_permitted_does_not_run(served: Served) -> None:
    from agents.tools_server import call

    uid = await served.upload()
    access = await served.services.studies.access("tester", uid)
    asked: list[str] = []

    async def refuse(tool: str) -> None:
        asked.append(tool)
        raise PatientLockViolation("Not this one.")

    async with served.services.conversations.held(access, uid, "c", "") as workspace:
        said = json.loads(await call(workspace, "prompts-craft", {"series": "series-1", "targets": ["liver"]}, refuse))
        assert (workspace.plans, asked) == ({}, ["prompts-craft"])
    assert (said["error"]["reason"], said["error"]["kind"]) == ("Not this one.", "adapt")
