"""Bodies of feedback."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from memory.entry import Entry, RevokeReason
from memory.prompt_advice import LONGEST_WORDING
from memory.record import FeedbackKind, ReviewerRole, Setting

MOST_NUMBERS = 600_000
"""Of a mask's runs; the request's size bounds them as well."""

AnalysisId = Annotated[str, Field(min_length=1, max_length=64)]
MaskId = Annotated[str, Field(max_length=16, pattern="^(m[0-9]+)?$", examples=["m1"])]
FeedbackId = Annotated[str, Field(max_length=32, pattern="^(fb-[0-9a-f]{24})?$")]


class WindowBody(BaseModel):
    """Limits in Hounsfield units: what is shown black and white."""

    model_config = ConfigDict(extra="forbid")

    low: float = Field(ge=-10_000, le=10_000, allow_inf_nan=False)
    high: float = Field(ge=-10_000, le=10_000, allow_inf_nan=False)

    @model_validator(mode="after")
    def _in_order(self) -> WindowBody:
        if self.low >= self.high:
            raise ValueError("low lies under high")
        return self


class BetterWords(BaseModel):
    """How the reviewer would ask."""

    model_config = ConfigDict(extra="forbid")

    prompt: str = Field(min_length=1, max_length=LONGEST_WORDING, examples=["hepatic mass"])
    window: WindowBody | None = Field(default=None, description="For CT; null lets the protocol decide.")


class TriedMask(BaseModel):
    """A mask of another analysis of the same study, in which the target was asked for in other words."""

    model_config = ConfigDict(extra="forbid")

    analysis_id: AnalysisId
    mask_id: MaskId


class CorrectedMask(BaseModel):
    """The mask as the reviewer left it, in the pixels of the series.

    `runs` are the voxels inside, counted from 0 with columns fastest, then rows, then slices in the order of the
    series: start, length, start, length, … in ascending order, without overlap.
    """

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"shape": [1, 128, 128], "runs": [4160, 12, 4288, 14]}]}
    )

    shape: tuple[int, int, int] = Field(description="Slices, rows, columns; those of the series.")
    runs: list[Annotated[int, Field(ge=0)]] = Field(max_length=MOST_NUMBERS)


class FeedbackBody(BaseModel):
    """What a reviewer says. Everything that the analysis knows is read from it, not from here."""

    model_config = ConfigDict(extra="forbid")

    kind: FeedbackKind
    analysis_id: AnalysisId
    mask_id: MaskId = Field(default="", description="Which target; else `target`, with `series_uid` where several.")
    target: str = Field(default="", max_length=160)
    series_uid: str = Field(default="", max_length=128)
    finding_id: str = Field(default="", max_length=16, description="Which sentence was edited.", examples=["f1"])
    role: ReviewerRole = ReviewerRole.OTHER
    better: BetterWords | None = Field(default=None, description="For preferred_wording, or with a correction.")
    tried: TriedMask | None = Field(default=None, description="Instead of `better`: words that were tried.")
    corrected_mask: CorrectedMask | None = Field(default=None, description="For mask_correction.")
    sentence_after: str = Field(default="", max_length=4000)
    note: str = Field(default="", max_length=4000, description="Freed of identity before it is kept.")
    replaces: FeedbackId = Field(default="", description="Feedback that this one corrects.")


class SettingView(BaseModel):
    """Words, and the window where one was asked for."""

    prompt: str
    window: str | None = None


class FeedbackEvent(BaseModel):
    """What happened to feedback."""

    at: datetime
    what: str
    role: str
    reason: str


class FeedbackView(BaseModel):
    """Feedback as it is kept: without identity, and without the pseudonyms."""

    id: str
    kind: FeedbackKind
    role: ReviewerRole
    month: str = Field(examples=["2026-11"])
    active: bool = Field(description="False: revoked or replaced; it is kept and does not count.")
    modality: str
    region: str
    target: str
    used: SettingView | None
    better: SettingView | None
    dice_before: float | None = Field(description="The model's mask against the corrected one, 0-1.")
    dice_after: float | None = Field(description="The tried mask against the corrected one, 0-1.")
    note: str
    sentence_before: str
    sentence_after: str
    model: str
    history: list[FeedbackEvent]


class FeedbackList(BaseModel):
    """Feedback on one analysis, oldest first."""

    feedback: list[FeedbackView]


class RevokeBody(BaseModel):
    """Why feedback shall count no longer; the analysis that it is about binds the caller to its patient."""

    model_config = ConfigDict(extra="forbid")

    analysis_id: AnalysisId
    reason: RevokeReason
    role: ReviewerRole = ReviewerRole.OTHER


class RestoreBody(RevokeBody):
    """Why feedback shall count again: what was wrong with revoking it."""


def feedback_view(entry: Entry) -> FeedbackView:
    """The wire form of a record."""
    feedback = entry.feedback
    kept: dict[str, Any] = {
        name: getattr(feedback, name) for name in FeedbackView.model_fields if hasattr(feedback, name)
    }
    kept |= {"used": _setting(feedback.used), "better": _setting(feedback.better)}
    history = [FeedbackEvent.model_validate(event.document()) for event in entry.events]
    return FeedbackView(id=feedback.feedback_id, active=entry.active, history=history, **kept)


def _setting(setting: Setting | None) -> SettingView | None:
    if setting is None:
        return None
    return SettingView(prompt=setting.prompt, window=setting.window.name if setting.window is not None else None)
