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


@dataclass(frozen=True, eq=False)
class Analysis:
    """The whole result. Immutable: a change makes a new one.

    Attributes:
        features: image features of lesions by IBSI names: mask, target, family, name, value, unit, ibsi_id.
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
    model_versions: dict[str, str] = field(default_factory=dict)
    planner: str = ""
    summary: str = ""
    needs_review: bool = False
    unanswered: tuple[str, ...] = ()
    disclaimer: str = DISCLAIMER
