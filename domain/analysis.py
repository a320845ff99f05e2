"""Analysis and Step: one run of the planner over a study for an order, and what it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.finding import Finding, Measurement
from domain.lifecycle import TRANSITIONS, UNREVIEWED, Status
from domain.mask import Mask
from domain.study import Order, Refusal, Study

__all__ = [
    "DISCLAIMER",
    "TRANSITIONS",
    "UNREVIEWED",
    "Analysis",
    "Change",
    "Complaint",
    "PromptRecord",
    "Refinement",
    "Status",
    "Step",
]

DISCLAIMER = (
    "Research software, not a medical device. This result is a draft until a physician has reviewed and signed it."
)


@dataclass(frozen=True)
class Step:
    """One tool call.

    Attributes:
        agent: who called: "planner", "prompt-crafting", "segmentation", "qa", "measurement", "report", "ingest".
        model: "name@version" of the model that worked, "" when none did.
        inputs, outputs: small JSON-able facts; references, never pixels, never identity.
        error: reason of a failed step, "" when ok.
    """

    step_id: str
    agent: str
    tool: str
    started: datetime
    seconds: float
    ok: bool
    model: str = ""
    error: str = ""
    inputs: dict[str, object] = field(default_factory=dict)
    outputs: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class PromptRecord:
    """A prompt that was sent, with how it was made: part of the provenance."""

    series_uid: str
    target: str
    text: str
    window: str
    known: bool
    published_dice: float | None
    reason: str


class Complaint(StrEnum):
    """What a reader says is wrong with an outline."""

    TOO_LARGE = "too_large"
    TOO_SMALL = "too_small"
    WRONG_SIDE = "wrong_side"
    POOR = "poor"


@dataclass(frozen=True)
class Refinement:
    """One more try at a target whose mask was poor: what was changed, and whether it helped. Part of the provenance.

    Attributes:
        change: "prompt", "window", "slices", "model", "contour" (another level of the model's soft answer) or "choice"
            (a reader took the outline that was kept beside the other); before, after: its values.
        outcome_before, outcome_after: QA's verdicts, "" when the try gave no mask.
        kept: the later mask took the place of the earlier.
        steps: ids of the steps of the try.
        complaint: a value of `Complaint` where a reader asked for the try, "" where QA did.
        beside: id of the mask that does not stand and is kept beside the one that does, "" without one.
    """

    series_uid: str
    target: str
    change: str
    before: str
    after: str
    why: str
    outcome_before: str
    outcome_after: str
    kept: bool
    steps: tuple[str, ...] = ()
    complaint: str = ""
    beside: str = ""


@dataclass(frozen=True)
class Change:
    """A measured target now and in a prior study.

    Attributes:
        name: of the measurement: "volume", "long_axis", …
        unit: UCUM, of both values. change: later minus earlier; percent: of the earlier, None when that is 0.
        state: "new", "gone", "larger", "smaller", "stable" or "not_comparable".
        how: how the two were matched, e.g. "affine registration, overlap 0.62" or why they lie side by side.
        steps: ids of the steps behind it.
    """

    target: str
    prior: str
    name: str
    now: float | None
    before: float | None
    unit: str
    change: float | None
    percent: float | None
    state: str
    how: str
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Analysis:
    """The whole result. Immutable: a change makes a new one.

    Attributes:
        features: image features of lesions by IBSI names: mask, target, family, name, value, unit, ibsi_id.
        refinements: further tries at poor masks. changes: against prior studies.
        critical: findings that must be told at once: finding, name, urgency, minutes, source of the rule.
        usage: of the chat model: prompt_tokens, completion_tokens, calls, cost (0 where no price is configured).
        model_versions: model name → version ("unknown" where the wire does not say).
        planner: who planned: "built-in planner", or the chat model's name.
        needs_review: something passed with doubt, or a question could not be answered.
    """

    analysis_id: str
    study: Study
    order: Order
    status: Status
    created: datetime
    findings: tuple[Finding, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    masks: tuple[Mask, ...] = ()
    steps: tuple[Step, ...] = ()
    prompts: tuple[PromptRecord, ...] = ()
    warnings: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    features: tuple[dict[str, object], ...] = ()
    refinements: tuple[Refinement, ...] = ()
    changes: tuple[Change, ...] = ()
    critical: tuple[dict[str, object], ...] = ()
    usage: dict[str, float] = field(default_factory=dict)
    model_versions: dict[str, str] = field(default_factory=dict)
    planner: str = ""
    summary: str = ""
    needs_review: bool = False
    unanswered: tuple[str, ...] = ()
    disclaimer: str = DISCLAIMER
