"""The life of an analysis: one table of what may follow on what, who brings it about, and what the ledger calls it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Where an analysis is in its life."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    SIGNED = "signed"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    PARTIAL = "partial"


class Actor(StrEnum):
    """Who may bring a transition about.

    RUN: the planner, which leaves drafts and nothing else. REVIEWER: a person who is reading it. APPROVAL: a person's
    yes to a request for an effect (`domain.approval`), whoever asked for it.
    """

    RUN = "run"
    REVIEWER = "reviewer"
    APPROVAL = "approval"


@dataclass(frozen=True)
class Transition:
    """One row of the table; `present` is None where nothing is on record yet. `event` is the ledger's action."""

    present: Status | None
    becomes: Status
    by: Actor
    event: str


UNREVIEWED = frozenset({Status.DRAFT, Status.PARTIAL})
"""What a run may leave behind; every other status is a person's."""
STORED, STARTED, EDITED = "analysis.store", "analysis.review.start", "analysis.review.edit"
RETURNED, REJECTED, SIGNED, DELIVERED = (
    "analysis.review.return",
    "analysis.review.reject",
    "analysis.signed",
    "analysis.delivered",
)

LIFE: tuple[Transition, ...] = (
    # A run that is done again, as after the end of its process, replaces what nobody has looked at.
    *(
        Transition(present, becomes, Actor.RUN, STORED)
        for present in (None, Status.DRAFT, Status.PARTIAL)
        for becomes in (Status.DRAFT, Status.PARTIAL)
    ),
    Transition(Status.DRAFT, Status.IN_REVIEW, Actor.REVIEWER, STARTED),
    Transition(Status.PARTIAL, Status.IN_REVIEW, Actor.REVIEWER, STARTED),
    Transition(Status.IN_REVIEW, Status.IN_REVIEW, Actor.REVIEWER, EDITED),
    # What is given back becomes again what it was.
    Transition(Status.IN_REVIEW, Status.DRAFT, Actor.REVIEWER, RETURNED),
    Transition(Status.IN_REVIEW, Status.PARTIAL, Actor.REVIEWER, RETURNED),
    Transition(Status.DRAFT, Status.REJECTED, Actor.REVIEWER, REJECTED),
    Transition(Status.PARTIAL, Status.REJECTED, Actor.REVIEWER, REJECTED),
    Transition(Status.IN_REVIEW, Status.REJECTED, Actor.REVIEWER, REJECTED),
    # A partial result is looked at by a person before anybody can sign it.
    Transition(Status.DRAFT, Status.SIGNED, Actor.APPROVAL, SIGNED),
    Transition(Status.IN_REVIEW, Status.SIGNED, Actor.APPROVAL, SIGNED),
    Transition(Status.SIGNED, Status.DELIVERED, Actor.APPROVAL, DELIVERED),
)
"""Everything that may happen to an analysis; what is not here is refused."""

TRANSITIONS: dict[Status, frozenset[Status]] = {
    status: frozenset(
        row.becomes
        for row in LIFE
        if row.present is status and row.by is not Actor.RUN and row.becomes is not row.present
    )
    for status in Status
}
"""What may follow by persons' doing."""


def transition(present: Status | None, becomes: Status, by: Actor) -> Transition | None:
    """The row of the table; None where there is none, which forbids it."""
    return next((row for row in LIFE if (row.present, row.becomes, row.by) == (present, becomes, by)), None)
