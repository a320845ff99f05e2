"""Earlier studies of the same patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.access import AccessContext
from domain.study import IngestedStudy


@dataclass(frozen=True)
class PriorStudy:
    """What is known of another study of the patient without reading its pixels.

    Attributes:
        modality, body_part: of its series, "/" between several.
        relation: "earlier" or "later" than the study at hand, "undated" when a date is missing.
    """

    study_uid: str
    modality: str
    body_part: str
    description: str
    started: datetime | None
    relation: str


class PriorStudies(Protocol):
    """Other stored studies of the patient that the work is bound to."""

    async def listed(self, access: AccessContext, study_uid: str) -> Sequence[PriorStudy]:
        """The patient's other studies, newest first."""

    async def read(self, access: AccessContext, study_uid: str) -> IngestedStudy:
        """A study with its pixels. Raises StudyNotFound, PatientLockViolation, UnusableInput."""
