"""What the workers of the product run: an analysis as a durable attempt, recorded under the job's fencing token."""

from __future__ import annotations

from collections.abc import Mapping

from domain.access import AccessContext
from domain.analysis import Analysis
from jobs.durable.run import AnalysisJob, DurableAnalyses
from jobs.workers.attempt import Attempt, Outcome, Patience
from records.analyses import AnalysisRecords
from records.job_rows import JobRecord


class AnalysisRuns:
    """Runs attempts, and removes what they left when their job has ended.

    Args:
        records: where analyses go; in the transaction that asks whether the attempt still counts.
        patience: how long a job waits for a model that does not answer, before it ends without that model's answer;
            None does not wait.
    """

    def __init__(self, durable: DurableAnalyses, records: AnalysisRecords, patience: Patience | None = None) -> None:
        self._durable = durable
        self._records = records
        self._patience = patience

    async def run(self, attempt: Attempt) -> Outcome:
        """`jobs.workers.attempt.RunAttempt`."""
        job, critical = attempt.job, list[Mapping[str, object]]()

        async def record(access: AccessContext, analysis: Analysis) -> None:
            await self._records.put(access, analysis, fence=attempt.fence)
            critical[:] = analysis.critical

        if attempt.number == attempt.since > 1:  # begun again by another version: what the old one kept does not count
            await self._durable.cancel(job.job_id, attempt.number - 1)
            await self._durable.forget(job.job_id, attempt.number - 1, job.analysis_id)
        durable = AnalysisJob(
            job_id=job.job_id,
            attempt=attempt.number,
            analysis_id=job.analysis_id,
            study_uid=job.study_uid,
            access=attempt.access,
            order=attempt.order,
        )
        waits = self._patience is not None and self._patience.pause_of(job) is not None
        finished = await self._durable.run(durable, attempt.listener, check=attempt.check, record=record, waits=waits)
        return Outcome(finished.needs_review, tuple(critical))

    async def ended(self, job: JobRecord) -> None:
        """`jobs.workers.attempt.Ended`."""
        await self._durable.forget(job.job_id, job.attempt, job.analysis_id)
