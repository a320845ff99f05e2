"""Taking the studies of a batch in, one by one, and ordering an analysis of each: a durable job under its own key."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from domain.access import AccessContext
from domain.errors import MedImageError, NotFound
from domain.ports import Job, JobState
from domain.study import Priority, Refusal
from jobs.batch.archive import unpack
from jobs.batch.entries import BatchBroken, BatchStudy, Ordered, Question, StudyState
from jobs.batch.gaps import gaps_of
from jobs.batch.index import BatchIndex
from jobs.batch.results import AnalysesOnRecord, JobsOnRecord
from jobs.batch.walking import Place
from jobs.failure import internal_error
from records.errors import DatabaseUnavailable
from records.intake import Intake
from records.job_rows import JobRecord
from records.studies import StudyRecords
from tools.file_walk import FoundFile, walk

RESEARCH_PURPOSE = "HRESCH"
"""HL7 PurposeOfUse for research; treatment is the default."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOTHING = "Nothing in the files of this study can be used."


class Submitting(Protocol):
    """A queue that takes the same key once."""

    async def submit(self, access: AccessContext, study_uid: str, request: Mapping[str, Any]) -> Job:
        """See `jobs.queue.DurableQueue.submit`."""


@dataclass(frozen=True)
class _Member:
    uid: str
    patient_key: str


class Admission:
    """Takes studies in and orders their analyses. What was done before is done again without a trace.

    Args:
        user: in whose name; the audit names it.
        batch: the name that jobs carry.
    """

    def __init__(
        self,
        index: BatchIndex,
        *,
        intake: Intake,
        studies: StudyRecords,
        queue: Submitting,
        jobs: JobsOnRecord,
        analyses: AnalysesOnRecord,
        user: str,
        batch: str,
    ) -> None:
        self._index = index
        self._intake = intake
        self._studies = studies
        self._queue = queue
        self._jobs = jobs
        self._analyses = analyses
        self._user = user
        self._batch = batch

    async def order(self, study: BatchStudy) -> None:
        """Take one study in and order its analysis; what stands in the way is noted with the study.

        Raises:
            DatabaseUnavailable: the records do not answer.
            BatchBroken: the study cannot be stored.
        """
        try:
            await self._order(study)
        except MedImageError as error:
            if isinstance(error, DatabaseUnavailable):
                raise
            self._settle(study, error.reason, error.remedy)
        except OSError as error:
            if error.errno in _FULL:
                raise BatchBroken("The disk has no space for the studies of the batch.") from error
            self._settle(study, *internal_error(error))
        except Exception as error:
            self._settle(study, *internal_error(error))

    async def _order(self, study: BatchStudy) -> None:
        members = await self._members(study)
        ordered = 0
        for member in members:
            if self._index.first_with(member.uid, study.question) in (None, study.number):
                await self._submit(study, member)
                ordered += 1
        if ordered:
            self._index.settle(study.number, StudyState.ORDERED)
        elif members:
            same = self._index.first_with(members[0].uid, study.question)
            reason = f"The same study as number {same} of this batch."
            self._index.settle(study.number, StudyState.SAME, reason, "Nothing has to be done.")

    async def again_if_failed(self, order: Ordered) -> bool:
        """Queue a job once more that has failed, was cancelled, or lacks a model's answer; returns whether it was."""
        access = AccessContext(self._user, order.patient_key, _purpose(order.question))
        job = await self._jobs.get(access, order.job_id)
        if job.state not in {JobState.FAILED, JobState.CANCELLED} and not await self._has_gaps(access, job):
            return False
        tries = order.tries + 1
        request = self._request(order.question, order.study_uid, tries)
        queued = await self._queue.submit(access, order.study_uid, request)
        study = BatchStudy(order.number, order.question, "", StudyState.ORDERED)
        self._index.order(study, order.study_uid, order.patient_key, queued.job_id, tries)
        return True

    async def _has_gaps(self, access: AccessContext, job: JobRecord) -> bool:
        if job.state is not JobState.DONE:
            return False
        try:
            return bool(gaps_of(await self._analyses.get(access, job.analysis_id)))
        except NotFound:  # the table says so
            return False

    async def _submit(self, study: BatchStudy, member: _Member) -> None:
        known = {o.study_uid: o for o in self._index.orders(study.number)}.get(member.uid)
        tries = known.tries if known else 0
        access = AccessContext(self._user, member.patient_key, _purpose(study.question))
        job = await self._queue.submit(access, member.uid, self._request(study.question, member.uid, tries))
        self._index.order(study, member.uid, member.patient_key, job.job_id, tries)

    def _request(self, question: Question, study_uid: str, tries: int) -> dict[str, Any]:
        return {
            "indication": question.indication,
            "priority": question.priority,
            "batch": self._batch,
            "key": job_key(self._batch, study_uid, question, tries),
        }

    async def _members(self, study: BatchStudy) -> list[_Member]:
        kind, _, rest = study.group.partition(" ")
        if kind == "stored":
            access = await self._studies.access(self._user, rest)
            return [_Member(rest, access.patient_key or "")]
        files = self._index.files(study.number)
        scratch = self._index.folder / f"unpacked-{study.number}"
        try:
            paths, names, refused = await asyncio.to_thread(_laid_out, files, scratch)
            described = study.question.indication if any(unnamed for _, unnamed in files) else ""
            received = await self._intake.admit(AccessContext(self._user, None), paths, described=described)
        finally:
            await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
        refused += [replace(r, file=_known_as(r.file, names)) for r in received.refused]
        self._index.refuse(refused, study.number)
        if not received.records:
            first = refused[0] if refused else Refusal("", _NOTHING, "Export the study again.")
            self._settle(study, first.reason, first.remedy)
        return [_Member(record.study_uid, record.patient_key) for record in received.records]

    def _settle(self, study: BatchStudy, reason: str, remedy: str) -> None:
        self._index.settle(study.number, StudyState.FAILED, reason, remedy)


