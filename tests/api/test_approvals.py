"""Review, approval, signature and delivery over HTTP: by a person, once, and only of the bound patient."""

from __future__ import annotations

import ast
import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.application import create_app
from api.services import Services
from domain.approval import Effect
from records.approvals import ApprovalRecords
from records.signing import Signing
from tests.api.engine import SECRET

ROOT = Path(__file__).resolve().parents[2]
STUDY = "1.2.826.1"


@pytest.fixture
def signing(services: Services) -> Signing:
    assert services.signing is not None
    return services.signing


@pytest.fixture
async def http(client: httpx.AsyncClient, study_uid: str) -> httpx.AsyncClient:
    """The application with one study."""
    assert study_uid == STUDY
    return client


@pytest.fixture
async def analysis(http: httpx.AsyncClient) -> str:
    """The id of a draft."""
    job = (await http.post(f"/api/v1/studies/{STUDY}/analyses", json={"indication": "square?"})).json()
    for _ in range(200):
        state = (await http.get(f"/api/v1/jobs/{job['job_id']}")).json()
        if state["state"] == "done":
            return str(state["analysis_id"])
        await asyncio.sleep(0.02)
    raise AssertionError(state)


async def ask(http: httpx.AsyncClient, analysis: str, effect: str = "sign", **more: str) -> httpx.Response:
    return await http.post("/api/v1/approvals", json={"analysis_id": analysis, "effect": effect, **more})


async def decide(http: httpx.AsyncClient, request: httpx.Response, decision: str = "approved") -> httpx.Response:
    return await http.post(f"/api/v1/approvals/{request.json()['approval_id']}", json={"decision": decision})


async def review(http: httpx.AsyncClient, analysis: str, **body: Any) -> httpx.Response:
    return await http.post(f"/api/v1/analyses/{analysis}/review", json=body)


async def test_from_draft_to_delivery(http: httpx.AsyncClient, analysis: str, tmp_path: Path) -> None:
    asked = await ask(http, analysis)
    assert (asked.status_code, asked.json()["decision"], asked.json()["decided_by"]) == (201, "pending", "")
    assert (await http.get(f"/api/v1/analyses/{analysis}")).json()["status"] == "draft"
    decided = await decide(http, asked)
    assert decided.status_code == 200, decided.text
    assert (decided.json()["decision"], decided.json()["decided_by"]) == ("approved", "local")
    document = (await http.get(f"/api/v1/analyses/{analysis}")).json()
    assert (document["status"], document["signed_by"]) == ("signed", "local")
    artifact = await http.get(f"/api/v1/analyses/{analysis}/artifacts/report.json")
    assert artifact.json() == document
    delivered = await decide(http, await ask(http, analysis, "deliver"))
    assert delivered.json()["details"] == {"destination": "folder"}
    assert (await http.get(f"/api/v1/analyses/{analysis}")).json()["status"] == "delivered"
    manifest = json.loads((tmp_path / "delivered" / STUDY / analysis / "manifest.json").read_text())
    assert {f["name"] for f in manifest["files"]} >= {"report.json", "report.md"}
    listed = (await http.get("/api/v1/approvals", params={"study_uid": STUDY})).json()["approvals"]
    assert [a["effect"] for a in listed] == ["deliver", "sign"]
    assert (await http.get(f"/api/v1/approvals/{listed[1]['approval_id']}")).json() == decided.json()
    actions = [e["action"] for e in (await http.get("/api/v1/audit", params={"limit": 500})).json()["events"]]
    for action in ("approval.ask.sign", "approval.approved", "analysis.signed", "analysis.delivered"):
        assert action in actions


async def test_what_a_tool_asked_for_a_person_decides(
    http: httpx.AsyncClient, analysis: str, services: Services, signing: Signing
) -> None:
    access = await services.analyses.access("conversation", analysis)
    asked = await signing.approvals.ask(access, Effect.SIGN, analysis_id=analysis, study_uid=STUDY, details={})
    (listed,) = (await http.get("/api/v1/approvals", params={"study_uid": STUDY})).json()["approvals"]
    assert (listed["approval_id"], listed["asked_by"]) == (asked.approval_id, "conversation")
    said = await http.post(f"/api/v1/approvals/{asked.approval_id}", json={"decision": "denied", "reason": "no"})
    assert (said.json()["decision"], said.json()["reason"]) == ("denied", "no")
    assert (await http.get(f"/api/v1/analyses/{analysis}")).json()["status"] == "draft"


