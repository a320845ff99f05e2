"""Studies on record that a filter names, page by page, in an order that does not change while more arrive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from domain.access import AccessContext
from jobs.batch.request import StoredFilter
from records.audit import Attempt, AuditLedger
from records.tables import StudyRow

PAGE = 500


async def stored_studies(audit: AuditLedger, access: AccessContext, which: StoredFilter) -> AsyncIterator[list[str]]:
    """UIDs of studies, by UID; each page is audited as a list.

    Args:
        access: bound to no patient: the pages show identifiers only.
    """
    after = ""

    def work(session: Session) -> list[str]:
        query = select(StudyRow.study_uid).where(StudyRow.study_uid > after, *_conditions(which))
        return list(session.scalars(query.order_by(StudyRow.study_uid).limit(PAGE)))

    while True:
        page = await audit.guard(access, Attempt("study.list", "study", "", "batch"), work)
        if page:
            yield page
            after = page[-1]
        if len(page) < PAGE:
            return


def _conditions(which: StoredFilter) -> list[ColumnElement[bool]]:
    study = StudyRow
    found: list[ColumnElement[bool]] = []
    if which.modality:
        # "CT\PT" is a study of both.
        found.append(("\\" + func.upper(study.modality) + "\\").contains(f"\\{which.modality}\\", autoescape=True))
    if which.since is not None:
        found.append(study.started >= which.since)
    if which.until is not None:
        found.append(study.started < which.until)
    for column, words in ((study.body_part, which.body_part), (study.description, which.description)):
        if words:
            found.append(_holds(column, words))
    return found


def _holds(column: Any, words: str) -> ColumnElement[bool]:
    return func.lower(column).contains(words.lower(), autoescape=True)