def job_key(batch: str, study_uid: str, question: Question, tries: int = 0) -> str:
    """The key under which an analysis is queued once: batch, study, question, and how often it is repeated."""
    text = "\n".join((study_uid, question.indication, question.priority.value, str(tries)))
    return f"batch {batch} {hashlib.sha256(text.encode()).hexdigest()[:40]}"


def _purpose(question: Question) -> str:
    return RESEARCH_PURPOSE if question.priority is Priority.RESEARCH else "TREAT"


def _laid_out(files: Sequence[tuple[Place, bool]], scratch: Path) -> tuple[list[Path], dict[str, str], list[Refusal]]:
    """Paths to read, members of archives unpacked; name that the reader gives each → name that the user knows."""
    refused: list[Refusal] = []
    unpacked: dict[tuple[Path, int], Path] = {}
    by_archive: dict[Path, dict[int, Place]] = {}
    for place, _ in files:
        if place.member >= 0:
            by_archive.setdefault(place.path, {})[place.member] = place
    for number, (archive, places) in enumerate(by_archive.items()):
        folder = scratch / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        for member, file in unpack(archive, sorted(places), folder):
            if isinstance(file, str):
                refused.append(Refusal(places[member].name, file, "Send the file by itself."))
            else:
                unpacked[archive, member] = file
    ordered = [(unpacked.get((p.path, p.member)) if p.member >= 0 else p.path, p.name) for p, _ in files]
    known = {path: name for path, name in ordered if path is not None}
    names = {found.name: known[found.path] for found in walk(list(known)) if isinstance(found, FoundFile)}
    return list(known), names, refused


def _known_as(file: str, names: Mapping[str, str]) -> str:
    """What the user knows a refused file by; frames and other additions to its name are kept."""
    if file in names:
        return names[file]
    longest = max((name for name in names if file.startswith(f"{name} ")), key=len, default="")
    return names[longest] + file[len(longest) :] if longest else file
