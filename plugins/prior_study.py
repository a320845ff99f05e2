"""An earlier study at work: the same prompts, by the same models, judged and measured by the same tools as now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from domain.analysis import Step
from domain.errors import PatientLockViolation
from domain.mask import Mask
from domain.ports import Listener, RunEvent, StepRunner
from domain.prior import PriorStudies, PriorStudy
from domain.study import IngestedStudy, Patient
from inference.catalogue import Candidate
from plugins.measurement import MeasurementPlugin
from plugins.prompts import PromptsPlugin
from plugins.quality import QualityPlugin
from plugins.segmentation import SegmentationPlugin
from plugins.workspace import ALONE, Workspace
from tools.comparison.registration import Registration

R = TypeVar("R")


class PriorRunner:
    """The run's own steps, of which each says which earlier study it worked on.

    Args:
        name: "prior-1".
    """

    def __init__(self, inner: StepRunner, name: str) -> None:
        self._inner = inner
        self._name = name

    @property
    def steps(self) -> Sequence[Step]:
        """All steps of the run."""
        return self._inner.steps

    def progress(self, done: int, total: int) -> None:
        """As the run's own."""
        self._inner.progress(done, total)

    def announce(self, event: RunEvent) -> None:
        """As the run's own."""
        self._inner.announce(event)

    def listen(self, listener: Listener | None) -> None:
        """As the run's own."""
        self._inner.listen(listener)

    async def run(
        self,
        agent: str,
        tool: str,
        work: Callable[[], Awaitable[R]],
        *,
        inputs: Mapping[str, object],
        model: str = "",
        outputs: Callable[[R], Mapping[str, object]] | None = None,
    ) -> tuple[R, Step]:
        """Do the work as a step of the run."""
        told = {"study": self._name, **inputs}
        return await self._inner.run(agent, tool, work, inputs=told, model=model, outputs=outputs)


@dataclass
class PriorWorkspace(Workspace):
    """What one run knows of an earlier study.

    Attributes:
        name: "prior-1"; its masks are "prior-1-m1", ….
        wanted: (model, words) by series name and target: those of the present study.
        registrations: of its series to series of the present study, with the step; by both UIDs.
    """

    name: str = ""
    wanted: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    registrations: dict[tuple[str, str], tuple[Registration, str]] = field(default_factory=dict)

    def next_mask_id(self) -> str:
        """A fresh id that no mask of the present study has."""
        return f"{self.name}-{super().next_mask_id()}"

    def candidates(self, name: str, target: str, region: str = "") -> tuple[Candidate, ...]:
        """The model that outlined the target in the present study, and no other: two models are two methods."""
        model, _ = self.wanted.get((name, target), ("", ""))
        found = super().candidates(name, target, region)
        return tuple(c for c in found if not model or str(c.model.identity) == model)


async def open_prior(workspace: Workspace, port: PriorStudies, prior: PriorStudy, name: str) -> PriorWorkspace:
    """The workspace of an earlier study, kept for later questions; reading it is a step of the run.

    Raises:
        StudyNotFound, PatientLockViolation, UnusableInput.
    """
    known = workspace.prior_workspaces.get(prior.study_uid)
    if isinstance(known, PriorWorkspace):
        return known

    async def read() -> IngestedStudy:
        found = await port.read(workspace.access, prior.study_uid)
        require_same_patient(workspace.ingested.study.patient, found.study.patient)
        return found

    ingested, _ = await workspace.runner.run(
        "comparison",
        "read_prior",
        read,
        inputs={"prior": name},
        outputs=lambda found: {"series": len(found.study.series)},
    )
    opened = PriorWorkspace(
        ingested=ingested,
        order=replace(workspace.order, indication="", prompts=()),
        access=workspace.access,
        catalogue=workspace.catalogue,
        runner=PriorRunner(workspace.runner, name),
        compute=workspace.compute,
        around=ALONE,  # advice may word a prompt in another way than it was worded now
        released=workspace.released,
        repeats=workspace.repeats,
        follow_up=True,
        name=name,
    )
    workspace.prior_workspaces[prior.study_uid] = opened
    return opened


def require_same_patient(now: Patient, before: Patient) -> None:
    """One identifier is not always one person: what both studies say of the patient must not contradict.

    Raises:
        PatientLockViolation: another identifier, date of birth or sex.
    """
    same = now.key == before.key
    born = not (now.birth_date and before.birth_date) or now.birth_date == before.birth_date
    sex = not {now.sex, before.sex} >= {"M", "F"}
    if not (same and born and sex):
        raise PatientLockViolation(
            "The earlier study contradicts this one about the patient (identifier, date of birth or sex).",
            remedy="Check at the source whether both studies are of one person.",
        )


async def outline_prior(earlier: PriorWorkspace, name: str, asked: Sequence[tuple[Mask, str]]) -> None:
    """Outline, judge and measure targets in one series of an earlier study; what is there already stays.

    Args:
        name: of the earlier study's series.
        asked: masks of the present study, with the words that were sent for each.
    """
    uid = earlier.series(name).series_uid
    for mask, words in asked:
        method = (mask.model, words)
        there = earlier.mask_of(uid, mask.target)
        if there is not None and earlier.wanted.get((name, mask.target)) != method:
            earlier.masks.pop(there.mask_id)
        earlier.wanted[(name, mask.target)] = method
        earlier.unanswered.pop((uid, mask.target), None)
    targets = [mask.target for mask, _ in asked]
    missing = [target for target in targets if earlier.mask_of(uid, target) is None]
    if missing:
        await PromptsPlugin(earlier).craft(name, missing)
        _word_as_now(earlier, name)
        crafted = {p.target for p in earlier.plans[name].prompts}
        await SegmentationPlugin(earlier).segment(name, [t for t in missing if t in crafted])
    if earlier.unassessed:
        await QualityPlugin(earlier).assess()
    if earlier.unmeasured:
        await MeasurementPlugin(earlier).measure()


def _word_as_now(earlier: PriorWorkspace, name: str) -> None:
    plan = earlier.plans[name]
    words = {target: text for (series, target), (_, text) in earlier.wanted.items() if series == name and text}
    earlier.plans[name] = replace(
        plan, prompts=tuple(replace(p, text=words.get(p.target, p.text)) for p in plan.prompts)
    )


def sent(workspace: Workspace, mask: Mask) -> tuple[str, str]:
    """The words and the window that a mask was asked for with; "" where it is not known."""
    for record in reversed(workspace.prompts):
        same = (record.series_uid, record.target) == (mask.series_uid, mask.target)
        if same and record.reason.endswith(f"({mask.step_id})"):
            return record.text, record.window
    return "", ""
