"""Review: what a person does with a draft before it is signed, and what it becomes by that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.errors import TransitionRefused
from domain.lifecycle import TRANSITIONS, Status


class Action(StrEnum):
    """What a reviewer does."""

    START = "start"
    EDIT = "edit"
    RETURN = "return"
    REJECT = "reject"
    SIGN = "sign"


CORRECTING = frozenset({Action.START, Action.EDIT})
"""Acts that corrections may come with."""
_START_FIRST = "Only what is in review can be corrected: start the review of a draft, or ask for a new analysis."


@dataclass(frozen=True)
class Review:
    """One act of a reviewer.

    Attributes:
        action: START takes a draft into review; EDIT corrects what is in review; RETURN gives it back; REJECT ends it;
            SIGN is an approval of its signature (`domain.approval`), asked for and given by the same person.
        reason: the reviewer's words, "" without.
        edits: corrected sentences by finding id; with START and EDIT only.
        summary: the corrected impression; None to correct it by the edits alone.
    """

    action: Action
    reason: str = ""
    edits: Mapping[str, str] = field(default_factory=dict)
    summary: str | None = None


def after_review(action: Action, present: Status, taken_from: Status = Status.DRAFT) -> Status:
    """The status that an act of review leads to.

    Args:
        taken_from: what an analysis in review was before.

    Raises:
        TransitionRefused: the act does not fit the present status.
    """
    becomes = {
        Action.START: Status.IN_REVIEW,
        Action.EDIT: Status.IN_REVIEW,
        Action.RETURN: taken_from,
        Action.REJECT: Status.REJECTED,
        Action.SIGN: Status.SIGNED,
    }[action]
    if action is Action.EDIT:
        if present is not Status.IN_REVIEW:
            raise TransitionRefused(f"An analysis that is {_words(present)} is not in review.", remedy=_START_FIRST)
    else:
        require_transition(present, becomes)
    return becomes


def require_transition(present: Status, becomes: Status) -> None:
    """Refuse what the table (`domain.lifecycle.LIFE`) does not list as a person's doing.

    Raises:
        TransitionRefused: with what may follow as its remedy.
    """
    if becomes in TRANSITIONS[present]:
        return
    allowed = ", ".join(sorted(_words(s) for s in TRANSITIONS[present])) or "nothing"
    remedy = f"What may follow is: {allowed}."
    if (present, becomes) == (Status.PARTIAL, Status.SIGNED):
        remedy = "It is incomplete: take it into review first, then approve the signature."
    raise TransitionRefused(f"An analysis that is {_words(present)} cannot become {_words(becomes)}.", remedy=remedy)


def _words(status: Status) -> str:
    return status.value.replace("_", " ")
