"""The worklist over HTTP: one row a study, what it says of it, filters, pages, marks, and what changes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.services import Services
from api.worklist.desk import WorklistDesk
from api.worklist.expected import ExpectedTimes
from api.worklist.following import Following
from api.worklist.schemas import cursor_of, cursor_text
from domain.access import AccessContext
from domain.errors import UnusableInput
from jobs.steps import SystemClock
from records.worklist_changes import WorklistChanges
from records.worklist_order import Cursor, Sort
from tests.api.engine import ThresholdAnalyser, ct_slice

WORKLIST = "/api/v1/worklist"


async def sent(client: httpx.AsyncClient, study: str, patient: str = "P1") -> str:
    files = [("files", ("1.dcm", ct_slice(study, patient)))]
    return str((await client.post("/api/v1/studies", files=files)).json()["studies"][0]["study_uid"])


async def ordered(client: httpx.AsyncClient, study: str, indication: str, priority: str = "ROUTINE") -> str:
    body = {"indication": indication, "priority": priority}
    answer = await client.post(f"/api/v1/studies/{study}/analyses", json=body)
    assert answer.status_code == 202
    return str(answer.json()["job_id"])


async def ended(client: httpx.AsyncClient, job_id: str) -> None:
    async with asyncio.timeout(30):
        while (await client.get(f"/api/v1/jobs/{job_id}")).json()["state"] not in {"done", "failed", "cancelled"}:
            await asyncio.sleep(0.02)


async def listed(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    answer = await client.get(WORKLIST, params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["rows"])


async def test_a_study_goes_from_its_arrival_to_its_draft(client: httpx.AsyncClient, study_uid: str) -> None:
    row = (await listed(client))[0]
    assert (row["study_uid"], row["patient_id"], row["modality"], row["image_count"]) == (study_uid, "P1", "CT", 3)
    assert (row["todo"], row["job"], row["analysis"], row["due_in_s"]) == ("order", None, None, None)
    job_id = await ordered(client, study_uid, "wait: acute stroke, thrombolysis?")
    row = (await listed(client))[0]
    assert row["todo"] == "read"
    assert row["priority"] == "STAT", "the indication raised it"
    assert datetime.fromisoformat(row["due"]) - datetime.fromisoformat(row["since"]) == timedelta(minutes=60)
    assert row["overdue"] is False
    assert row["job"]["job_id"] == job_id
    assert row["job"]["reasons"][-1]["kind"] == "indication"
    assert row["indication"] == "wait: acute stroke, thrombolysis?"


async def test_a_draft_is_to_be_read_and_a_rejected_one_is_not(client: httpx.AsyncClient, study_uid: str) -> None:
    await ended(client, await ordered(client, study_uid, "How large?"))
    row = (await listed(client))[0]
    assert (row["job"]["state"], row["analysis"]["status"], row["todo"]) == ("done", "draft", "read")
    review = {"action": "reject", "reason": "wrong patient"}
    await client.post(f"/api/v1/analyses/{row['analysis']['analysis_id']}/review", json=review)
    row = (await listed(client))[0]
    assert (row["analysis"]["status"], row["todo"], row["due"]) == ("rejected", "nothing", None)


async def test_a_failed_job_says_why(client: httpx.AsyncClient, study_uid: str) -> None:
    await ended(client, await ordered(client, study_uid, "unavailable"))
    row = (await listed(client, state="failed"))[0]
    assert (row["todo"], row["job"]["remedy"]) == ("read", "Configure one.")


async def test_marks_are_kept_and_change_the_row(client: httpx.AsyncClient, study_uid: str) -> None:
    answer = await client.post(f"{WORKLIST}/{study_uid}", json={"flagged": True, "mine": True, "read": True})
    assert answer.status_code == 200
    row = (await listed(client))[0]
    assert (row["flagged"], row["mine"], row["reader"], row["unread"]) == (True, True, "local", False)
    assert answer.json()["flagged"] is True
    await ended(client, await ordered(client, study_uid, "How large?"))
    assert (await listed(client))[0]["unread"] is True, "there is an analysis that was not read"
    counts = (await client.get(f"{WORKLIST}/counts")).json()
    assert (counts["total"], counts["flagged"], counts["mine"], counts["unread"]) == (1, 1, 1, 1)
    assert counts["statuses"] == {"draft": 1}


@pytest.mark.parametrize("body", [{"flagged": "perhaps"}, {"unknown": True}], ids=["no boolean", "no such mark"])
async def test_marks_that_there_are_none_of_are_refused(
    client: httpx.AsyncClient, study_uid: str, body: dict[str, object]
) -> None:
    assert (await client.post(f"{WORKLIST}/{study_uid}", json=body)).status_code == 422


async def test_an_unknown_study_cannot_be_marked(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{WORKLIST}/1.2.3", json={"flagged": True})
    assert answer.status_code == 404


async def test_pages_go_on_where_the_last_one_ended(client: httpx.AsyncClient) -> None:
    uids = [await sent(client, f"1.2.826.{k}", f"P{k}") for k in range(3)]
    for sort in Sort:
        first = (await client.get(WORKLIST, params={"limit": 2, "sort": sort.value})).json()
        rest = (await client.get(WORKLIST, params={"limit": 2, "sort": sort.value, "after": first["next"]})).json()
        assert sorted(row["study_uid"] for row in first["rows"] + rest["rows"]) == sorted(uids)
        assert rest["next"] is None
    other = (await client.get(WORKLIST, params={"sort": "due", "after": first["next"]})).json()
    assert (other["status"], "`sort`" in other["remedy"]) == (422, True)


def test_a_place_survives_its_way_through_the_client() -> None:
    cursor = Cursor(2, datetime(2026, 1, 1, tzinfo=UTC), "1.2.3")
    assert cursor_of(Sort.DUE, cursor_text(Sort.DUE, cursor)) == cursor
    for wrong in ("", "x", "AAAA", cursor_text(Sort.URGENT, cursor)):
        with pytest.raises(UnusableInput):
            cursor_of(Sort.DUE, wrong)


async def test_what_a_search_contains_is_no_pattern(client: httpx.AsyncClient, study_uid: str) -> None:
    assert len(await listed(client, search="p1 PHANT")) == 1
    for pattern in ("%", "_", "*", "p%1", "' OR 1=1 --", "\\"):
        assert await listed(client, search=pattern) == []


async def test_one_list_is_one_line_of_the_ledger(
    client: httpx.AsyncClient, services: Services, study_uid: str
) -> None:
    await listed(client)
    await client.get(f"{WORKLIST}/counts")
    events = await services.audit.list(services.nobody)
    assert [event.action for event in events].count("worklist.list") == 1


async def test_followers_hear_what_changed_and_go_on_after_a_break(
    client: httpx.AsyncClient, services: Services, study_uid: str
) -> None:
    following = Following(WorklistChanges(services.audit.database), look_s=0.02)
    async with asyncio.timeout(30):
        stream = following.follow()
        start = await anext(stream)
        assert start.study_uids == ()
        await client.post(f"{WORKLIST}/{study_uid}", json={"flagged": True})
        change = await anext(stream)
        assert change.study_uids == (study_uid,)
        await stream.aclose()
        assert following._watching is None, "nobody follows, nobody looks"
        await client.post(f"{WORKLIST}/{study_uid}", json={"flagged": False})
        again = following.follow(change.place)
        assert (await anext(again)).study_uids == (study_uid,)
        await again.aclose()
        beyond = following.follow(10**9)
        assert (await anext(beyond)).study_uids is None, "a place of another database"
        await beyond.aclose()


async def test_times_of_a_page_are_those_of_each_job(
    client: httpx.AsyncClient, services: Services, analyser: ThresholdAnalyser, study_uid: str
) -> None:
    for _ in range(5):
        await ended(client, await ordered(client, study_uid, "How large?"))
    await ordered(client, study_uid, "wait")
    await analyser.began.wait()
    others = [await sent(client, f"1.2.826.{k}", f"P{k}") for k in range(2, 4)]
    ids = [await ordered(client, uid, "How large?") for uid in others]
    desk = WorklistDesk(services.audit, SystemClock())
    page = await desk.worklist.page(AccessContext("u", None))
    jobs = [entry.job for entry in page.entries if entry.job]
    expected = await ExpectedTimes(services.audit, SystemClock()).of(jobs)
    assert expected[ids[0]].middle_s < expected[ids[1]].middle_s
    analyser.hold.set()
