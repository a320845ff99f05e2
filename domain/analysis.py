"""Analysis and Step: one run of the planner over a study for an order, and what it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.finding import Finding, Measurement
from domain.mask import Mask
from domain.study import Order, Refusal, Study

DISCLAIMER = (
    "Research software, not a medical device. This result is a draft until a physician has reviewed and signed it."
)


class Status(StrEnum):
    """The life of an analysis."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    SIGNED = "signed"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    PARTIAL = "partial"


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.DRAFT: frozenset({Status.IN_REVIEW, Status.SIGNED, Status.REJECTED}),
    Status.PARTIAL: frozenset({Status.IN_REVIEW, Status.REJECTED}),
    Status.IN_REVIEW: frozenset({Status.SIGNED, Status.REJECTED, Status.DRAFT, Status.PARTIAL}),
    Status.SIGNED: frozenset({Status.DELIVERED}),
    Status.DELIVERED: frozenset(),
    Status.REJECTED: frozenset(),
}
"""What may follow. A partial result is looked at by a person before anybody can sign it; what is returned from review
becomes again what it was."""
UNREVIEWED = frozenset({Status.DRAFT, Status.PARTIAL})
"""What a run may leave behind; every other status is a person's."""


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


@dataclass(frozen=True)
class Refinement:
    """One more try at a target whose mask was poor: what was changed, and whether it helped. Part of the provenance.

    Attributes:
        change: "prompt", "window", "slices" or "model"; before, after: its values.
        outcome_before, outcome_after: QA's verdicts, "" when the try gave no mask.
        kept: the later mask took the place of the earlier.
        steps: ids of the steps of the try.
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
