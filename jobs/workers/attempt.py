"""What a worker asks to be run, what comes of it, and what an error means for the job."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.errors import MedImageError, ModelUnreachable
from domain.ports import Listener
from domain.study import Order, Priority
from jobs.durable.results import ProgressNotKept
from jobs.failure import internal_error
from records.errors import DatabaseUnavailable
from records.job_leases import Claim
from records.job_rows import JobRecord


@dataclass(frozen=True)
class Attempt:
    """One attempt at a job.

    Attributes:
        listener: told what happens, on the event loop's thread.
        check: raises LeaseLost where the attempt holds the job no more.
        fence: the same, inside a transaction of other records.
    """

    job: JobRecord
    listener: Listener
    check: Callable[[], Awaitable[None]]
    fence: Callable[[Session], None]

    @property
    def number(self) -> int:
        """1, 2, …: the fencing token."""
        return self.job.attempt

    @property
    def since(self) -> int:
        """First attempt whose steps count: later than 1 where the job was begun again."""
        return self.job.since

    @property
    def access(self) -> AccessContext:
        """Of the one who asked."""
        return self.job.access

    @property
    def order(self) -> Order:
        """What was asked."""
        return self.job.order


@dataclass(frozen=True)
class Outcome:
    """What an attempt came to; its analysis is on record.

    Attributes:
        critical: rows of `domain.analysis.Analysis.critical`.
    """

    needs_review: bool = False
    critical: tuple[Mapping[str, object], ...] = ()


RunAttempt = Callable[[Attempt], Awaitable[Outcome]]
"""Runs an attempt to its end. Cancelling it stops it at once and leaves the job to the next attempt."""
Ended = Callable[[JobRecord], Awaitable[None]]
"""Told when the end of a job is on record, once at least: to remove what only its run needed."""

PASSING = (ModelUnreachable, ProgressNotKept, DatabaseUnavailable)
"""Errors that another try may not meet: the job waits."""


@dataclass(frozen=True)
class Patience:
    """How long a job waits for what is down: longer each time, then not any more.

    Attributes:
        first_s: before the second try. longest_s: between two tries. times: that it waits.
        stat_s: longest wait of STAT. probe_s: of one job at least of those that wait for the same model.
        again_s: longest wait of a job that was woken in vain, `times` at most: the circuit of its own worker may just
            not have been open again.
    """

    first_s: float = 30.0
    longest_s: float = 600.0
    times: int = 24
    stat_s: float = 30.0
    probe_s: float = 30.0
    again_s: float = 60.0

    @property
    def total_s(self) -> float:
        """How long a job waits that is never woken before its time."""
        return sum(min(self.first_s * 2.0 ** min(waits, 32), self.longest_s) for waits in range(self.times))

    def pause_s(
        self,
        waits: int,
        *,
        waited_s: float = math.inf,
        priority: Priority = Priority.ROUTINE,
        woken: bool = False,
    ) -> float | None:
        """Seconds until the next try of a job that has waited so often; None when it waits no longer.

        Args:
            waited_s: since its first attempt: whoever is tried more often has no less patience.
            woken: it was tried before its time, in vain.
        """
        if waits >= self.times and waited_s >= self.total_s:
            return None
        pause = min(self.first_s * 2.0 ** min(waits, 32), self.longest_s)
        if woken and waits < self.times:
            pause = min(pause, self.again_s)
        return min(pause, self.stat_s) if priority is Priority.STAT else pause

    def pause_of(self, job: JobRecord, *, woken: bool = False) -> float | None:
        """The same, of a job that runs."""
        known = job.began is not None and job.started is not None
        waited_s = (job.started - job.began).total_seconds() if known else math.inf  # type: ignore[operator]
        return self.pause_s(job.waits, waited_s=waited_s, priority=job.priority, woken=woken)


@dataclass(frozen=True)
class Verdict:
    """What an error means: the job fails, or waits `again_s` seconds, for a `model` or for something else."""

    reason: str
    remedy: str
    again_s: float | None = None
    model: str = ""


def judge(error: Exception, claim: Claim, patience: Patience, model: str = "") -> Verdict:
    """What an error of an attempt means for its job. An unforeseen one is logged here.

    Args:
        model: whose answer was waited for last.
    """
    if not isinstance(error, MedImageError):
        return Verdict(*internal_error(error))
    reason = f"{error.where}: {error.reason}" if error.where else error.reason
    if not isinstance(error, PASSING):
        return Verdict(reason, error.remedy)
    model = model if isinstance(error, ModelUnreachable) else ""
    pause = patience.pause_of(claim.job, woken=bool(model) and claim.woken)
    return Verdict(reason, error.remedy, pause, model)
