"""Approval of effects: what a tool may only ask for, and a person decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.access import AccessContext


class Effect(StrEnum):
    """What would change the world outside a draft."""

    SIGN = "sign"
    DELIVER = "deliver"


class Decision(StrEnum):
    """The life of a request."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Approval:
    """One request for an effect.

    Attributes:
        effect, analysis_id: what is asked. details: e.g. {"destination": "pacs"}; no identity.
        asked_by: the user whose conversation asked. decided_by: the person who decided, "" before.
        reason: the decider's words, "" without.
    """

    approval_id: str
    effect: Effect
    analysis_id: str
    study_uid: str
    asked_by: str
    asked: datetime
    expires: datetime
    decision: Decision = Decision.PENDING
    decided_by: str = ""
    decided: datetime | None = None
    reason: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


class Requests(Protocol):
    """Where effects are asked for: all that a run may reach, so that nothing in it can decide."""

    async def ask(
        self, access: AccessContext, effect: Effect, *, analysis_id: str, study_uid: str, details: Mapping[str, str]
    ) -> Approval:
        """A pending request; the same one again when it is already pending.

        Raises:
            AnalysisNotFound, PatientLockViolation.
            TransitionRefused: the analysis is past that effect, or the destination is not configured.
        """


class Approvals(Requests, Protocol):
    """Requests on record, behind the patient lock, each change audited in its own transaction."""

    async def get(self, access: AccessContext, approval_id: str) -> Approval:
        """Raises ApprovalNotFound, PatientLockViolation."""

    async def of_study(self, access: AccessContext, study_uid: str) -> Sequence[Approval]:
        """Newest first."""

    async def decide(self, access: AccessContext, approval_id: str, decision: Decision, reason: str) -> Approval:
        """A person's decision, once. Raises ApprovalNotFound, ApprovalDecided (also when it has expired)."""
