"""Bodies of acts on critical findings, of opinions, addenda, histories and deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from api.approvals.schemas import ApprovalView
from api.approvals.schemas import view as approval_view
from domain.review_acts import Agreement, Channel, Communication, OpinionKind, Role, Telling
from records.opinions import Opinion
from records.review_history import History

Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]


class CriticalBody(BaseModel):
    """What became of a critical finding, by the person who calls."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "finding_id": "f1",
                    "rule": "pneumothorax",
                    "kind": "communicated",
                    "role": "attending",
                    "attending": "Dr. Ada Okafor",
                    "told_to": "Dr. Lee, emergency department",
                    "told_at": "2026-04-01T08:05:00Z",
                    "channel": "phone",
                }
            ]
        },
    )

    finding_id: str = Field(max_length=32, description="`finding` of a row of `critical`; may be empty there.")
    rule: str = Field(min_length=1, max_length=64, description="`rule` of that row.")
    kind: Telling = Field(
        description="acknowledged: seen; communicated: told; dismissed: not critical. The last two are the attending's."
    )
    role: Role = Role.READER
    attending: Name = Field(default="", description="Who answers for it.")
    told_to: Name = ""
    told_at: AwareDatetime | None = None
    channel: Channel | None = None
    comment: Words = Field(default="", description="Needed to dismiss.")

    def act(self) -> Communication:
        """As the record takes it."""
        facts = self.model_dump(exclude={"finding_id"})
        return Communication(finding=self.finding_id, **facts)


class OpinionBody(BaseModel):
    """A request for the opinion of another."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"kind": "second_opinion"}]})

    kind: OpinionKind = Field(description="second_opinion: before it is signed; peer_review: quality work, any time.")
    asked_of: Name = Field(default="", description="Whom; empty for whoever reads next.")
    question: Words = ""


class AnswerBody(BaseModel):
    """The answer, in the caller's own name."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"agreement": "agree"}]})

    agreement: Agreement
    comment: Words = Field(default="", description="Needed with a disagreement.")
    answered_as: Name = Field(default="", description="Name that the answer is given under.")


class AddendumBody(BaseModel):
    """A text added to a signed report."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": "Compared with 2024: no change.", "author": "Dr. Lee"}]},
    )

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
    author: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class ReachedView(BaseModel):
    """A status, who brought it about and when; nobody for the run."""

    model_config = ConfigDict(from_attributes=True)

    status: str
    by: str
    at: datetime
    reason: str


class ActView(BaseModel):
    """An act of a reviewer."""

    action: str
    by: str
    at: datetime
    reason: str
    present: str
    becomes: str
    edited: list[str] = Field(description='Ids of corrected findings, and "summary".')


class CommunicationView(BaseModel):
    """An act on a critical finding."""

    finding: str
    rule: str
    kind: Telling
    role: Role
    attending: str
    told_to: str
    told_at: datetime | None
    channel: Channel | None
    comment: str
    by: str
    at: datetime


class OpinionView(BaseModel):
    """A request for an opinion, and its answer."""

    model_config = ConfigDict(from_attributes=True)

    opinion_id: str
    analysis_id: str
    kind: OpinionKind
    asked_of: str
    question: str
    asked_by: str
    asked: datetime
    agreement: Agreement | None = Field(description="None until it is answered.")
    comment: str
    answered_by: str
    answered_as: str
    answered: datetime | None


class AddendumView(BaseModel):
    """A text added to the signed report."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    text: str
    author: str
    signed_by: str
    signed_at: datetime
    seal: str = Field(description="SHA-256 of report.json as it was before.")


class GivenView(BaseModel):
    """That feedback was given; what it says is `/feedback`'s."""

    model_config = ConfigDict(from_attributes=True)

    feedback_id: str
    kind: str
    target: str
    given_by: str
    at: datetime


class HistoryView(BaseModel):
    """What happened since the draft; each list oldest first."""

    status: str
    version: int
    transitions: list[ReachedView]
    acts: list[ActView]
    communications: list[CommunicationView]
    opinions: list[OpinionView]
    addenda: list[AddendumView]
    approvals: list[ApprovalView]
    feedback: list[GivenView]


class DeliveryFile(BaseModel):
    """A file, and whether a delivery takes it along."""

    name: str
    media_type: str
    size: int
    url: str
    kept_back: str = Field(description="Why it stays here; empty when it goes along.")


class DeliveryPlan(BaseModel):
    """What a delivery would send where."""

    destinations: list[str] = Field(description="The usual one first.")
    files: list[DeliveryFile]
    ready: bool = Field(description="Signed, and something of it is not delivered yet.")
    why_not: str


def opinion_view(opinion: Opinion) -> OpinionView:
    """The wire form of an opinion."""
    return OpinionView.model_validate(opinion)


def history_view(history: History) -> HistoryView:
    """The wire form of a history."""
    told: list[dict[str, Any]] = [{**vars(t.act), "by": t.by, "at": t.at} for t in history.communications]
    return HistoryView(
        status=history.status.value,
        version=history.version,
        transitions=[ReachedView.model_validate(r) for r in history.transitions],
        acts=[
            ActView(
                action=a.action.value,
                by=a.reviewer,
                at=a.at,
                reason=a.reason,
                present=a.present.value,
                becomes=a.becomes.value,
                edited=list(a.edited),
            )
            for a in history.acts
        ],
        communications=[CommunicationView(**row) for row in told],
        opinions=[opinion_view(o) for o in history.opinions],
        addenda=[AddendumView.model_validate(a) for a in history.addenda],
        approvals=[approval_view(a) for a in history.approvals],
        feedback=[GivenView.model_validate(f) for f in history.feedback],
    )
