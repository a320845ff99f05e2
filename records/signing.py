"""The life of an analysis after the draft: reviewed, signed, delivered or rejected, by a person and on record.

Nothing puts an analysis into SIGNED but the decision on a request for it: the decision, the new status and both audit
events are one transaction. The record is the truth, and files follow it: a process that ends between the two leaves
older files, which are written again before anything is delivered.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.analysis import UNREVIEWED, Status
from domain.approval import Approval, Decision, Effect
from domain.errors import ApprovalDecided, ReviewRefused, TransitionRefused
from domain.lifecycle import DELIVERED, SIGNED
from domain.ports import Clock
from domain.review import CORRECTING, Action, Review, after_review, require_transition
from domain.review_acts import require_told, undelivered
from records.analyses import AnalysisRecord, AnalysisRecords
from records.approvals import ApprovalRecords, Then
from records.artifacts import facts_of, files_of, keep_artifacts, kept_artifacts
from records.audit import Attempt, AuditLedger
from records.errors import require_version
from records.files import folder_name
from records.reviews import Act, keep_act, locked
from records.signed_files import PAGES, REPORT, TEXT, as_signed, copy_signed, digests_of, follow, sealed
from records.tables import AnalysisRow
from tools.reviewed_report import edited


class Signing:
    """What persons do with analyses.

    Args:
        approvals: where effects are asked for and decided.
        delivered: folder that signed files are delivered to, as `<study>/<analysis>`.
    """

    def __init__(
        self, audit: AuditLedger, analyses: AnalysisRecords, approvals: ApprovalRecords, clock: Clock, delivered: Path
    ) -> None:
        self.approvals = approvals
        self._audit = audit
        self._analyses = analyses
        self._clock = clock
        self._delivered = delivered

    async def review(
        self, access: AccessContext, analysis_id: str, review: Review, *, expected: int | None = None
    ) -> AnalysisRecord:
        """Take a draft into review, correct it there, give it back, reject it, or sign it.

        Args:
            expected: the version that the reviewer read; None takes it as it is.

        Raises:
            AnalysisNotFound, PatientLockViolation.
            Conflict: the analysis is another version now.
            TransitionRefused: the act does not fit the present status.
            ReviewRefused: corrections that do not fit the draft, or come with an act that corrects nothing.
            ApprovalDecided: another person decided on the signature at the same time.
        """
        corrects = bool(review.edits) or review.summary is not None
        if corrects and review.action not in CORRECTING:
            raise ReviewRefused(
                "Corrections come with start or edit.", where="edits", remedy="Correct it in review, then go on."
            )
        if review.action is Action.EDIT and not corrects:
            raise ReviewRefused("There is nothing to correct.", where="edits", remedy="Send the corrected sentences.")
        if review.action is Action.SIGN:
            return await self._signed_by(access, analysis_id, review.reason, expected)

        def work(session: Session) -> None:
            row = locked(session, access, analysis_id)
            require_version("analysis", row.version, expected)
            acts, present = list(row.document.get("reviews", ())), Status(row.status)
            taken = next((a["from"] for a in reversed(acts) if a["action"] == Action.START.value), Status.DRAFT)
            becomes = after_review(review.action, present, Status(taken))
            corrected = (*review.edits, *(["summary"] if review.summary is not None else []))
            act = Act(review.action, access.user, self._clock.now(), review.reason, present, becomes, corrected)
            document = edited(row.document, review.edits, review.summary, access.user, act.at.isoformat())
            _keep(row, becomes, {**document, "reviews": [*acts, act.told()]})
            keep_act(session, analysis_id, act)

        attempt = Attempt(f"analysis.review.{review.action.value}", "analysis", analysis_id)
        await self._audit.guard(access, attempt, work)
        await self.settle(analysis_id)
        return await self._analyses.get(access, analysis_id)

    async def decide(
        self,
        access: AccessContext,
        approval_id: str,
        decision: Decision,
        reason: str,
        *,
        expected: int | None = None,
    ) -> Approval:
        """A person's decision on a request, and what it allows.

        The same decision of the same person once more counts as one: what an ended process left undone is done.

        Args:
            expected: the version of the analysis that the person read; None takes it as it is.

        Raises:
            ApprovalNotFound, PatientLockViolation, ApprovalDecided.
            Conflict: the analysis is another version now; nothing is decided then.
            TransitionRefused: the analysis is not where the effect may come; nothing is decided then.
            CriticalUntold: a critical finding is neither told nor dismissed; nothing is signed then.
            SignatureBroken: delivery was approved, but the files are not what was signed; nothing is delivered.
        """
        asked = await self.approvals.get(access, approval_id)
        then = await self._allowed(access, asked, expected) if decision is Decision.APPROVED else None
        try:
            decided = await self.approvals.decide(access, approval_id, decision, reason, then)
        except ApprovalDecided:
            decided = await self.approvals.get(access, approval_id)
            if (decided.decision, decided.decided_by) != (decision, access.user):
                raise
        if decided.decision is Decision.APPROVED:
            await self.settle(decided.analysis_id)
            if decided.effect is Effect.DELIVER:
                await self._hand_over(access, decided)
        return decided

    async def settle(self, analysis_id: str) -> None:
        """Let the files follow the record, under its lock: of two changes the later one is written last.

        Drafts that nobody reviewed are as their run wrote them, and what was delivered stays as it was signed, with the
        addenda that came after.
        """

        def work(session: Session) -> None:
            row = session.get(AnalysisRow, analysis_id, with_for_update=True)
            if row is None or (row.status == Status.DELIVERED.value and not row.document.get("addenda")):
                return
            if {"reviews", "communications"} & row.document.keys() or Status(row.status) not in UNREVIEWED:
                folder = self._analyses.folder(analysis_id)
                follow(folder, as_signed(row.document))
                known = {fact.name for fact in kept_artifacts(session, analysis_id)} - {REPORT, TEXT, PAGES}
                changed = [facts_of(path) for path in files_of(folder) if path.name not in known]
                keep_artifacts(session, analysis_id, changed, all_of_them=False)

        await self._audit.database.transact(work)

    async def _signed_by(
        self, access: AccessContext, analysis_id: str, reason: str, expected: int | None
    ) -> AnalysisRecord:
        """A person's own signature: the request for it, and their yes to it."""
        record = await self._analyses.get(access, analysis_id)
        require_version("analysis", record.version, expected)
        require_transition(Status(record.status), Status.SIGNED)
        require_told(record.document)
        asked = await self.approvals.ask(
            access, Effect.SIGN, analysis_id=analysis_id, study_uid=record.study_uid, details={}
        )
        await self.decide(access, asked.approval_id, Decision.APPROVED, reason, expected=record.version)
        return await self._analyses.get(access, analysis_id)

    async def _allowed(self, access: AccessContext, asked: Approval, expected: int | None) -> Then:
        """What an approval does in its own transaction: the signature, or the check that there is one."""
        if asked.effect is Effect.DELIVER:

            def require_signed(session: Session, approval: Approval) -> None:
                row = locked(session, access, approval.analysis_id)
                require_version("analysis", row.version, expected)
                if not undelivered(row.document):
                    require_transition(Status(row.status), Status.DELIVERED)

            return require_signed
        folder = self._analyses.folder(asked.analysis_id)
        digests = await asyncio.to_thread(digests_of, folder)

        def sign(session: Session, approval: Approval) -> None:
            row = locked(session, access, approval.analysis_id)
            require_version("analysis", row.version, expected)
            present = Status(row.status)
            require_transition(present, Status.SIGNED)
            require_told(row.document)
            signature = {
                "signed_by": approval.decided_by,
                "signed_at": approval.decided.isoformat() if approval.decided else "",
                "approval_id": approval.approval_id,
            }
            document = {**row.document, **signature, "status": Status.SIGNED.value}
            _keep(row, Status.SIGNED, sealed(folder, document, digests))
            at = approval.decided or self._clock.now()
            act = Act(Action.SIGN, approval.decided_by, at, approval.reason, present, Status.SIGNED)
            keep_act(session, approval.analysis_id, act)
            self._audit.append(session, access, Attempt(SIGNED, "analysis", approval.analysis_id), "ok")

        return sign

    async def _hand_over(self, access: AccessContext, asked: Approval) -> None:
        """Deliver what was signed; once it is delivered nothing is left to do."""
        record = await self._analyses.get(access, asked.analysis_id, "analysis.deliver")
        if record.status == Status.DELIVERED.value and not undelivered(record.document):
            return
        addenda = record.document.get("addenda", ())
        if addenda and asked.decided and asked.decided < datetime.fromisoformat(addenda[-1]["signed_at"]):
            raise TransitionRefused("An addendum came after this approval.", remedy="Ask for the delivery again.")
        name = record.analysis_id + (f".addendum-{len(addenda)}" if addenda else "")
        target = self._delivered / folder_name(record.study_uid) / name
        delivery = {
            "delivered_by": access.user,
            "delivered_at": self._clock.now().isoformat(),
            "destination": asked.details["destination"],
        }
        signed = {k: record.document[k] for k in ("analysis_id", "study_uid", "signed_by", "signed_at", "approval_id")}
        folder = self._analyses.folder(record.analysis_id)
        document = as_signed(record.document)
        await asyncio.to_thread(copy_signed, folder, target, document, {**signed, **delivery})

        def delivered(session: Session) -> None:
            row = locked(session, access, asked.analysis_id)
            first = row.status != Status.DELIVERED.value
            if first:
                require_transition(Status(row.status), Status.DELIVERED)
            if first or undelivered(row.document):  # else by the same approval, sent twice at once
                reached = {**delivery, "delivered_addenda": len(addenda)} if addenda else delivery
                _keep(row, Status.DELIVERED, {**row.document, **reached})

        await self._audit.guard(access, Attempt(DELIVERED, "analysis", asked.analysis_id), delivered)


def _keep(row: AnalysisRow, status: Status, document: dict[str, Any]) -> None:
    row.status = status.value
    row.document = {**document, "status": status.value}
