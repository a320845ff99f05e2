"""Critical findings, opinions, addenda, history and delivery over HTTP: versions, refusals with remedies, audit."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from api.services import Services
from domain.access import AccessContext
from records.tables import AnalysisRow

CRITICAL = {
    "finding": "f1",
    "rule": "pneumothorax",
    "name": "pneumothorax",
    "urgency": "minutes",
    "minutes": 15,
    "note": "",
    "source": "ACR",
}
TOLD = {
    "finding_id": "f1",
    "rule": "pneumothorax",
    "kind": "communicated",
    "role": "attending",
    "attending": "Dr. Okafor",
    "told_to": "Dr. Lee",
    "told_at": "2026-01-01T00:00:00Z",
    "channel": "phone",
}


@pytest.fixture
async def analysis(client: httpx.AsyncClient, study_uid: str) -> str:
    """The id of a draft."""
    job = (await client.post(f"/api/v1/studies/{study_uid}/analyses", json={"indication": "square?"})).json()
    for _ in range(1500):
        state = (await client.get(f"/api/v1/jobs/{job['job_id']}")).json()
        if state["state"] == "done":
            return str(state["analysis_id"])
        await asyncio.sleep(0.02)
    raise AssertionError(state)


@pytest.fixture
async def urgent(client: httpx.AsyncClient, services: Services, analysis: str) -> str:
    """A draft with a critical finding."""
    document = {**(await client.get(f"/api/v1/analyses/{analysis}")).json(), "critical": [CRITICAL]}
    chosen = update(AnalysisRow).where(AnalysisRow.id == analysis).values(document=document)
    await services.audit.database.transact(lambda session: session.execute(chosen))
    return analysis


async def post(http: httpx.AsyncClient, analysis: str, what: str, if_match: str = "", **body: Any) -> httpx.Response:
    headers = {"If-Match": if_match} if if_match else {}
    return await http.post(f"/api/v1/analyses/{analysis}/{what}", json=body, headers=headers)


async def etag(http: httpx.AsyncClient, analysis: str) -> str:
    return str((await http.get(f"/api/v1/analyses/{analysis}")).headers["ETag"])


async def test_a_signature_waits_until_a_critical_finding_is_told(client: httpx.AsyncClient, urgent: str) -> None:
    refused = await post(client, urgent, "review", action="sign")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:medimage:problem:critical-untold")
    assert "as the attending" in refused.json()["remedy"]
    told = await post(client, urgent, "critical", await etag(client, urgent), **TOLD)
    assert told.status_code == 200, told.text
    assert told.json()["communications"][0]["told_to"] == "Dr. Lee"
    assert told.headers["ETag"] == await etag(client, urgent)
    assert (await post(client, urgent, "review", action="sign")).json()["status"] == "signed"
    late = await post(client, urgent, "critical", **TOLD)
    assert (late.status_code, late.json()["remedy"]) == (409, "Write an addendum.")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"role": "reader"}, 422),
        ({"attending": "  "}, 422),
        ({"told_at": "2026-01-01T00:00:00"}, 422),
        ({"told_at": "2031-01-01T00:00:00Z"}, 422),
        ({"rule": "hernia"}, 422),
        ({"kind": "dismissed"}, 422),
        ({"surprise": 1}, 422),
    ],
    ids=["reader", "nameless", "no zone", "to come", "another rule", "no reason", "unknown field"],
)
async def test_an_act_that_says_too_little_is_refused_with_a_remedy(
    client: httpx.AsyncClient, urgent: str, change: dict[str, Any], code: int
) -> None:
    answer = await post(client, urgent, "critical", **{**TOLD, **change})
    assert answer.status_code == code, answer.text
    assert answer.json()["remedy"]
    assert (await post(client, urgent, "review", action="sign")).status_code == 409


@pytest.mark.parametrize("tag", ["old", "foreign"])
@pytest.mark.parametrize("what", ["critical", "opinions", "addenda"])
async def test_nothing_is_done_to_what_changed_since_it_was_read(
    client: httpx.AsyncClient, urgent: str, what: str, tag: str
) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "critical": TOLD,
        "opinions": {"kind": "peer_review"},
        "addenda": {"text": "More.", "author": "Dr. Lee"},
    }
    read = await etag(client, urgent)
    await post(client, urgent, "review", action="start")
    answer = await post(client, urgent, what, read if tag == "old" else '"x"', **bodies[what])
    assert answer.status_code == 412, answer.text
    history = (await client.get(f"/api/v1/analyses/{urgent}/history")).json()
    assert (history["communications"], history["opinions"], history["addenda"]) == ([], [], [])


async def test_an_opinion_is_asked_and_answered_once(client: httpx.AsyncClient, analysis: str) -> None:
    asked = await post(client, analysis, "opinions", kind="second_opinion", asked_of="Dr. Lee", question="A fold?")
    assert (asked.status_code, asked.json()["agreement"]) == (201, None)
    place = f"opinions/{asked.json()['opinion_id']}"
    bare = await post(client, analysis, place, agreement="major_disagreement")
    assert (bare.status_code, bare.json()["remedy"]) == (422, "Say what you read otherwise.")
    said = await post(client, analysis, place, await etag(client, analysis), agreement="agree", answered_as="Dr. Lee")
    assert (said.json()["agreement"], said.json()["answered_by"]) == ("agree", "local")
    again = await post(client, analysis, place, await etag(client, analysis), agreement="agree")
    assert (again.status_code, again.json()["remedy"]) == (409, "Ask for another opinion.")
    assert (await post(client, analysis, "opinions/none", agreement="agree")).status_code == 404


async def test_an_addendum_needs_a_signature_and_may_be_delivered(client: httpx.AsyncClient, analysis: str) -> None:
    body = {"text": "No change since 2024.", "author": "Dr. Lee"}
    early = await post(client, analysis, "addenda", **body)
    assert (early.status_code, early.json()["remedy"]) == (
        409,
        "Sign it first; until then the text itself is corrected.",
    )
    await post(client, analysis, "review", action="sign")
    added = await post(client, analysis, "addenda", await etag(client, analysis), **body)
    assert added.status_code == 201, added.text
    assert [a["text"] for a in added.json()["addenda"]] == ["No change since 2024."]
    artifact = await client.get(f"/api/v1/analyses/{analysis}/artifacts/report.json")
    assert artifact.json()["addenda"] == added.json()["addenda"]
    plan = (await client.get(f"/api/v1/analyses/{analysis}/delivery")).json()
    assert (plan["destinations"], plan["ready"]) == (["folder"], True)
    asked = await client.post("/api/v1/approvals", json={"analysis_id": analysis, "effect": "deliver"})
    await client.post(f"/api/v1/approvals/{asked.json()['approval_id']}", json={"decision": "approved"})
    done = (await client.get(f"/api/v1/analyses/{analysis}/delivery")).json()
    assert (done["ready"], done["why_not"]) == (False, "It is delivered.")
    history = (await client.get(f"/api/v1/analyses/{analysis}/history")).json()
    assert [t["status"] for t in history["transitions"]] == ["draft", "signed", "delivered"]
    assert [(a["effect"], a["decision"]) for a in history["approvals"]] == [
        ("sign", "approved"),
        ("deliver", "approved"),
    ]


async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    for what in ("history", "delivery"):
        assert (await client.get(f"/api/v1/analyses/nothing/{what}")).status_code == 404
    assert (await post(client, "nothing", "critical", **TOLD)).status_code == 404


async def test_each_act_and_each_refusal_is_in_the_ledger(
    client: httpx.AsyncClient, services: Services, urgent: str
) -> None:
    await post(client, urgent, "critical", **{**TOLD, "role": "reader"})
    await post(client, urgent, "critical", **TOLD)
    await post(client, urgent, "opinions", kind="peer_review")
    await client.get(f"/api/v1/analyses/{urgent}/history")
    events = await services.audit.list(AccessContext("test", None), limit=1000)
    found = [(e.action, e.outcome) for e in events if e.object_id == urgent]
    assert [row for row in found if not row[0].endswith((".read", ".store"))] == [
        ("analysis.critical.communicated", "refused"),
        ("analysis.critical.communicated", "ok"),
        ("opinion.ask.peer_review", "ok"),
        ("analysis.history", "ok"),
    ]
