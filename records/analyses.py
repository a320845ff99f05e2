"""Analyses on record: the report document and the folder of artifacts, behind the patient lock."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.analysis import Analysis, Status, Step
from domain.errors import AnalysisNotFound, ArtifactNotFound, TransitionRefused
from domain.lifecycle import STORED, Actor, transition
from records.analysis_tables import StepRow
from records.artifacts import ArtifactFacts, facts_of, files_of, keep_artifacts, kept_artifacts
from records.audit import Attempt, AuditLedger
from records.order_rows import order_behind
from records.tables import AnalysisRow

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class AnalysisRecord:
    """What is kept about an analysis; `document` is its report.json, `version` counts its changes."""

    analysis_id: str
    study_uid: str
    patient_key: str
    status: str
    created: datetime
    indication: str
    priority: str
    document: dict[str, Any]
    order_id: str = ""
    version: int = 1


class AnalysisRecords:
    """Reads and writes analyses; every call is audited in its own transaction.

    Args:
        root: folder below which each analysis has its folder of artifacts.
    """

    def __init__(self, audit: AuditLedger, root: Path) -> None:
        self._audit = audit
        self._root = root

    def folder(self, analysis_id: str) -> Path:
        """Where the artifacts of an analysis lie. Raises AnalysisNotFound for what cannot be an id."""
        if not IDENTIFIER.fullmatch(analysis_id):
            raise AnalysisNotFound("There is no such analysis.")
        return self._root / analysis_id

    async def access(self, user: str, analysis_id: str, purpose: str = "TREAT") -> AccessContext:
        """Bind a user's work to the patient of an analysis. Raises AnalysisNotFound."""
        row = await self._audit.database.transact(lambda session: _row(session, analysis_id))
        return AccessContext(user, row.patient_key, purpose)

    async def put(
        self, access: AccessContext, analysis: Analysis, *, fence: Callable[[Session], None] | None = None
    ) -> AnalysisRecord:
        """Record an analysis whose files were written to `folder(analysis_id)`: its order, steps and artifacts too.

        The same run once more replaces what nobody has looked at.

        Args:
            fence: asked first, in the same transaction: raises where whoever ran it may record it no more.

        Raises:
            PatientLockViolation: the work, or the order, is bound to another patient.
            ArtifactNotFound: the analysis wrote no report.json.
            TransitionRefused: a run claims what only a person may say, or would replace what a person looked at.
        """
        folder = self.folder(analysis.analysis_id)
        document = await asyncio.to_thread(_document, folder)
        artifacts = await asyncio.to_thread(lambda: [facts_of(path) for path in files_of(folder)])

        def work(session: Session) -> AnalysisRecord:
            access.require(analysis.study.patient.key)
            if fence is not None:
                fence(session)
            row = session.get(AnalysisRow, analysis.analysis_id, with_for_update=True)
            _require_run(row, analysis, document)
            order_id = order_behind(session, analysis)
            if row is None:
                row = AnalysisRow(id=analysis.analysis_id, order_id=order_id)
                session.add(row)
            _fill(row, analysis, document)
            session.flush()
            _keep_steps(session, analysis)
            keep_artifacts(session, analysis.analysis_id, artifacts, all_of_them=True)
            return _record(row)

        return await self._audit.guard(access, Attempt(STORED, "analysis", analysis.analysis_id), work)

    async def get(self, access: AccessContext, analysis_id: str, action: str = "analysis.read") -> AnalysisRecord:
        """One analysis. Raises AnalysisNotFound, PatientLockViolation."""

        def work(session: Session) -> AnalysisRecord:
            row = _row(session, analysis_id)
            access.require(row.patient_key)
            return _record(row)

        return await self._audit.guard(access, Attempt(action, "analysis", analysis_id), work)

    async def of_study(self, access: AccessContext, study_uid: str) -> tuple[AnalysisRecord, ...]:
        """Analyses of a study, newest first. Raises PatientLockViolation."""

        def work(session: Session) -> tuple[AnalysisRecord, ...]:
            query = select(AnalysisRow).where(AnalysisRow.study_uid == study_uid).order_by(AnalysisRow.created.desc())
            rows = session.scalars(query).all()
            for row in rows:
                access.require(row.patient_key)
            return tuple(_record(row) for row in rows)

        return await self._audit.guard(access, Attempt("analysis.list", "study", study_uid), work)

    async def steps(self, access: AccessContext, analysis_id: str) -> tuple[Step, ...]:
        """Steps of an analysis in their order, without inputs and outputs: those are in its report. Raises as `get`."""

        def work(session: Session) -> tuple[Step, ...]:
            access.require(_row(session, analysis_id).patient_key)
            rows = select(StepRow).where(StepRow.analysis_id == analysis_id).order_by(StepRow.number)
            return tuple(
                Step(r.step_id, r.agent, r.tool, r.started, r.seconds, r.ok, r.model, r.error)
                for r in session.scalars(rows)
            )

        return await self._audit.guard(access, Attempt("analysis.steps", "analysis", analysis_id), work)

    async def manifest(self, access: AccessContext, analysis_id: str) -> tuple[ArtifactFacts, ...]:
        """What is on record about the files of an analysis, by name. Raises as `get`."""

        def work(session: Session) -> tuple[ArtifactFacts, ...]:
            access.require(_row(session, analysis_id).patient_key)
            return kept_artifacts(session, analysis_id)

        return await self._audit.guard(access, Attempt("artifact.manifest", "analysis", analysis_id), work)

    async def artifacts(self, access: AccessContext, analysis_id: str) -> tuple[Path, ...]:
        """Files of an analysis, by name. Raises AnalysisNotFound, PatientLockViolation."""
        await self.get(access, analysis_id, "artifact.list")
        return await asyncio.to_thread(files_of, self.folder(analysis_id))

    async def artifact(self, access: AccessContext, analysis_id: str, name: str) -> Path:
        """One file of an analysis; only names that its folder lists. Raises ArtifactNotFound and as `artifacts`."""
        await self.get(access, analysis_id, "artifact.read")
        for path in await asyncio.to_thread(files_of, self.folder(analysis_id)):
            if path.name == name:
                return path
        raise ArtifactNotFound("This analysis has no such file.", remedy="List its artifacts and use one of the names.")


