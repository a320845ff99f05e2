"""What a batch knows of its studies: their numbers, what is asked about each, what was done with them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.errors import MedImageError
from domain.study import Priority


class BatchBusy(MedImageError):
    """Another process works on this batch."""

    remedy_default = "Wait for it, or stop it; more workers can be started with `app.py worker`."


class BatchBroken(MedImageError):
    """The file of a batch cannot be written: nothing of what was done is lost."""

    remedy_default = "Make space in MEDIMAGE_DATA_DIR; the batch goes on where it was with --resume."


class StudyState(StrEnum):
    """What was done with a study."""

    FOUND = "found"
    ORDERED = "ordered"
    FAILED = "failed"
    SAME = "same"


@dataclass(frozen=True)
class Question:
    """What is asked about a study."""

    number: int
    indication: str
    priority: Priority


@dataclass(frozen=True)
class BatchStudy:
    """A study of the batch.

    Attributes:
        number: from 1, in the order in which studies were found.
        group: see `jobs.batch.heads.Head`; "stored <UID>" for one on record.
    """

    number: int
    question: Question
    group: str
    state: StudyState
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Ordered:
    """A job of the batch.

    Attributes:
        tries: how often it was queued again after it had failed.
    """

    number: int
    study_uid: str
    patient_key: str
    job_id: str
    question: Question
    tries: int = 0
