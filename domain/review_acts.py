"""What persons add to a review beside its transitions: critical findings told, opinions of others, addenda.

A critical finding is settled by an act of the attending physician. Until each is settled, nothing is signed. Sources:
ACR Practice Parameter for Communication of Diagnostic Imaging Findings (non-routine communication is documented with
who was told, by whom, when and how), ACR RADPEER (agreement of a second reader in few, ordered words).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from domain.errors import CriticalUntold, ReviewRefused
from domain.lifecycle import Status

Document = Mapping[str, Any]

SKEW = timedelta(minutes=5)
"""How far ahead the clock of a reader's machine may be."""


class Telling(StrEnum):
    """What became of a critical finding. ACKNOWLEDGED: seen, not told yet. The other two settle it."""

    ACKNOWLEDGED = "acknowledged"
    COMMUNICATED = "communicated"
    DISMISSED = "dismissed"


SETTLING = frozenset({Telling.COMMUNICATED, Telling.DISMISSED})


class Role(StrEnum):
    """As what somebody acts."""

    READER = "reader"
    ATTENDING = "attending"


class Channel(StrEnum):
    """How somebody was told."""

    PHONE = "phone"
    IN_PERSON = "in_person"
    SECURE_MESSAGE = "secure_message"


class OpinionKind(StrEnum):
    """SECOND: before signing, to decide. PEER: a colleague judges a report, as quality work."""

    SECOND = "second_opinion"
    PEER = "peer_review"


class Agreement(StrEnum):
    """What a second reader says to a report."""

    AGREE = "agree"
    MINOR = "minor_disagreement"
    MAJOR = "major_disagreement"


@dataclass(frozen=True)
class Communication:
    """One act on one critical finding.

    Attributes:
        finding, rule: of the row of `Analysis.critical`.
        attending: name of the physician who answers for it, "" where it was only seen.
        told_to, told_at, channel: who was told, when and how; of a communication only.
        comment: a dismissal's reason; otherwise free.
    """

    finding: str
    rule: str
    kind: Telling
    role: Role
    attending: str = ""
    told_to: str = ""
    told_at: datetime | None = None
    channel: Channel | None = None
    comment: str = ""

    def require_fit(self, document: Document, now: datetime) -> None:
        """Refuse what says too little to be an act, or is about no critical finding of the document.

        Raises:
            ReviewRefused: with what is missing.
        """
        if (self.finding, self.rule) not in {_key(row) for row in document.get("critical", ())}:
            raise ReviewRefused(
                "The analysis has no such critical finding.",
                where="rule",
                remedy="Read the analysis again; send finding and rule of a row of `critical`.",
            )
        if self.kind not in SETTLING:
            return
        if self.role is not Role.ATTENDING:
            raise ReviewRefused(
                "Only the attending settles a critical finding.",
                where="role",
                remedy="Ask the attending, or confirm in the attending's role if that is you.",
            )
        missing = [name for name, value in self._needed().items() if not value]
        if missing:
            raise ReviewRefused(
                f"The act does not say {' and '.join(missing)}.", where="critical", remedy="Add it and send it again."
            )
        if self.told_at is not None and self.told_at > now + SKEW:
            raise ReviewRefused(
                "That time has not come yet.", where="told_at", remedy="Give the time at which it was told."
            )

    def _needed(self) -> dict[str, object]:
        if self.kind is Telling.DISMISSED:
            return {"who the attending is": self.attending, "why it is not critical": self.comment}
        return {
            "who the attending is": self.attending,
            "who was told": self.told_to,
            "when": self.told_at,
            "how": self.channel,
        }


def untold(critical: Iterable[Document], told: Iterable[Document]) -> tuple[Document, ...]:
    """Rows of critical findings that no act has settled; most urgent first, as they come.

    Args:
        told: acts as the report tells them.
    """
    settled = {_key(act) for act in told if act.get("kind") in SETTLING}
    return tuple(row for row in critical if _key(row) not in settled)


def require_told(document: Document) -> None:
    """Refuse a signature while a critical finding is not settled.

    Raises:
        CriticalUntold: names the findings.
    """
    open_rows = untold(document.get("critical", ()), document.get("communications", ()))
    if open_rows:
        names = ", ".join(dict.fromkeys(str(row.get("name", row.get("rule", ""))) for row in open_rows))
        raise CriticalUntold(f"It is not on record that this was told: {names}.", where="critical")


ADDED_TO: Sequence[Status] = (Status.SIGNED, Status.DELIVERED)
"""What an addendum may be added to; before, the text itself is corrected."""


def undelivered(document: Document) -> bool:
    """Whether a delivered report got addenda that were not delivered yet."""
    if document.get("status") != Status.DELIVERED.value:
        return False
    return len(document.get("addenda", ())) > int(document.get("delivered_addenda", 0))


def _key(row: Document) -> tuple[str, str]:
    return str(row.get("finding", "")), str(row.get("rule", ""))
