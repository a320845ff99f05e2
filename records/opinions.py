"""Second opinions and peer reviews on record: asked once, answered once, each audited in its transaction.

They stand beside the report and never in it: what a peer says of a colleague's reading is quality work, not part of
what is delivered.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.analysis import Status
from domain.errors import OpinionNotFound, ReviewRefused, TransitionRefused
from domain.ports import Clock
from domain.review_acts import Agreement, OpinionKind
from records.audit import Attempt, AuditLedger
from records.errors import Conflict, require_version
from records.review_tables import OpinionRow
from records.reviews import locked


@dataclass(frozen=True)
class Opinion:
    """A request, and its answer: `agreement` is None until it comes.

    Attributes:
        asked_of: whom, "" for whoever reads next. answered_as: the name that the answer is given under.
    """

    opinion_id: str
    analysis_id: str
    kind: OpinionKind
    asked_of: str
    question: str
    asked_by: str
    asked: datetime
    agreement: Agreement | None = None
    comment: str = ""
    answered_by: str = ""
    answered_as: str = ""
    answered: datetime | None = None


class Opinions:
    """Asks for opinions and takes answers."""

    def __init__(
        self, audit: AuditLedger, clock: Clock, *, new_id: Callable[[], str] = lambda: uuid.uuid4().hex
    ) -> None:
        self._audit = audit
        self._clock = clock
        self._new_id = new_id

    async def ask(
        self,
        access: AccessContext,
        analysis_id: str,
        kind: OpinionKind,
        *,
        asked_of: str,
        question: str,
        expected: int | None = None,
    ) -> Opinion:
        """A request that waits for its answer.

        Args:
            expected: the version that the person read; None takes it as it is.

        Raises:
            AnalysisNotFound, PatientLockViolation, Conflict.
            TransitionRefused: a second opinion of what is signed, or any of what is rejected.
        """

        def work(session: Session) -> Opinion:
            row = locked(session, access, analysis_id)
            require_version("analysis", row.version, expected)
            _require_askable(kind, Status(row.status))
            asked = OpinionRow(
                opinion_id=self._new_id(),
                analysis_id=analysis_id,
                kind=kind.value,
                asked_of=asked_of,
                question=question,
                asked_by=access.user,
                asked=self._clock.now(),
                agreement="",
                comment="",
                answered_by="",
                answered_as="",
            )
            session.add(asked)
            session.flush()
            return opinion_of(asked)

        return await self._audit.guard(access, Attempt(f"opinion.ask.{kind.value}", "analysis", analysis_id), work)

    async def answer(
        self,
        access: AccessContext,
        analysis_id: str,
        opinion_id: str,
        agreement: Agreement,
        *,
        comment: str,
        answered_as: str,
        expected: int | None = None,
    ) -> Opinion:
        """The answer, once.

        Raises:
            AnalysisNotFound, OpinionNotFound, PatientLockViolation.
            Conflict: it was answered before, or the analysis is another version now.
            ReviewRefused: a disagreement that does not say with what.
        """

        def work(session: Session) -> Opinion:
            analysis = locked(session, access, analysis_id)
            require_version("analysis", analysis.version, expected)
            row = session.get(OpinionRow, opinion_id)
            if row is None or row.analysis_id != analysis_id:
                raise OpinionNotFound("There is no such request for an opinion.")
            if row.agreement:
                raise Conflict("This was answered before.", remedy="Ask for another opinion.")
            if agreement is not Agreement.AGREE and not comment:
                raise ReviewRefused(
                    "A disagreement says with what.", where="comment", remedy="Say what you read otherwise."
                )
            row.agreement, row.comment = agreement.value, comment
            row.answered_by, row.answered_as, row.answered = access.user, answered_as, self._clock.now()
            return opinion_of(row)

        attempt = Attempt("opinion.answer", "opinion", opinion_id, agreement.value)
        return await self._audit.guard(access, attempt, work)


def _require_askable(kind: OpinionKind, status: Status) -> None:
    if status is Status.REJECTED:
        raise TransitionRefused("The analysis is rejected.", remedy="Ask for a new analysis of the study.")
    if kind is OpinionKind.SECOND and status in {Status.SIGNED, Status.DELIVERED}:
        raise TransitionRefused(
            f"The analysis is {status.value}: a second opinion comes before.", remedy="Ask for a peer review."
        )


def opinion_of(row: OpinionRow) -> Opinion:
    """A row as the opinion that it keeps."""
    return Opinion(
        opinion_id=row.opinion_id,
        analysis_id=row.analysis_id,
        kind=OpinionKind(row.kind),
        asked_of=row.asked_of,
        question=row.question,
        asked_by=row.asked_by,
        asked=row.asked,
        agreement=Agreement(row.agreement) if row.agreement else None,
        comment=row.comment,
        answered_by=row.answered_by,
        answered_as=row.answered_as,
        answered=row.answered,
    )
