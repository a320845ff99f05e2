"""How the installation does: counts of what is on record, and nothing of a patient."""

from __future__ import annotations

import httpx


async def test_an_empty_installation_has_zeros_and_its_worker(client: httpx.AsyncClient) -> None:
    now = (await client.get("/api/v1/operations")).json()
    assert [queue["priority"] for queue in now["queues"]] == ["STAT", "URGENT", "ROUTINE", "RESEARCH"]
    assert {queue["waiting"] for queue in now["queues"]} == {0}
    assert [worker["version"] for worker in now["workers"]] == ["test"]
    assert (now["reviewed"], now["feedback"], now["endpoints"]) == (0, [], [])


async def test_what_was_paused_reviewed_and_corrected_is_counted(client: httpx.AsyncClient, study_uid: str) -> None:
    await client.post("/api/v1/jobs/pause", json={"priorities": ["RESEARCH"]})
    order = {"indication": "How large?"}
    job = (await client.post(f"/api/v1/studies/{study_uid}/analyses", json=order)).json()
    while (await client.get(f"/api/v1/jobs/{job['job_id']}")).json()["state"] not in ("done", "failed"):
        pass
    edit = {"action": "start", "edits": [{"finding_id": "f1", "text": "Nothing."}]}
    answer = await client.post(f"/api/v1/analyses/{job['analysis_id']}/review", json=edit)
    assert answer.status_code == 200, answer.text
    now = (await client.get("/api/v1/operations")).json()
    assert [queue["priority"] for queue in now["queues"] if queue["paused"]] == ["RESEARCH"]
    assert (now["reviewed"], now["edited"]) == (1, 1)
    assert {"name": "in_review", "count": 1} in now["analyses"]
    assert now["reviews"] == [{"name": "start", "count": 1}]
    assert "P1" not in str(now)
