"""Orders, jobs, analyses and artifacts over HTTP."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from tests.api.engine import ThresholdAnalyser


async def ordered(client: httpx.AsyncClient, study_uid: str, indication: str = "How large?") -> dict[str, object]:
    answer = await client.post(f"/api/v1/studies/{study_uid}/analyses", json={"indication": indication})
    assert answer.status_code == 202
    job: dict[str, object] = answer.json()
    assert answer.headers["location"] == f"/api/v1/jobs/{job['job_id']}"
    return job


async def ended(client: httpx.AsyncClient, job: dict[str, object]) -> dict[str, object]:
    for _ in range(500):
        now: dict[str, object] = (await client.get(f"/api/v1/jobs/{job['job_id']}")).json()
        if now["state"] in {"done", "failed", "cancelled"}:
            return now
        await asyncio.sleep(0.01)
    raise AssertionError("the job did not end")


async def test_an_order_becomes_a_report_with_artifacts(client: httpx.AsyncClient, study_uid: str) -> None:
    job = await ended(client, await ordered(client, study_uid))
    assert (job["state"], job["progress"]) == ("done", 1.0)
    report = (await client.get(f"/api/v1/analyses/{job['analysis_id']}")).json()
    assert report["masks"][0]["voxel_count"] == 8 * 16 * 3
    assert report["measurements"][0]["value"] == pytest.approx(8 * 16 * 3 * 0.5 / 1000)
    listed = (await client.get(f"/api/v1/studies/{study_uid}/analyses")).json()["analyses"]
    assert [a["analysis_id"] for a in listed] == [job["analysis_id"]]
    artifacts = (await client.get(f"/api/v1/analyses/{job['analysis_id']}/artifacts")).json()["artifacts"]
    assert [a["name"] for a in artifacts] == [f"{study_uid}.1.overlay.png", "report.json", "report.md"]
    file = await client.get(artifacts[1]["url"])
    assert (file.headers["content-type"], file.json()) == ("application/json", report)


@pytest.mark.parametrize("name", ["..%2F..%2Frecords.db", "....", "report.pdf", "%2Fetc%2Fpasswd", "..%5Crecords.db"])
async def test_only_names_in_the_list_are_artifacts(client: httpx.AsyncClient, study_uid: str, name: str) -> None:
    job = await ended(client, await ordered(client, study_uid))
    answer = await client.get(f"/api/v1/analyses/{job['analysis_id']}/artifacts/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_failure_names_its_remedy_and_an_unforeseen_one_its_reference(
    client: httpx.AsyncClient, study_uid: str, caplog: pytest.LogCaptureFixture
) -> None:
    known = await ended(client, await ordered(client, study_uid, "unavailable"))
    assert (known["state"], known["error"], known["remedy"]) == ("failed", "No model for that.", "Configure one.")
    unforeseen = await ended(client, await ordered(client, study_uid, "explode"))
    assert unforeseen["error"] == "An internal error happened."
    reference = str(unforeseen["remedy"]).split("reference ")[1].split()[0]
    assert reference in caplog.text
    assert "RuntimeError" in caplog.text
    assert "Secret" not in caplog.text + json.dumps(unforeseen)


async def test_a_job_is_cancelled_at_once(
    client: httpx.AsyncClient, study_uid: str, analyser: ThresholdAnalyser
) -> None:
    job = await ordered(client, study_uid, "wait")
    await analyser.began.wait()
    answer = await client.post(f"/api/v1/jobs/{job['job_id']}/cancel")
    assert answer.json()["state"] == "cancelled"
    async with asyncio.timeout(1):  # the worker hears of it, wherever it is
        while analyser.cancelled == 0:
            await asyncio.sleep(0.01)
    assert analyser.cancelled == 1


async def test_events_are_numbered_and_resume(client: httpx.AsyncClient, study_uid: str) -> None:
    job = await ordered(client, study_uid)
    await ended(client, job)
    url = f"/api/v1/jobs/{job['job_id']}/events"
    events = (await client.get(url)).text
    assert [line for line in events.splitlines() if line.startswith("id: ")] == [f"id: {n}" for n in range(1, 5)]
    assert [line[7:] for line in events.splitlines() if line.startswith("event: ")] == [
        "progress",
        "step_started",
        "step_finished",
        "done",
    ]
    rest = (await client.get(url, headers={"Last-Event-ID": "3"})).text
    assert rest.count("id: ") == 1
    assert "event: done" in rest
    assert (await client.get(url, headers={"Last-Event-ID": "4"})).status_code == 204
    assert (await client.get(url, headers={"Last-Event-ID": "x"})).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"priority": "SOON"},
        {"indication": "x" * 5000},
        {"prompts": [""]},
        {"prompts": ["x"] * 51},
        {"prompts": "liver"},
    ],
)
async def test_an_order_outside_the_schema_names_the_field_and_not_the_value(
    client: httpx.AsyncClient, study_uid: str, body: dict[str, object]
) -> None:
    answer = await client.post(f"/api/v1/studies/{study_uid}/analyses", json=body)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["errors"][0]["field"].startswith(f"body.{next(iter(body))}")
    assert "SOON" not in answer.text


async def test_what_is_not_there_is_a_404_problem(client: httpx.AsyncClient, study_uid: str) -> None:
    for path in ("studies/9", "studies/9/analyses", "jobs/9", "jobs/9/events", "analyses/9", "analyses/9/artifacts"):
        answer = await client.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["status"]) == (404, 404), path


async def test_a_review_of_what_was_changed_meanwhile_is_refused(client: httpx.AsyncClient, study_uid: str) -> None:
    job = await ended(client, await ordered(client, study_uid))
    url = f"/api/v1/analyses/{job['analysis_id']}"
    read = (await client.get(url)).headers["etag"]
    started = await client.post(f"{url}/review", json={"action": "start"}, headers={"If-Match": read})
    assert started.status_code == 200
    assert started.headers["etag"] != read
    back = {"action": "return", "reason": "not mine"}
    for outdated in (read, '"x"', f"W/{started.headers['etag']}"):
        late = await client.post(f"{url}/review", json=back, headers={"If-Match": outdated})
        assert late.status_code == 412
        assert late.json()["remedy"].startswith("Read it again")
    assert (await client.get(url)).json()["status"] == "in_review"
    known = f"{read}, {started.headers['etag']}"
    assert (await client.post(f"{url}/review", json=back, headers={"If-Match": known})).status_code == 200
    assert (await client.post(f"{url}/review", json={"action": "start"}, headers={"If-Match": "*"})).status_code == 200
