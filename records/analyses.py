"""Analyses on record: the report document and the folder of artifacts, behind the patient lock."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.analysis import UNREVIEWED, Analysis
from domain.errors import AnalysisNotFound, ArtifactNotFound, TransitionRefused
from records.audit import Attempt, AuditLedger
from records.tables import AnalysisRow

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class AnalysisRecord:
    """What is kept about an analysis; `document` is its report.json."""

    analysis_id: str
    study_uid: str
    patient_key: str
    status: str
    created: datetime
    indication: str
    priority: str
    document: dict[str, Any]


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

    async def put(self, access: AccessContext, analysis: Analysis) -> AnalysisRecord:
        """Record an analysis whose report.json was written to `folder(analysis_id)`.

        Raises:
            PatientLockViolation: the work is bound to another patient.
            ArtifactNotFound: the analysis wrote no report.json.
            TransitionRefused: a run claims what only a person may say, or would replace what a person looked at.
        """
        document = await asyncio.to_thread(_document, self.folder(analysis.analysis_id))

        def work(session: Session) -> AnalysisRecord:
            access.require(analysis.study.patient.key)
            before = session.get(AnalysisRow, analysis.analysis_id)
            claimed = (analysis.status, document.get("status", analysis.status))
            if not UNREVIEWED.issuperset(claimed) or (before is not None and before.status not in UNREVIEWED):
                raise TransitionRefused("A run leaves drafts only.", remedy="Start a new analysis of the study.")
            row = AnalysisRow(
                id=analysis.analysis_id,
                study_uid=analysis.study.study_uid,
                patient_key=analysis.study.patient.key,
                status=analysis.status.value,
                created=analysis.created,
                indication=analysis.order.indication,
                priority=analysis.order.priority.value,
                document=document,
            )
            return _record(session.merge(row))

        return await self._audit.guard(access, Attempt("analysis.store", "analysis", analysis.analysis_id), work)

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

    async def artifacts(self, access: AccessContext, analysis_id: str) -> tuple[Path, ...]:
        """Files of an analysis, by name. Raises AnalysisNotFound, PatientLockViolation."""
        await self.get(access, analysis_id, "artifact.list")
        return await asyncio.to_thread(_files, self.folder(analysis_id))

    async def artifact(self, access: AccessContext, analysis_id: str, name: str) -> Path:
        """One file of an analysis; only names that its folder lists. Raises ArtifactNotFound and as `artifacts`."""
        await self.get(access, analysis_id, "artifact.read")
        for path in await asyncio.to_thread(_files, self.folder(analysis_id)):
            if path.name == name:
                return path
        raise ArtifactNotFound("This analysis has no such file.", remedy="List its artifacts and use one of the names.")


def _files(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink()))


def _document(folder: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtifactNotFound("The analysis wrote no report.", where="report.json") from error
    return document


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
    )
