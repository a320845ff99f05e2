"""Addenda to signed reports: added and signed by their author, never changed; each seals all that stands before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.analysis import Status
from domain.errors import TransitionRefused
from domain.ports import Clock
from domain.review_acts import ADDED_TO
from records.analyses import AnalysisRecords
from records.audit import Attempt, AuditLedger
from records.errors import require_version
from records.review_tables import AddendumRow
from records.reviews import locked
from records.signed_files import REPLACED, SEALED, as_signed, require_sealed, sealed
from tools.artifacts import json_bytes

ADDED = "analysis.addendum"


@dataclass(frozen=True)
class Addendum:
    """One text added to a signed report.

    Attributes:
        author: the name that it is signed with. signed_by: the user who signed it.
        seal: SHA-256 of report.json as it was before: whoever changes that, or an earlier addendum, breaks it.
    """

    number: int
    text: str
    author: str
    signed_by: str
    signed_at: datetime
    seal: str

    def told(self) -> dict[str, Any]:
        """As the report tells it."""
        return {**vars(self), "signed_at": self.signed_at.isoformat()}


class Addenda:
    """Adds to signed reports. The files follow the record with `Signing.settle`."""

    def __init__(self, audit: AuditLedger, analyses: AnalysisRecords, clock: Clock) -> None:
        self._audit = audit
        self._analyses = analyses
        self._clock = clock

    async def add(
        self, access: AccessContext, analysis_id: str, text: str, author: str, *, expected: int | None = None
    ) -> Addendum:
        """Add a text, signed by the person whose access it is.

        Args:
            expected: the version that the author read; None takes it as it is.

        Raises:
            AnalysisNotFound, PatientLockViolation, Conflict.
            TransitionRefused: it is not signed.
            SignatureBroken: the files are not what was signed; nothing is added to them.
        """
        folder = self._analyses.folder(analysis_id)

        def work(session: Session) -> Addendum:
            row = locked(session, access, analysis_id)
            require_version("analysis", row.version, expected)
            _require_signed(Status(row.status))
            before, earlier = as_signed(row.document), row.document.get("addenda", ())
            digests = require_sealed(folder, before)
            addendum = Addendum(
                len(earlier) + 1,
                text,
                author,
                access.user,
                self._clock.now(),
                sha256(json_bytes(before)).hexdigest(),
            )
            document = {**row.document, "addenda": [*earlier, addendum.told()]}
            said = sealed(folder, as_signed(document), digests)
            row.document = {**document, REPLACED: said[REPLACED], SEALED: said[SEALED]}
            session.add(AddendumRow(analysis_id=analysis_id, **vars(addendum)))
            return addendum

        return await self._audit.guard(access, Attempt(ADDED, "analysis", analysis_id), work)


def _require_signed(status: Status) -> None:
    if status not in ADDED_TO:
        words = status.value.replace("_", " ")
        remedy = "Sign it first; until then the text itself is corrected."
        if status is Status.REJECTED:
            remedy = "Ask for a new analysis of the study."
        raise TransitionRefused(f"The analysis is {words}.", remedy=remedy)