async def test_a_decision_is_made_once(http: httpx.AsyncClient, analysis: str) -> None:
    asked = await ask(http, analysis)
    assert (await ask(http, analysis)).json()["approval_id"] == asked.json()["approval_id"]
    both = await asyncio.gather(decide(http, asked, "approved"), decide(http, asked, "denied"))
    assert sorted(r.status_code for r in both) == [200, 409]
    won, lost = ("approved", "denied") if both[0].status_code == 200 else ("denied", "approved")
    assert (await decide(http, asked, won)).json() == next(r.json() for r in both if r.status_code == 200)
    late = await decide(http, asked, lost)
    assert late.status_code == 409
    assert late.json()["type"] == "urn:medimage:problem:approval-decided"
    assert "makes a new request" in late.json()["remedy"]


async def test_a_review_corrects_returns_and_rejects(http: httpx.AsyncClient, analysis: str) -> None:
    edits = [{"finding_id": "f1", "text": "A dense square, 8 mm."}]
    accepted = await review(http, analysis, action="start", edits=edits)
    assert accepted.status_code == 200, accepted.text
    (finding,) = accepted.json()["findings"]
    assert (accepted.json()["status"], finding["text"], finding["drafted"], finding["edited_by"]) == (
        "in_review",
        "A dense square, 8 mm.",
        "A dense square.",
        "local",
    )
    more = await review(http, analysis, action="edit", edits=[{"finding_id": "f1", "text": "A dense square."}])
    assert (more.json()["status"], more.json()["findings"][0]["text"]) == ("in_review", "A dense square.")
    again = await review(http, analysis, action="start")
    assert (again.status_code, again.json()["type"]) == (409, "urn:medimage:problem:transition-refused")
    returned = await review(http, analysis, action="return", reason="measure it again")
    assert returned.json()["status"] == "draft"
    rejected = await review(http, analysis, action="reject", reason="wrong study")
    assert rejected.json()["status"] == "rejected"
    assert [r["to"] for r in rejected.json()["reviews"]] == ["in_review", "in_review", "draft", "rejected"]
    refused = await ask(http, analysis)
    assert (refused.status_code, refused.json()["detail"]) == (409, "The analysis is rejected.")


async def test_a_person_signs_in_their_own_name(http: httpx.AsyncClient, analysis: str, services: Services) -> None:
    signed = await review(http, analysis, action="sign", reason="read beside the images")
    assert signed.status_code == 200, signed.text
    assert (signed.json()["status"], signed.json()["signed_by"]) == ("signed", "local")
    (listed,) = (await http.get(f"/api/v1/studies/{STUDY}/analyses")).json()["analyses"]
    assert listed["status"] == "signed"
    (approval,) = (await http.get("/api/v1/approvals", params={"study_uid": STUDY})).json()["approvals"]
    assert (approval["decision"], approval["decided_by"], approval["reason"]) == (
        "approved",
        "local",
        "read beside the images",
    )
    assert (await review(http, analysis, action="sign")).status_code == 409
    stale = services.analyses.folder(analysis) / "report.json"
    stale.write_text("{}")  # as if the process had ended before it wrote the file
    shown = await http.get(f"/api/v1/analyses/{analysis}/artifacts/report.json")
    assert shown.json() == signed.json()


@pytest.mark.parametrize(
    "body",
    [
        {"action": "accept"},
        {"action": "sign", "edits": [{"finding_id": "f1", "text": "x"}]},
        {"action": "sign", "signed_by": "somebody else"},
        {"action": "reject", "reason": "x" * 501},
        {"action": "reject"},
        {"action": "return", "reason": "  "},
        {"action": "start", "status": "signed"},
        {"action": "start", "edits": [{"finding_id": "f1", "text": ""}]},
        {"action": "start", "edits": [{"finding_id": "f9", "text": "x"}]},
        {"action": "start", "edits": [{"finding_id": "f1", "text": "x"}] * 2},
        {"action": "reject", "reason": "x", "edits": [{"finding_id": "f1", "text": "x"}]},
    ],
    ids=[
        "unknown",
        "edits with sign",
        "a name",
        "too long",
        "no reason",
        "blank reason",
        "a status",
        "empty",
        "unknown finding",
        "twice",
        "edits with reject",
    ],
)
async def test_reviews_that_do_not_fit_are_refused(
    http: httpx.AsyncClient, analysis: str, body: dict[str, Any]
) -> None:
    refused = await review(http, analysis, **body)
    assert refused.status_code == 422
    assert refused.json()["remedy"]
    assert (await http.get(f"/api/v1/analyses/{analysis}")).json()["status"] == "draft"


