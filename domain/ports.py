"""What the inside asks of the outside. Implementations live above; `app.py` puts them together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar

from domain.access import AccessContext
from domain.analysis import Step
from domain.model import KnownTarget, ModelIdentity, ModelImage, ParseAnswer, Window
from domain.privacy import Deidentified
from domain.study import Series, Study

P = ParamSpec("P")
R = TypeVar("R")


class EventKind(StrEnum):
    """What happened in a run."""

    STEP_STARTED = "step_started"
    STEP_FINISHED = "step_finished"
    TEXT = "text"
    PLANNER_CHANGED = "planner_changed"
    PROGRESS = "progress"
    APPROVAL = "approval"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class RunEvent:
    """One event of a run, as it happens. `data` is JSON-able and carries no identity."""

    kind: EventKind
    data: dict[str, Any] = field(default_factory=dict)


Listener = Callable[[RunEvent], None]


class SegmentationModel(Protocol):
    """A model that finds text-prompted structures in one image (MedImageParse's contract)."""

    @property
    def identity(self) -> ModelIdentity:
        """Name, version, and whether it is on this machine."""

    def known(self, modality: str, target: str, region: str = "") -> KnownTarget | None:
        """What is published about this target for a DICOM modality ("CT", "CR", "MR", …); None when unknown."""

    def accepts(self, modality: str, target: str) -> bool:
        """Whether it may be asked at all: MedImageParse takes any text, embedded models only what they know."""

    async def segment(self, image: Deidentified[ModelImage], prompts: Sequence[str]) -> ParseAnswer:
        """Masks in the image's own pixels, one for each prompt, in their order.

        Raises:
            ModelUnreachable, ModelRefused, ModelResponseInvalid.
        """


@dataclass(frozen=True)
class Wording:
    """How a target is asked for: the prompt and its window, and why.

    Attributes:
        window: None lets the protocol or the contract decide.
        reason: one sentence for the trail; "" for the default.
        evidence: ids of the feedback behind it.
        arm: "baseline" or "candidate" where an experiment decided, "" otherwise.
        warning: why the memory could not be asked, "" when it could.
    """

    prompt: str
    window: Window | None = None
    reason: str = ""
    evidence: tuple[str, ...] = ()
    arm: str = ""
    warning: str = ""


class PromptAdvice(Protocol):
    """What reviewers' corrections of other patients say about asking for a target."""

    async def wording(self, study: Study, series: Series, target: str, region: str, default: Wording) -> Wording:
        """The default, or a better one. Never raises: a memory that is down is a warning."""


class Compute(Protocol):
    """Where CPU work runs: here, or in a process pool so that the event loop never stalls."""

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a module-level function with picklable arguments."""


class StepRunner(Protocol):
    """Runs a tool call as one step: recorded now, durable when jobs say so.

    Attributes:
        steps: what was done so far, failed steps too.
    """

    @property
    def steps(self) -> Sequence[Step]:
        """What was done so far, in the order in which it ended."""

    def progress(self, done: int, total: int) -> None:
        """Tell how far the step under way is, in its own units."""

    def announce(self, event: RunEvent) -> None:
        """Tell something else that happened, such as a request for approval."""

    def listen(self, listener: Listener | None) -> None:
        """Tell what happens from now on to somebody else."""

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
        """Do the work once and record it; a failure is recorded and raised again."""


class Clock(Protocol):
    """The time, as an argument."""

    def now(self) -> datetime:
        """Aware UTC time."""

    def monotonic(self) -> float:
        """Seconds for durations."""


class JobState(StrEnum):
    """The life of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Job:
    """What a caller may know about a job.

    Attributes:
        progress: 0–1.
        eta_s: expected seconds to go, None when nothing is known to estimate from.
    """

    job_id: str
    state: JobState
    study_uid: str
    analysis_id: str
    created: datetime
    progress: float = 0.0
    eta_s: float | None = None
    steps: tuple[dict[str, Any], ...] = ()
    error: str = ""
    remedy: str = ""


class JobQueue(Protocol):
    """Long work: submit, look, follow, cancel."""

    async def submit(self, access: AccessContext, study_uid: str, request: Mapping[str, Any]) -> Job:
        """Queue an analysis of a stored study; `request` holds indication, priority, prompts."""

    async def get(self, access: AccessContext, job_id: str) -> Job:
        """The job now. Raises JobNotFound."""

    def events(self, access: AccessContext, job_id: str, after: int = 0) -> AsyncIterator[tuple[int, RunEvent]]:
        """Numbered events from the first after `after` on, until the job ends."""

    async def cancel(self, access: AccessContext, job_id: str) -> Job:
        """Stop at once. Raises JobNotFound."""


class StudyStore(Protocol):
    """Where the files of studies lie, with the patient lock and the audit at the door."""

    async def folder(self, access: AccessContext, study_uid: str) -> Path:
        """Folder of a study's files. Raises StudyNotFound, PatientLockViolation."""
