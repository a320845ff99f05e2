"""The workspace of one run: a study, the one patient it is bound to, and all that has been found so far.

Tools address it by short names ("series-1", "m1", "s3"): a model never sees a UID or an identity, and a
name that is not in this workspace cannot reach another patient's data.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from domain.access import AccessContext
from domain.analysis import Change, PromptRecord, Refinement
from domain.approval import Requests
from domain.chest_report import Box, ChestReportModel
from domain.embedding import ImageEmbedding, References
from domain.errors import MedImageError
from domain.evidence import EvidenceLookup
from domain.finding import Finding, Measurement
from domain.history import PatientHistory
from domain.mask import Mask, Outcome, Quality
from domain.model import PROJECTION_RADIOGRAPHY, KnownTarget, Window
from domain.ports import Compute, PromptAdvice, StepRunner
from domain.prior import PriorStudies, PriorStudy
from domain.study import IngestedStudy, Order, Series, Volume
from inference.catalogue import Candidate, Catalogue
from prompts.crafting.plan import CraftedPrompt, PromptPlan
from prompts.protocols import protocols


class UnknownName(MedImageError):
    """A series or mask that is not in this workspace."""

    remedy_default = "Use a name that study-describe lists."


TURN = "turn"
"""Owner of warnings that a turn leaves behind; other owners are mask ids and "derived"."""
DERIVED = "derived"


@dataclass(frozen=True)
class DerivedMeasurement:
    """A number that several masks give together, and which ones."""

    measurement: Measurement
    mask_ids: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """A sentence that a model drafted, and the step in which it did."""

    text: str
    model: str
    step_id: str
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Surroundings:
    """What a run may reach besides its study and its segmentation models; None where nothing is configured.

    Attributes:
        chest_report: drafts reports of chest radiographs (CXRReportGen).
        insight: puts images and labels into one space (MedImageInsight).
        references: images of the kind that is usual here, by which insight tells what is unfamiliar.
        priors: the patient's other studies.
        history: the patient's notes, reports and results.
        evidence: published guidance.
        approvals: where effects are asked for; nothing in a run can decide.
        advice: what reviewers' corrections say about a prompt.
    """

    chest_report: ChestReportModel | None = None
    insight: ImageEmbedding | None = None
    references: References | None = None
    priors: PriorStudies | None = None
    history: PatientHistory | None = None
    evidence: EvidenceLookup | None = None
    approvals: Requests | None = None
    advice: PromptAdvice | None = None


ALONE = Surroundings()
"""Nothing but the study and the segmentation models."""


@dataclass(frozen=True)
class Said:
    """One turn of the conversation before: what the user said and what was answered."""

    question: str
    answer: str


@dataclass(frozen=True)
class ToolCall:
    """A tool that was called in this turn, with its arguments as the model gave them, and its JSON."""

    tool: str
    arguments: Mapping[str, object]
    ok: bool
    said: str


@dataclass(frozen=True)
class Sent:
    """How an outline was asked for.

    Attributes:
        prompt: with the words that were sent. window: the one in which the images were sent.
        chosen_window: the prompt's window went before the model's wish.
        slices: which ones were asked about, in words.
        side: only parts on this side of the patient were kept, "" for all.
        level: probability from which on a voxel of a soft answer is inside.
    """

    prompt: CraftedPrompt
    window: Window
    chosen_window: bool = False
    slices: str = "every slice"
    side: str = ""
    level: float = 0.5

    def setting(self, model: str) -> tuple[str, ...]:
        """What tells two ways of asking apart."""
        return (self.prompt.text.casefold(), self.window.name, self.slices, self.side, f"{self.level:g}", model)


@dataclass(frozen=True)
class Doubted:
    """A reader's complaint about an outline that stands: a sentence, and QA's own verdict."""

    says: str
    judged: Quality


@dataclass(frozen=True)
class Reply:
    """A question back or a refusal that ends a turn.

    Attributes:
        kind: "ask" or "refuse".
        about: what is missing, or why it is refused: one word of plugins.dialogue.
    """

    kind: str
    about: str
    text: str
    step_id: str


@dataclass
class Workspace:
    """What one run knows. Tools change it; nothing else does.

    Attributes:
        around: what else the run may reach.
        tries: further tries at poor outlines that a turn may make; tries_left: of this turn.
        requested_tries: further tries at one outline that readers' complaints may make in a conversation.
        earlier: turns of the conversation before this one, oldest first.
        analyses: ids of the analyses of this conversation about this study, oldest first.
        reply: the question back or refusal that this turn ended with; None while there is none.
        calls: tools that this turn called, in the order in which they ended.
        classified: zero-shot labels by series UID, as statements.
        facts: of the patient's history and of guidance that this turn found, as statements with their step.
        refinements, changes, critical: see `domain.analysis.Analysis`.
        sent: how each outline was asked for, by mask id.
        settings: ways in which a target was asked for because of complaints, by series UID and target.
        doubted: complaints about outlines that stand, by mask id.
        beside: outlines that do not stand and are kept for a reader to choose, by series UID and target.
        prior_list: the patient's other studies in the order of their names, once they were asked for.
        prior_workspaces: what was found in them, by study UID.
        reported: its sentences by series UID; no sentences where it failed.
        repeats: further answers of the same model, varied, whose agreement becomes a confidence.
        agreement: confidence and its source by mask id, where answers were repeated.
        question: what is asked in this turn (the order's indication, or a chat message).
        spoken: a person in a conversation said it; an order's indication nobody says.
        looking_for: the part of the question that says what to look for in the images.
        writing: held by a tool while it changes what was found; tools of one turn may run in parallel.
        plans: crafted prompts by series name.
        asked: targets of this turn's question; of an earlier one when this one names none.
        standing: warnings about the images themselves; they stay through all turns.
        unanswered: what could not be answered, each with reason and remedy.
        summary: the draft from the template; wording: a chat model's, of which every sentence was supported.
        usage: of the chat model in this turn.
        partial: a model that should have answered failed.
    """

    ingested: IngestedStudy
    order: Order
    access: AccessContext
    catalogue: Catalogue
    runner: StepRunner
    compute: Compute
    question: str = ""
    spoken: bool = False
    looking_for: str = ""
    around: Surroundings = ALONE
    released: bool = False
    repeats: int = 0
    tries: int = 4
    tries_left: int = 4
    requested_tries: int = 12
    earlier: tuple[Said, ...] = ()
    analyses: list[str] = field(default_factory=list)
    reply: Reply | None = None
    calls: list[ToolCall] = field(default_factory=list)
    follow_up: bool = False
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    plans: dict[str, PromptPlan] = field(default_factory=dict)
    masks: dict[str, Mask] = field(default_factory=dict)
    measured: dict[str, tuple[Measurement, ...]] = field(default_factory=dict)
    features: dict[str, tuple[dict[str, object], ...]] = field(default_factory=dict)
    quality_steps: dict[str, str] = field(default_factory=dict)
    agreement: dict[str, tuple[float, str]] = field(default_factory=dict)
    reported: dict[str, tuple[Statement, ...]] = field(default_factory=dict)
    derived: list[DerivedMeasurement] = field(default_factory=list)
    classified: dict[str, tuple[Statement, ...]] = field(default_factory=dict)
    facts: list[Statement] = field(default_factory=list)
    refinements: list[Refinement] = field(default_factory=list)
    sent: dict[str, Sent] = field(default_factory=dict)
    settings: dict[tuple[str, str], set[tuple[str, ...]]] = field(default_factory=dict)
    doubted: dict[str, Doubted] = field(default_factory=dict)
    beside: dict[tuple[str, str], Mask] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    prior_list: tuple[PriorStudy, ...] = ()
    prior_workspaces: dict[str, Workspace] = field(default_factory=dict)
    critical: list[dict[str, object]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    prompts: list[PromptRecord] = field(default_factory=list)
    standing: tuple[str, ...] = ()
    unanswered: dict[tuple[str, str], str] = field(default_factory=dict)
    model_versions: dict[str, str] = field(default_factory=dict)
    usage: dict[str, float] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    summary: str = ""
    wording: str = ""
    partial: bool = False
    _warnings: dict[tuple[str, str], None] = field(default_factory=dict)
    _before: set[str] = field(default_factory=set)
    _made: int = 0

    def __post_init__(self) -> None:
        self.access.require(self.ingested.study.patient.key)
        self.question = self.question or self.order.indication
        self.looking_for = self.looking_for or self.question

    def ask(self, question: str) -> None:
        """Begin another turn about the same study: what was found stays, the question is new."""
        self.order = replace(self.order, indication=question)
        self.question = question
        self.spoken = True
        self.looking_for = question
        self._before = self.asked or self._before
        self.asked = set()
        self.follow_up = bool(self.masks)
        self.unanswered.clear()
        self.plans.clear()
        self.summary = ""
        self.wording = ""
        self.partial = False
        self.usage = {}
        self.reply = None
        self.facts.clear()
        self.calls.clear()
        self.tries_left = self.tries
        self._warnings = {key: None for key in self._warnings if key[0] != TURN}

    @property
    def targets_in_question(self) -> set[str]:
        """What the answer is about: this turn's targets, else those of the turn before."""
        return self.asked or self._before

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know, each once: about the images, what was found in them, and this turn."""
        owners = {TURN, DERIVED, *self.masks}
        said = (text for owner, text in self._warnings if owner in owners)
        return tuple(dict.fromkeys((*self.standing, *said)))

    def warn(self, text: str, owner: str = TURN) -> None:
        """Add a warning that lives as long as its owner."""
        self._warnings[(owner, text)] = None

    @property
    def series_names(self) -> tuple[str, ...]:
        """ "series-1", "series-2", … in the study's order."""
        return tuple(f"series-{n}" for n in range(1, len(self.ingested.study.series) + 1))

    def series(self, name: str) -> Series:
        """The series of that name.

        Raises:
            UnknownName: not in this workspace.
        """
        names = self.series_names
        if name not in names:
            raise UnknownName(f"There is no {name!r}; there is {', '.join(names)}.", where="series")
        return self.ingested.study.series[names.index(name)]

    def volume(self, name: str) -> Volume:
        """The pixels of a series. Raises UnknownName."""
        return self.ingested.volumes[self.series(name).series_uid]

    def name_of(self, series_uid: str) -> str:
        """The short name of a series UID."""
        uids = [s.series_uid for s in self.ingested.study.series]
        return self.series_names[uids.index(series_uid)]

    def mask(self, mask_id: str) -> Mask:
        """A mask by id. Raises UnknownName."""
        if mask_id not in self.masks:
            there = ", ".join(self.masks) or "none"
            raise UnknownName(f"There is no mask {mask_id!r}; there is {there}.", where="masks")
        return self.masks[mask_id]

    def mask_of(self, series_uid: str, target: str) -> Mask | None:
        """The mask of a target in a series, when there is one."""
        return next((m for m in self.masks.values() if (m.series_uid, m.target) == (series_uid, target)), None)

    def usable(self, mask: Mask | None) -> bool:
        """Judged, and not rejected: what may be measured and reported."""
        return mask is not None and mask.quality is not None and mask.quality.outcome is not Outcome.REJECT

    def add_mask(self, mask: Mask) -> None:
        """Keep a new mask, in place of an earlier one of the same target in the same series."""
        earlier = self.mask_of(mask.series_uid, mask.target)
        if earlier is not None:
            self.masks.pop(earlier.mask_id)
            self.measured.pop(earlier.mask_id, None)
            self.quality_steps.pop(earlier.mask_id, None)
            self.derived = [d for d in self.derived if earlier.mask_id not in d.mask_ids]
        self.masks[mask.mask_id] = mask

    def next_mask_id(self) -> str:
        """A fresh id: "m1", "m2", …"""
        self._made += 1
        return f"m{self._made}"

    def pending(self, name: str) -> list[CraftedPrompt]:
        """Crafted prompts of a series that have neither a mask nor a reason why not."""
        plan = self.plans.get(name)
        if plan is None:
            return []
        uid = self.series(name).series_uid
        return [
            p for p in plan.prompts if self.mask_of(uid, p.target) is None and (uid, p.target) not in self.unanswered
        ]

    def candidates(self, name: str, target: str, region: str = "") -> tuple[Candidate, ...]:
        """Models that may be asked for a target in a series, best first."""
        series = self.series(name)
        geometry = series.geometry
        volumetric = geometry.slices > 1 and geometry.in_patient and geometry.uniform and not series.colour
        return self.catalogue.candidates(series.modality, target, region, volumetric=volumetric)

    def wants_chest_report(self, name: str) -> bool:
        """A frontal chest radiograph that a model here reports on, and the question leaves room for it."""
        series = self.series(name)
        chest = "chest" in protocols().regions(series.body_part)
        frontal = series.view_position.upper() not in {"LL", "RL", "LATERAL", "LAT"}
        single = series.geometry.slices == 1 and not series.colour
        projection = series.modality.upper() in PROJECTION_RADIOGRAPHY
        return self.around.chest_report is not None and projection and chest and frontal and single

    def known(self, name: str, target: str, region: str = "") -> KnownTarget | None:
        """What the model that would be asked first is known to do; None when it is a guess."""
        candidates = self.candidates(name, target, region)
        return candidates[0].known if candidates else None

    def known_to(self, mask: Mask, region: str = "") -> KnownTarget | None:
        """What the model that made a mask is known to do."""
        candidates = self.candidates(self.name_of(mask.series_uid), mask.target, region)
        return next((c.known for c in candidates if str(c.model.identity) == mask.model), None)

    def crafted(self, series_uid: str, target: str) -> CraftedPrompt | None:
        """The prompt that asked for a target in a series, in this turn or an earlier one."""
        plan = self.plans.get(self.name_of(series_uid))
        found = next((p for p in plan.prompts if p.target == target), None) if plan else None
        mask = self.mask_of(series_uid, target)
        if found is None and mask is not None and mask.mask_id in self.sent:
            return self.sent[mask.mask_id].prompt
        return found

    @property
    def unassessed(self) -> list[str]:
        """Ids of masks that QA has not seen."""
        return [m.mask_id for m in self.masks.values() if m.quality is None]

    @property
    def unmeasured(self) -> list[str]:
        """Ids of usable masks without measurements."""
        return [m.mask_id for m in self.masks.values() if m.mask_id not in self.measured and self.usable(m)]

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """Measurements of usable masks, in the order of the masks, derived ones last."""
        usable = [i for i, m in self.masks.items() if self.usable(m)]
        per_mask = [m for mask_id in usable for m in self.measured.get(mask_id, ())]
        return (*per_mask, *(d.measurement for d in self.derived))

    @property
    def feature_rows(self) -> tuple[dict[str, object], ...]:
        """Image features of usable masks."""
        return tuple(row for i, m in self.masks.items() if self.usable(m) for row in self.features.get(i, ()))

    @property
    def unanswered_texts(self) -> tuple[str, ...]:
        """What could not be answered, with the reason, each once."""
        return tuple(dict.fromkeys(f"{target}: {reason}" for (_, target), reason in self.unanswered.items()))
