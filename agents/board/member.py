"""What a member of the board is, and what the members ask of the outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from domain.access import AccessContext
from domain.analysis import Step
from domain.board import Claim
from domain.ports import Listener
from domain.study import Study

if TYPE_CHECKING:
    from agents.board.case import Case


class ImagingAnswer(Protocol):
    """The planner's answer to a question about one study."""

    async def ask(
        self, access: AccessContext, study_uid: str, question: str, listener: Listener | None = None
    ) -> tuple[str, str, tuple[Step, ...]]:
        """Its words, the analysis ("" when it made none), and the steps of that."""


class StudyFacts(Protocol):
    """What the board's studies are: modality, date, and whose they are."""

    async def study(self, access: AccessContext, study_uid: str, question: str) -> Study:
        """Without pixels; the question tells what images without headers are.

        Raises:
            StudyNotFound, PatientLockViolation.
        """


class Member(Protocol):
    """One agent of the board."""

    async def speak(self, case: Case, question: str) -> Sequence[Claim]:
        """What it has to say: about the case, or to a question; () when its sources have nothing."""
