"""What the product's workers run: recorded under the fencing token, begun again without what another version kept."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from domain.access import AccessContext
from jobs.durable.run import AnalysisJob, DurableAnalyses, Finished
from jobs.workers.analysis import AnalysisRuns
from jobs.workers.attempt import Attempt, Patience
from records.analyses import AnalysisRecords
from records.job_rows import columns_of, record_of
from records.job_tables import JobRow
from tests.api.engine import TickingClock
from tests.jobs.workers.parts import new_job

CRITICAL = {"urgency": "minutes", "name": "free air", "rule": "free-air", "source": ""}


class Durable:
    """Stands in for DBOS."""

    def __init__(self) -> None:
        self.did: list[tuple[str, object]] = []

    async def run(self, job: AnalysisJob, listener: object, *, check: object, record: Any, waits: bool) -> Finished:
        self.did.append(("wait" if waits else "run", job.attempt))
        await record(job.access, SimpleNamespace(critical=(CRITICAL,)))
        return Finished(job.analysis_id, True, 3)

    async def cancel(self, job_id: str, attempts: int) -> None:
        self.did.append(("cancel", attempts))

    async def forget(self, job_id: str, attempts: int, analysis_id: str) -> None:
        self.did.append(("forget", attempts))


class Records:
    """Stands in for the analyses on record."""

    def __init__(self) -> None:
        self.fences: list[object] = []

    async def put(self, access: AccessContext, analysis: object, *, fence: object) -> None:
        self.fences.append(fence)


def attempt(number: int, since: int = 1, waits: int = 0) -> Attempt:
    row = JobRow(**columns_of(new_job(), TickingClock().now()), number=1)
    job = replace(record_of(row), attempt=number, since=since, waits=waits)

    async def check() -> None:
        return

    return Attempt(job, lambda event: None, check, lambda session: None)


def runs() -> tuple[AnalysisRuns, Durable, Records]:
    durable, records = Durable(), Records()
    return AnalysisRuns(cast(DurableAnalyses, durable), cast(AnalysisRecords, records)), durable, records


async def test_an_analysis_is_recorded_where_its_attempt_still_counts() -> None:
    analyses, durable, records = runs()
    tried = attempt(2)
    outcome = await analyses.run(tried)
    assert (outcome.needs_review, outcome.critical) == (True, (CRITICAL,))
    assert records.fences == [tried.fence]
    assert durable.did == [("run", 2)]


async def test_what_another_version_kept_is_gone_before_the_job_is_begun_again() -> None:
    analyses, durable, _ = runs()
    await analyses.run(attempt(3, since=3))
    await analyses.run(attempt(4, since=3))
    assert durable.did == [("cancel", 2), ("forget", 2), ("run", 3), ("run", 4)]


async def test_an_ended_job_leaves_nothing_that_only_its_run_needed() -> None:
    analyses, durable, _ = runs()
    await analyses.ended(attempt(2).job)
    assert durable.did == [("forget", 2)]


async def test_a_job_that_has_waited_long_enough_ends_without_the_model() -> None:
    _, durable, records = runs()
    patient = AnalysisRuns(cast(DurableAnalyses, durable), cast(AnalysisRecords, records), Patience(times=2))
    for waits in range(3):
        await patient.run(attempt(waits + 1, waits=waits))
    assert durable.did == [("wait", 1), ("wait", 2), ("run", 3)]
