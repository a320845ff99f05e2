"""The tables of a batch: results and failures, study by study, with no more in memory than one study."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from domain.access import AccessContext
from domain.errors import MedImageError
from domain.ports import JobState
from jobs.batch.entries import BatchBroken, BatchStudy, Ordered, StudyState
from jobs.batch.gaps import REMEDY, Gaps, gaps_of
from jobs.batch.index import BatchIndex
from jobs.batch.rows import FAILURES, RESULTS, Pseudonyms, Row, result_rows
from jobs.batch.table import failures_beside, open_table
from records.analyses import AnalysisRecord
from records.job_rows import JobRecord


class JobsOnRecord(Protocol):
    """Jobs as they are."""

    async def get(self, access: AccessContext, job_id: str, action: str = "job.read") -> JobRecord:
        """See `records.jobs.JobRecords.get`."""


class AnalysesOnRecord(Protocol):
    """Analyses as they are."""

    async def get(self, access: AccessContext, analysis_id: str, action: str = "analysis.read") -> AnalysisRecord:
        """See `records.analyses.AnalysisRecords.get`."""


@dataclass(frozen=True)
class Written:
    """What is in the tables.

    Attributes:
        done: studies whose analysis ended. failed: studies that did not come so far.
        refused: files that were passed over.
        needs_review: studies in which something has to be looked at.
        partial: studies, of those that are done, in which a model gave no answer; gaps: why → how many of them.
    """

    out: Path
    failures: Path
    rows: int = 0
    done: int = 0
    failed: int = 0
    refused: int = 0
    needs_review: int = 0
    partial: int = 0
    gaps: Mapping[str, int] = field(default_factory=dict)


class BatchResults:
    """Reads what the jobs of a batch came to. Each analysis is read behind the patient lock, and audited.

    Args:
        user: who reads.
        batch: the name that rows carry.
    """

    def __init__(
        self,
        index: BatchIndex,
        *,
        jobs: JobsOnRecord,
        analyses: AnalysesOnRecord,
        names: Pseudonyms,
        user: str,
        batch: str,
    ) -> None:
        self._index = index
        self._jobs = jobs
        self._analyses = analyses
        self._names = names
        self._user = user
        self._batch = batch

    async def write(self, out: Path, limit: int | None = None) -> Written:
        """Write both tables, each put in place when it is whole.

        Args:
            limit: studies with numbers up to this one.

        Raises:
            BatchBroken: they cannot be written; what was there before is left.
        """
        try:
            return await self._write(out, limit)
        except OSError as error:
            raise BatchBroken(
                f"The tables cannot be written ({error.strerror or type(error).__name__}).", where=out.name
            ) from error

    async def _write(self, out: Path, limit: int | None) -> Written:
        failures = failures_beside(out)
        done = failed = review = 0
        gaps = Gaps()
        with open_table(failures, FAILURES) as failed_table, open_table(out, RESULTS) as table:
            async for row in self._rows(limit):
                if row.pop("first"):
                    done += row["status"] not in _NOT_DONE
                    failed += row["status"] in _NOT_DONE
                    review += bool(row.get("needs_review"))
                    missing = row.pop("gaps", ())
                    gaps.add(missing)
                    if row["status"] in _NOT_DONE:
                        failed_table.add({**row, "reason": row["error"]})
                    elif missing:
                        failed_table.add({**row, "reason": "; ".join(missing), "remedy": REMEDY})
                table.add(row)
            refused = 0
            for number, refusal in self._index.refused():
                if number is None or limit is None or number <= limit:
                    refused += 1
                    failed_table.add(
                        {
                            "batch": self._batch,
                            "number": number,
                            "file": self._names.file(refusal.file),
                            "status": "not used",
                            "reason": refusal.reason,
                            "remedy": refusal.remedy,
                        }
                    )
        return Written(out, failures, table.rows, done, failed, refused, review, gaps.studies, gaps.reasons)

    async def _rows(self, limit: int | None) -> AsyncIterator[Row]:
        """Rows by study; the first of each says so."""
        for study in self._index.studies(limit=limit):
            orders = self._index.orders(study.number)
            for order in orders:
                first = True
                async for row in self._of_order(order):
                    yield {**row, "first": first}
                    first = False
            if not orders and study.state is not StudyState.SAME:
                yield {**self._of_failed(study), "first": True}

    async def _of_order(self, order: Ordered) -> AsyncIterator[Row]:
        access = AccessContext(self._user, order.patient_key)
        common = self._common(order.number, order.study_uid)
        common["patient"] = self._names.patient(order.patient_key, order.study_uid)
        try:
            job = await self._jobs.get(access, order.job_id)
            common |= _facts(job)
            if job.state is not JobState.DONE:
                yield common
                return
            record = await self._analyses.get(access, job.analysis_id, "analysis.export")
        except MedImageError as error:
            yield {**common, "status": JobState.FAILED.value, "error": error.reason, "remedy": error.remedy}
            return
        common["gaps"] = gaps_of(record)
        for row in result_rows(record.document, {**common, "status": record.status}, self._names):
            yield row

    def _of_failed(self, study: BatchStudy) -> Row:
        kind, _, uid = study.group.partition(" ")
        row = self._common(study.number, uid if kind in {"study", "stored"} else "")
        state = JobState.FAILED if study.state is StudyState.FAILED else JobState.QUEUED
        return {**row, "status": state.value, "error": study.reason, "remedy": study.remedy}

    def _common(self, number: int, study_uid: str) -> Row:
        uid = self._names.uid("study", study_uid)
        return {"batch": self._batch, "number": number, "study_uid": uid, "kind": "study", "error": "", "remedy": ""}


_NOT_DONE = frozenset({JobState.FAILED.value, JobState.CANCELLED.value, JobState.QUEUED.value, JobState.RUNNING.value})


def _facts(job: JobRecord) -> dict[str, Any]:
    seconds = (job.finished - job.started).total_seconds() if job.finished and job.started else None
    cancelled = job.state is JobState.CANCELLED
    return {
        "analysis_id": job.analysis_id if job.state is JobState.DONE else "",
        "status": job.state.value,
        "error": job.error or ("The job was cancelled." if cancelled else ""),
        "remedy": job.remedy or ("Start it again with --retry-failed." if cancelled else ""),
        "seconds": seconds,
    }