@pytest.mark.parametrize("decision", ["pending", "expired", "yes", ""])
async def test_only_yes_and_no_are_decisions(http: httpx.AsyncClient, analysis: str, decision: str) -> None:
    asked = await ask(http, analysis)
    assert (await decide(http, asked, decision)).status_code == 422
    assert (await http.get(f"/api/v1/approvals/{asked.json()['approval_id']}")).json()["decision"] == "pending"


@pytest.mark.parametrize("destination", ["pacs", "ehr"])
async def test_pacs_and_ehr_are_not_configured(http: httpx.AsyncClient, analysis: str, destination: str) -> None:
    refused = await ask(http, analysis, "deliver", destination=destination)
    assert refused.status_code == 409
    assert "folder" in refused.json()["remedy"]


async def test_a_delivery_before_the_signature_is_refused_and_stays_pending(
    http: httpx.AsyncClient, analysis: str
) -> None:
    asked = await ask(http, analysis, "deliver")
    assert (await decide(http, asked)).status_code == 409
    await decide(http, await ask(http, analysis))
    assert (await decide(http, asked)).status_code == 200


async def test_a_request_out_of_time_is_decided_no_more(
    services: Services, http: httpx.AsyncClient, analysis: str
) -> None:
    desk = ApprovalRecords(services.audit, services.clock, valid=timedelta(seconds=3))
    short = Signing(services.audit, services.analyses, desk, services.clock, services.inbox.parent / "delivered")
    transport = httpx.ASGITransport(create_app(replace(services, signing=short)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        asked = await ask(client, analysis)
        for _ in range(3):  # each look at the clock takes a second
            services.clock.now()
        late = await decide(client, asked)
        assert (late.status_code, late.json()["detail"]) == (409, "This request was not decided in time.")
        shown = (await client.get(f"/api/v1/approvals/{asked.json()['approval_id']}")).json()
        assert (shown["decision"], shown["decided_by"], shown["decided"]) == ("expired", "", None)
        assert (await client.get(f"/api/v1/analyses/{analysis}")).json()["status"] == "draft"
        assert (await ask(client, analysis)).json()["approval_id"] != asked.json()["approval_id"]


async def test_unknown_ones_are_not_found(http: httpx.AsyncClient) -> None:
    for answer in (
        await http.get("/api/v1/approvals", params={"study_uid": "9.9"}),
        await http.get("/api/v1/approvals/none"),
        await http.post("/api/v1/approvals/none", json={"decision": "approved"}),
        await ask(http, "none"),
        await review(http, "none", action="start"),
    ):
        assert answer.status_code == 404, answer.text


async def test_another_web_site_decides_nothing(http: httpx.AsyncClient, analysis: str) -> None:
    asked = await ask(http, analysis)
    refused = await http.post(
        f"/api/v1/approvals/{asked.json()['approval_id']}",
        json={"decision": "approved"},
        headers={"Origin": "https://elsewhere.example"},
    )
    assert refused.status_code == 403
    assert (await http.get(f"/api/v1/analyses/{analysis}")).json()["status"] == "draft"


async def test_no_answer_and_no_event_names_the_patient(http: httpx.AsyncClient, analysis: str) -> None:
    asked = await ask(http, analysis)
    said = [asked.text, (await decide(http, asked)).text, (await decide(http, asked)).text]
    said.append((await http.get("/api/v1/audit", params={"limit": 500})).text)
    assert not [text for text in said if SECRET.split("^")[0] in text]


async def test_a_server_that_does_not_sign_says_so(services: Services) -> None:
    transport = httpx.ASGITransport(create_app(replace(services, signing=None)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        for answer in (
            await client.get("/api/v1/approvals", params={"study_uid": STUDY}),
            await client.post("/api/v1/approvals/any", json={"decision": "approved"}),
            await client.post("/api/v1/analyses/any/review", json={"action": "start"}),
        ):
            assert answer.status_code == 503
            assert answer.json()["remedy"]


MODEL_FACING = ["plugins", "agents", "jobs", "prompts", "memory", "inference", "api/mcp", "api/chat", "api/openai_chat"]


@pytest.mark.parametrize("package", MODEL_FACING)
def test_nothing_that_serves_a_model_reaches_the_signing_desk(package: str) -> None:
    paths = sorted((ROOT / package).rglob("*.py"))
    assert paths
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = getattr(node, "attr", getattr(node, "id", getattr(node, "module", ""))) or ""
            assert named not in {"signing", "signing_of", "Signing", "ApprovalRecords"}, path
            assert named not in {"records.signing", "records.approvals"}, path
