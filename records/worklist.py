"""The worklist: one row a study that has something to do or was lately here, and what a reader marks on it.

Every call is audited in its own transaction, behind the patient lock: work that is bound to a patient sees theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.errors import StudyNotFound
from domain.ports import Clock
from domain.turnaround import Turnaround
from records.audit import Attempt, AuditLedger
from records.job_tables import JobRow
from records.job_walk import walk_along_indexes
from records.tables import AnalysisRow, StudyRow
from records.worklist_changes import next_change
from records.worklist_entries import Marks, WorklistEntry, WorklistPage, entry_of
from records.worklist_filter import IMAGES_ALONE, WorklistFilter, conditions, flagged, overdue, present, unread, words
from records.worklist_order import Cursor, Sort, among, few, stages, walk
from records.worklist_tables import ToDo, WorklistMarkRow, WorklistRow

LATELY = timedelta(days=7)
"""How long a study stays on the list that has nothing to do, or that nobody asked anything about."""
LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)
FEW = 2000
"""Rows of a filter up to which they are sorted here; where there are more, a page of them is soon found in order."""


class Worklist:
    """Reads the list and keeps marks.

    Args:
        turnaround: how soon studies shall be read.
    """

    def __init__(self, audit: AuditLedger, clock: Clock, turnaround: Turnaround | None = None) -> None:
        self.turnaround = turnaround or Turnaround()
        self.database = audit.database
        self._audit = audit
        self._clock = clock

    def now(self) -> datetime:
        """The time that ages are counted to."""
        return self._clock.now()

    async def page(
        self,
        access: AccessContext,
        which: WorklistFilter | None = None,
        *,
        sort: Sort = Sort.URGENT,
        after: Cursor | None = None,
        limit: int = 50,
    ) -> WorklistPage:
        """Rows behind `after`."""
        which, now = which or WorklistFilter(), self._clock.now()
        # Whoever searches looks for a study, however long ago it was here.
        lately = LONG_AGO if words(which.search) else now - LATELY

        def work(session: Session) -> WorklistPage:
            many, rare = conditions(session, which, access.user, self.turnaround, now)
            if access.patient_key is not None:
                rare.append(WorklistRow.patient_key == access.patient_key)
            order, wanted = stages(sort, self.turnaround), [*many, *rare]
            found = few(session, wanted, FEW) if rare else None
            if found is not None:
                uids, last = among(found, order, lately, after=after, limit=limit)
            else:
                walk_along_indexes(session)
                uids, last = walk(session, order, wanted, lately, after=after, limit=limit)
            return WorklistPage(self._entries(session, access.user, uids), last, now)

        return await self._audit.guard(access, Attempt("worklist.list", "study"), work)

    async def mark(self, access: AccessContext, study_uid: str, marks: Marks) -> WorklistEntry:
        """Change what a reader marked; what follows the list is told. Raises StudyNotFound, PatientLockViolation."""
        said = {"flagged": marks.flagged, "mine": marks.mine, "read": marks.read}
        detail = ",".join(f"{name}={str(value).lower()}" for name, value in said.items() if value is not None)

        def work(session: Session) -> WorklistEntry:
            row = session.get(WorklistRow, study_uid, with_for_update=True)
            if row is None:
                raise StudyNotFound("There is no such study.")
            access.require(row.patient_key)
            self._mark(session, access.user[:128], row, marks)
            if marks.mine or (marks.mine is False and row.reader == access.user[:128]):
                row.reader = access.user[:128] if marks.mine else ""
            session.flush()
            of_study = update(WorklistRow).where(WorklistRow.study_uid == study_uid)
            session.execute(of_study.values(changed=next_change(session)))
            session.expire(row)
            return self._entries(session, access.user, [study_uid])[0]

        return await self._audit.guard(access, Attempt("worklist.mark", "study", study_uid, detail), work)

    async def counts(self, access: AccessContext) -> list[tuple[Mapping[str, Any], int]]:
        """How many rows of the list are alike in what it is filtered by; numbers only, which name nobody."""
        row, now = WorklistRow, self._clock.now()
        lately = (row.todo == int(ToDo.A_PERSON_OR_JOB)) | (row.touched >= now - LATELY)
        facets: dict[str, Any] = {
            "state": row.state,
            "status": row.status,
            "rank": row.rank,
            "modality": row.modality,
            "critical": row.critical > 0,
            "mine": row.reader == access.user,
            "overdue": overdue(self.turnaround, now),
            "flagged": flagged(access.user),
            "unread": unread(access.user),
        }

        def work(session: Session) -> list[tuple[Mapping[str, Any], int]]:
            named: list[Any] = [column.label(name) for name, column in facets.items()]
            inner = select(*named).where(lately)
            if access.patient_key is not None:
                inner = inner.where(row.patient_key == access.patient_key)
            rows = inner.subquery()
            query = select(*rows.c, func.count()).group_by(*rows.c)
            return [(dict(zip(facets, found[:-1], strict=True)), found[-1]) for found in session.execute(query)]

        return await self._audit.database.transact(work)

    def _mark(self, session: Session, user: str, row: WorklistRow, marks: Marks) -> None:
        mark = session.get(WorklistMarkRow, (user, row.study_uid))
        if mark is None:
            mark = WorklistMarkRow(user=user, study_uid=row.study_uid, flagged=False, read_of="")
            session.add(mark)
        mark.at = self._clock.now()
        if marks.flagged is not None:
            mark.flagged = marks.flagged
        if marks.read is not None:
            mark.read_of = (row.analysis_id or IMAGES_ALONE) if marks.read else ""

    def _entries(self, session: Session, user: str, uids: list[str]) -> tuple[WorklistEntry, ...]:
        """Everything about some rows, in their order."""
        row, study, analysis, mark = WorklistRow, StudyRow, AnalysisRow, WorklistMarkRow
        facts = (study.patient_id, study.accession, study.body_part, study.description, study.started, study.created)
        query = (
            select(row, *facts, JobRow, analysis.created, mark.flagged, mark.read_of == present())
            .join(study, study.study_uid == row.study_uid)
            .outerjoin(JobRow, JobRow.number == row.job)
            .outerjoin(analysis, analysis.id == row.analysis_id)
            .outerjoin(mark, and_(mark.user == user, mark.study_uid == row.study_uid))
            .where(row.study_uid.in_(uids))
        )
        found = {each[0].study_uid: entry_of(self.turnaround, *each) for each in session.execute(query)}
        return tuple(found[uid] for uid in uids if uid in found)
