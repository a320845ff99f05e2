"""A reviewer's feedback on one target of one analysis, as it is kept: no names, no free text that was not scrubbed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.model import Window
from memory.errors import FeedbackRefused

SCHEMA = 1
"""Version of the record; part of the collections' names and of every exported line."""


class FeedbackKind(StrEnum):
    """What the reviewer did."""

    MASK_CORRECTION = "mask_correction"
    REJECTED_PROMPT = "rejected_prompt"
    PREFERRED_WORDING = "preferred_wording"
    EDITED_SENTENCE = "edited_sentence"
    ACCEPTED = "accepted"


class ReviewerRole(StrEnum):
    """Who reviews, as a role; a person's name is never kept."""

    RADIOLOGIST = "radiologist"
    RESIDENT = "resident"
    RADIOGRAPHER = "radiographer"
    PATHOLOGIST = "pathologist"
    REFERRER = "referrer"
    PHYSICIST = "physicist"
    OTHER = "other"


@dataclass(frozen=True)
class Setting:
    """A way to ask for a target: the words, and the window that the image is shown in (None: the model's rule)."""

    prompt: str
    window: Window | None = None

    @property
    def key(self) -> tuple[str, float | str | None, float | None]:
        """What makes two settings the same: words but for case and blanks, and limits or name of the window."""
        words = " ".join(self.prompt.lower().split())
        if self.window is None:
            return words, None, None
        return words, self.window.name if self.window.low is None else self.window.low, self.window.high


@dataclass(frozen=True)
class Origin:
    """Where images come from; "" where it is not known.

    Attributes:
        site: code of the institution or department.
        scanner: manufacturer's model name (0008,1090).
    """

    site: str = ""
    manufacturer: str = ""
    scanner: str = ""


UNKNOWN = Origin()


@dataclass(frozen=True)
class Submission:
    """Feedback as it arrives; `memory.intake` makes a `Feedback` of it.

    Attributes:
        modality: DICOM modality.
        region: body region of `prompts.protocols`, "" when unknown.
        target: the prompt's target in the plan ("liver tumor"); "" only for an edited sentence.
        used, better: how the target was asked for, and how the reviewer would or did ask.
        dice_before: 0–1, the model's mask for `used` against the mask that the reviewer signed.
        dice_after: 0–1, the model's mask for `better` against the signed one; None when it was not tried.
        question, note, sentence_before, sentence_after: free text; scrubbed before it is kept.
        model: "name@version".
        replaces: id of feedback that this one corrects.
    """

    kind: FeedbackKind
    role: ReviewerRole
    when: datetime
    modality: str
    analysis_id: str
    region: str = ""
    target: str = ""
    used: Setting | None = None
    better: Setting | None = None
    dice_before: float | None = None
    dice_after: float | None = None
    question: str = ""
    note: str = ""
    sentence_before: str = ""
    sentence_after: str = ""
    origin: Origin = UNKNOWN
    model: str = ""
    replaces: str = ""


@dataclass(frozen=True)
class Feedback:
    """Feedback as it is kept; fields as in `Submission`.

    Attributes:
        feedback_id: keyed hash of the content, so that the same feedback sent twice is one record.
        month: "2026-11"; a day could date an examination, and recency needs no more.
        patient, study, analysis: keyed pseudonyms.
    """

    feedback_id: str
    kind: FeedbackKind
    role: ReviewerRole
    month: str
    modality: str
    patient: str
    study: str
    analysis: str
    region: str = ""
    target: str = ""
    used: Setting | None = None
    better: Setting | None = None
    dice_before: float | None = None
    dice_after: float | None = None
    question: str = ""
    note: str = ""
    sentence_before: str = ""
    sentence_after: str = ""
    origin: Origin = UNKNOWN
    model: str = ""
    replaces: str = ""

    @property
    def text(self) -> str:
        """What its meaning is taken from."""
        settings = (s.prompt for s in (self.used, self.better) if s is not None)
        free = (self.question, self.note, self.sentence_before, self.sentence_after)
        return ". ".join(part for part in (f"{self.region} {self.target}".strip(), *settings, *free) if part)

    def document(self) -> dict[str, Any]:
        """JSON-able, all fields."""
        return asdict(self)

    def shared(self) -> dict[str, Any]:
        """What tools and models may see: no pseudonyms."""
        return {k: v for k, v in self.document().items() if k not in {"patient", "study", "analysis"} and v}


def feedback_of(document: dict[str, Any]) -> Feedback:
    """The record that `Feedback.document` wrote. Raises FeedbackRefused for anything else."""
    try:
        fields = dict(document)
        fields["kind"] = FeedbackKind(fields["kind"])
        fields["role"] = ReviewerRole(fields["role"])
        fields["origin"] = Origin(**fields.get("origin", {}))
        for name in ("used", "better"):
            fields[name] = _setting(fields.get(name))
        return Feedback(**fields)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FeedbackRefused(f"This is no feedback of schema {SCHEMA} ({type(error).__name__}).") from error


def _setting(raw: dict[str, Any] | None) -> Setting | None:
    if raw is None:
        return None
    window = raw.get("window")
    return Setting(raw["prompt"], Window(**window) if window is not None else None)