def _document(folder: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtifactNotFound("The analysis wrote no report.", where="report.json") from error
    return document


def _require_run(row: AnalysisRow | None, analysis: Analysis, document: dict[str, Any]) -> None:
    """Refuse what a run may not leave behind (`domain.lifecycle.LIFE`)."""
    present = None if row is None else Status(row.status)
    claimed = {analysis.status.value, str(document.get("status", analysis.status.value))}
    allowed = {status.value for status in Status if transition(present, status, Actor.RUN)}
    if not claimed <= allowed:
        raise TransitionRefused("A run leaves drafts only.", remedy="Start a new analysis of the study.")


def _fill(row: AnalysisRow, analysis: Analysis, document: dict[str, Any]) -> None:
    row.study_uid = analysis.study.study_uid
    row.patient_key = analysis.study.patient.key
    row.status = analysis.status.value
    row.created = analysis.created
    row.indication = analysis.order.indication
    row.priority = analysis.order.priority.value
    row.document = document


def _keep_steps(session: Session, analysis: Analysis) -> None:
    session.execute(delete(StepRow).where(StepRow.analysis_id == analysis.analysis_id))
    session.add_all(
        StepRow(
            analysis_id=analysis.analysis_id,
            number=number,
            step_id=step.step_id[:64],
            agent=step.agent[:64],
            tool=step.tool[:128],
            model=step.model[:256],
            started=step.started,
            seconds=step.seconds,
            ok=step.ok,
            error=step.error,
        )
        for number, step in enumerate(analysis.steps, start=1)
    )


def _row(session: Session, analysis_id: str) -> AnalysisRow:
    row = session.get(AnalysisRow, analysis_id)
    if row is None:
        raise AnalysisNotFound("There is no such analysis.")
    return row


def _record(row: AnalysisRow) -> AnalysisRecord:
    return AnalysisRecord(
        analysis_id=row.id,
        study_uid=row.study_uid,
        patient_key=row.patient_key,
        status=row.status,
        created=row.created,
        indication=row.indication,
        priority=row.priority,
        document=row.document,
        order_id=row.order_id,
        version=row.version,
    )
