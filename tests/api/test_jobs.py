"""The worklist over HTTP: pages, priorities, pausing, and what a job tells of itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.services import Services
from domain.ports import JobState
from tests.api.engine import ThresholdAnalyser, build_services, ct_slice

PAUSED = {"priorities": ["STAT", "URGENT", "ROUTINE", "RESEARCH"]}


async def order(client: httpx.AsyncClient, study_uid: str, indication: str, priority: str = "ROUTINE") -> str:
    body = {"indication": indication, "priority": priority}
    answer = await client.post(f"/api/v1/studies/{study_uid}/analyses", json=body)
    return str(answer.json()["job_id"])


async def pages(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    found, after = [], ""
    while True:
        answer = await client.get("/api/v1/jobs", params={**query, "limit": 2, **({"after": after} if after else {})})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["jobs"]) <= 2
        found += page["jobs"]
        after = page["next"]
        if after is None:
            return found


async def until(client: httpx.AsyncClient, job: str, *states: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while True:
            now: dict[str, Any] = (await client.get(f"/api/v1/jobs/{job}")).json()
            if now["state"] in states:
                return now
            await asyncio.sleep(0.01)


async def test_the_worklist_is_paged_by_urgency_and_age(client: httpx.AsyncClient, study_uid: str) -> None:
    await client.post("/api/v1/jobs/pause", json=PAUSED)
    names = [("a", "ROUTINE"), ("b", "RESEARCH"), ("c", "STAT"), ("d", "ROUTINE"), ("e", "URGENT")]
    jobs = {name: await order(client, study_uid, name, priority) for name, priority in names}
    assert [job["job_id"] for job in await pages(client)] == [jobs[name] for name in "ceadb"]
    routine = await pages(client, priority=["ROUTINE", "RESEARCH"], state="queued")
    assert [job["job_id"] for job in routine] == [jobs[name] for name in "adb"]
    assert await pages(client, state="running") == []
    listed = (await client.get("/api/v1/jobs")).json()
    assert listed["paused"] == PAUSED["priorities"]
    assert {(c["state"], c["priority"], c["jobs"]) for c in listed["counts"]} >= {("queued", "ROUTINE", 2)}


@pytest.mark.parametrize("after", ["x", "e30", "WzEsICJub3ciLCAxXQ", "%00"])
async def test_a_place_that_is_none_is_refused(client: httpx.AsyncClient, after: str) -> None:
    answer = await client.get("/api/v1/jobs", params={"after": after})
    assert answer.status_code == 422
    assert "next" in answer.json()["remedy"]


async def test_what_is_paused_waits_and_both_are_audited(
    client: httpx.AsyncClient, study_uid: str, services: Services, analyser: ThresholdAnalyser
) -> None:
    paused = await client.post("/api/v1/jobs/pause", json={"priorities": ["RESEARCH", "ROUTINE"]})
    assert paused.json() == {"paused": ["ROUTINE", "RESEARCH"]}
    held = await order(client, study_uid, "held")
    await until(client, await order(client, study_uid, "urgent", "URGENT"), "done")
    assert (await client.get(f"/api/v1/jobs/{held}")).json()["state"] == "queued"
    resumed = await client.post("/api/v1/jobs/resume", json={"priorities": ["ROUTINE"]})
    assert resumed.json() == {"paused": ["RESEARCH"]}
    await until(client, held, "done")
    assert analyser.order == ["urgent", "held"]
    audited = [(e.action, e.object_id) for e in await services.audit.list(services.nobody, limit=1000)]
    assert ("queue.pause", "RESEARCH,ROUTINE") in audited
    assert ("queue.resume", "ROUTINE") in audited
    assert (await client.post("/api/v1/jobs/pause", json={"priorities": []})).status_code == 422


async def test_a_priority_is_raised_with_its_reason_and_never_lowered(
    client: httpx.AsyncClient, study_uid: str, services: Services
) -> None:
    await client.post("/api/v1/jobs/pause", json={})
    job = await order(client, study_uid, "How large?")
    raised = (await client.post(f"/api/v1/jobs/{job}/priority", json={"priority": "STAT"})).json()
    assert (raised["ordered"], raised["priority"]) == ("ROUTINE", "STAT")
    assert (raised["reasons"][-1]["kind"], raised["reasons"][-1]["priority"]) == ("person", "STAT")
    same = (await client.post(f"/api/v1/jobs/{job}/priority", json={"priority": "RESEARCH"})).json()
    assert (same["priority"], same["reasons"]) == ("STAT", raised["reasons"])
    assert (await client.post(f"/api/v1/jobs/{job}/priority", json={"priority": "NOW"})).status_code == 422
    assert (await client.post("/api/v1/jobs/none/priority", json={"priority": "STAT"})).status_code == 404
    hurried = [e for e in await services.audit.list(services.nobody, limit=1000) if e.action == "job.hurry"]
    assert [(e.object_id, e.detail) for e in hurried] == [(job, "STAT")]


async def test_an_indication_that_cannot_wait_says_why_it_was_raised(client: httpx.AsyncClient, study_uid: str) -> None:
    await client.post("/api/v1/jobs/pause", json={})
    job = (await client.get(f"/api/v1/jobs/{await order(client, study_uid, 'Acute stroke, thrombolysis?')}")).json()
    assert (job["ordered"], job["priority"], job["attempt"]) == ("ROUTINE", "STAT", 0)
    assert [r["kind"] for r in job["reasons"]] == ["person", "indication"]
    assert job["reasons"][-1]["text"]


async def test_time_to_go_is_an_interval_once_there_is_something_to_go_by(
    client: httpx.AsyncClient, study_uid: str
) -> None:
    for name in "abcdef":
        await order(client, study_uid, name)
    async with asyncio.timeout(5):
        while len(await pages(client, state="done")) < 6:
            await asyncio.sleep(0.02)
    await client.post("/api/v1/jobs/pause", json={})
    waiting = (await client.get(f"/api/v1/jobs/{await order(client, study_uid, 'g')}")).json()
    assert 0 <= waiting["eta_low_s"] <= waiting["eta_s"] <= waiting["eta_high_s"]
    assert (waiting["attempt"], waiting["started"]) == (0, None)


async def test_files_that_are_gone_fail_the_job_with_a_remedy(
    client: httpx.AsyncClient, study_uid: str, services: Services
) -> None:
    for file in (services.store.root / study_uid / "files").iterdir():
        file.unlink()
    failed = await until(client, await order(client, study_uid, "a"), "failed")
    assert failed["remedy"] == "Send the study again."
    followed = (await client.get(f"/api/v1/jobs/{failed['job_id']}/events")).text
    assert "event: failed" in followed
    assert "Send the study again." in followed


async def test_jobs_outlive_the_server(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(ct_slice())
    before, analyser = build_services(tmp_path)
    await before.start()
    (study,) = (await before.intake.admit(before.nobody, [tmp_path / "a.dcm"])).records
    access = await before.studies.access("local", study.study_uid)
    running = await before.queue.submit(access, study.study_uid, {"indication": "wait"})
    waiting = await before.queue.submit(access, study.study_uid, {"indication": "second"})
    await analyser.began.wait()
    await before.close()
    assert analyser.cancelled == 1
    after, analyser = build_services(tmp_path)
    analyser.hold.set()
    await after.start()
    followed = {job.job_id: [e async for _, e in after.queue.events(access, job.job_id)] for job in (running, waiting)}
    jobs = [await after.queue.get(access, job_id) for job_id in followed]
    await after.close()
    assert [(job.state, job.attempt) for job in jobs] == [(JobState.DONE, 2), (JobState.DONE, 1)]
    assert all(events[-1].data["analysis_id"] for events in followed.values())
