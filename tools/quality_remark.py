"""What a check has to say about a mask."""

from __future__ import annotations

from dataclasses import dataclass

from domain.mask import Outcome


@dataclass(frozen=True)
class Remark:
    """A sentence with its weight. PASS is a note that a reader should know.

    Attributes:
        check: the check's name, e.g. "empty", "side", "size".
    """

    outcome: Outcome
    check: str
    reason: str


def reject(check: str, reason: str) -> Remark:
    """A technical failure or a contradiction: the mask is not used."""
    return Remark(Outcome.REJECT, check, reason)


def review(check: str, reason: str) -> Remark:
    """A doubt that a person must settle."""
    return Remark(Outcome.REVIEW, check, reason)


def note(check: str, reason: str) -> Remark:
    """Something to know that casts no doubt."""
    return Remark(Outcome.PASS, check, reason)
