"""A record in a collection: the feedback, whether it counts, and what happened to it, as flat metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from memory.errors import FeedbackRefused
from memory.record import SCHEMA, Feedback, ReviewerRole, feedback_of


class Happening(StrEnum):
    """What happens to feedback."""

    ADDED = "added"
    IMPORTED = "imported"
    REVOKED = "revoked"
    RESTORED = "restored"
    REPLACED = "replaced"


class RevokeReason(StrEnum):
    """Why feedback no longer counts; a choice, because free text could name somebody."""

    WRONG = "wrong"
    DUPLICATE = "duplicate"
    OTHER_PATIENT = "other_patient"
    SUPERSEDED = "superseded"
    OTHER = "other"


@dataclass(frozen=True)
class Event:
    """One line of a record's history; `at` in UTC."""

    at: datetime
    what: Happening
    role: str = ""
    reason: str = ""

    def document(self) -> dict[str, str]:
        """JSON-able."""
        return {"at": self.at.astimezone(UTC).isoformat(), "what": self.what, "role": self.role, "reason": self.reason}


@dataclass(frozen=True)
class Entry:
    """Feedback in the memory; what is inactive is kept, and neither retrieved nor counted as evidence."""

    feedback: Feedback
    active: bool
    events: tuple[Event, ...]

    def after(self, event: Event, *, active: bool) -> Entry:
        """The entry once something happened to it."""
        return replace(self, active=active, events=(*self.events, event))

    def metadata(self) -> dict[str, str | bool | int]:
        """For chromadb: what is filtered by, and the whole as JSON."""
        feedback = self.feedback
        return {
            "schema": SCHEMA,
            "active": self.active,
            "kind": feedback.kind.value,
            "region": feedback.region,
            "target": feedback.target,
            "patient": feedback.patient,
            "entry": json.dumps(self.document(), sort_keys=True),
        }

    def document(self) -> dict[str, Any]:
        """One line of an export."""
        return {
            "schema": SCHEMA,
            "active": self.active,
            "feedback": self.feedback.document(),
            "events": [e.document() for e in self.events],
        }


def entry_of(document: Mapping[str, Any]) -> Entry:
    """The entry that `Entry.document` wrote. Raises FeedbackRefused for anything else."""
    if document.get("schema") != SCHEMA:
        raise FeedbackRefused(
            f"Schema {document.get('schema')!r} is not read here, {SCHEMA} is.",
            where="schema",
            remedy="Export it with a version that writes this schema.",
        )
    try:
        events = tuple(_event(raw) for raw in document["events"])
        return Entry(feedback_of(document["feedback"]), bool(document["active"]), events)
    except (KeyError, TypeError, ValueError) as error:
        raise FeedbackRefused(f"The entry cannot be read ({type(error).__name__}).", where="events") from error


def _event(raw: Mapping[str, str]) -> Event:
    role = ReviewerRole(raw["role"]).value if raw["role"] else ""
    reason = raw["reason"]
    if reason and reason not in set(RevokeReason) and not reason.startswith("fb-"):
        raise ValueError("unknown reason")
    return Event(datetime.fromisoformat(raw["at"]).astimezone(UTC), Happening(raw["what"]), role, reason)
