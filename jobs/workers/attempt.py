"""What a worker asks to be run, what comes of it, and what an error means for the job."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.errors import MedImageError, ModelUnreachable
from domain.ports import Listener
from domain.study import Order
from jobs.durable.results import ProgressNotKept
from jobs.failure import internal_error
from records.errors import DatabaseUnavailable
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
    """

    first_s: float = 30.0
    longest_s: float = 600.0
    times: int = 24

    def pause_s(self, waits: int) -> float | None:
        """Seconds until the next try of a job that has waited so often; None when it waits no longer."""
        return None if waits >= self.times else min(self.first_s * 2.0 ** min(waits, 32), self.longest_s)


@dataclass(frozen=True)
class Verdict:
    """What an error means: the job fails, or waits `again_s` seconds."""

    reason: str
    remedy: str
    again_s: float | None = None


def judge(error: Exception, waits: int, patience: Patience) -> Verdict:
    """What an error of an attempt means for a job that has waited so often. An unforeseen one is logged here."""
    if not isinstance(error, MedImageError):
        return Verdict(*internal_error(error))
    reason = f"{error.where}: {error.reason}" if error.where else error.reason
    return Verdict(reason, error.remedy, patience.pause_s(waits) if isinstance(error, PASSING) else None)
