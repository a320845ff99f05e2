"""What only a run needed is removed when the end of its job is on record, whatever the watch makes of that end."""

from __future__ import annotations

from typing import Any

import pytest

from records.job_rows import JobRecord
from tests.jobs.workers.parts import Parts, quick


async def test_a_job_that_the_watch_finds_ended_is_cleared_after(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    cleared: list[str] = []
    finish = parts.leases.finish

    async def ended(job: JobRecord) -> None:
        cleared.append(job.job_id)

    worker = await parts.worker(quick, ended=ended)

    async def finish_and_be_seen(*claim: Any, **how: Any) -> None:
        await finish(*claim, **how)
        await worker._stop_what_is_lost()  # a look of the watch, between the end and what follows it

    monkeypatch.setattr(parts.leases, "finish", finish_and_be_seen)
    job = await parts.until(await parts.add(), lambda record: record.ended)
    await worker.drain(5.0)
    assert cleared == [job.job_id]
    assert await parts.workers.uncleared(quiet_s=0.0) == ()
