"""Bodies of requests for effects and of decisions."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.approval import Approval, Decision, Effect


class RequestBody(BaseModel):
    """What a person asks for without a conversation."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"analysis_id": "a1", "effect": "sign"}]})

    analysis_id: str = Field(min_length=1, max_length=64)
    effect: Effect
    destination: str = Field(default="", max_length=40, description='For a delivery; "" is the usual one, "folder".')


class DecisionBody(BaseModel):
    """What a person decides, in their own name."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"decision": "approved"}]})

    decision: Literal[Decision.APPROVED, Decision.DENIED]
    reason: str = Field(default="", max_length=500, description="The decider's words.")


class ApprovalView(BaseModel):
    """One request, and what was decided."""

    approval_id: str
    effect: Effect
    analysis_id: str
    study_uid: str
    asked_by: str
    asked: datetime
    expires: datetime
    decision: Decision = Field(description="pending, approved, denied or expired")
    decided_by: str
    decided: datetime | None
    reason: str
    details: dict[str, str] = Field(description="Of a delivery: its destination.")


class ApprovalList(BaseModel):
    """Requests about a study, newest first."""

    approvals: list[ApprovalView]


def view(approval: Approval) -> ApprovalView:
    """The wire form of a request."""
    return ApprovalView(**{**vars(approval), "details": dict(approval.details)})
