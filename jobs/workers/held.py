"""A job that a worker holds: its attempt runs, is reported, and its end is put on record, whatever that end is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from domain.errors import MedImageError
from domain.study import Priority
from jobs.durable.system import Superseded
from jobs.failure import internal_error
from jobs.scheduling.policy import Slot
from jobs.scheduling.priority import Urgent, from_critical
from jobs.workers.attempt import Attempt, Ended, Outcome, Patience, RunAttempt, judge
from jobs.workers.reporter import JobReporter
from jobs.workers.wakes import Wakes
from records.errors import DatabaseUnavailable
from records.job_leases import Claim, JobLeases, LeaseLost, News
from records.job_workers import JobWorkers

Settle = Callable[[News], Awaitable[None]]
TRIES = 5
"""At putting an end on record, where an unforeseen error stands in the way."""

_log = logging.getLogger(__name__)


class HeldJob:
    """One attempt, from the claim to what comes of it. `task` never raises.

    Args:
        wakes: told of models that answered.
        settle_s: between two tries to put its end on record while the database is away.
        gone: told when it is over; False where its end could not be put on record.
    """

    def __init__(
        self,
        claim: Claim,
        slot: Slot,
        *,
        leases: JobLeases,
        workers: JobWorkers,
        run: RunAttempt,
        ended: Ended | None,
        wakes: Wakes,
        patience: Patience,
        settle_s: float,
        gone: Callable[[HeldJob, bool], None],
    ) -> None:
        self.claim = claim
        self.slot = slot
        self._leases = leases
        self._workers = workers
        self._ended = ended
        self._wakes = wakes
        self._patience = patience
        self._settle_s = settle_s
        self._gone = gone
        self._lost = False
        self._recorded = False
        self._priority: Priority = claim.job.priority
        self._reporter = JobReporter(leases, claim)
        check, fence = (lambda: leases.check(claim)), leases.fence(claim)
        attempt = Attempt(claim.job, self._reporter.hear, check, fence)
        self._attempt = asyncio.ensure_future(run(attempt))
        self.task = asyncio.create_task(self._life(), name=f"job {claim.job.job_id}")

    def hand_back(self) -> None:
        """Stop it, for another attempt to go on."""
        self._attempt.cancel()

    def lose(self) -> None:
        """Stop it: it is held no more."""
        self._lost = True
        self._attempt.cancel()

    async def _life(self) -> None:
        job = self.claim.job
        writer = asyncio.create_task(self._write(), name=f"report {job.job_id}")
        await asyncio.wait({self._attempt})
        settle, over = self._judged()
        self._reporter.close()
        await asyncio.gather(writer, return_exceptions=True)
        settled = self._lost or await self._settled(settle)
        await self._wakes.tell(self._reporter.take_answered())
        # Not by whether it was lost meanwhile: a job that has ended is held by nobody, which the watch sees at once.
        if over and self._recorded:
            await self._clear()
        self._gone(self, settled)

    async def _write(self) -> None:
        try:
            await self._reporter.write(self._hurry_while_it_runs)
        except LeaseLost:
            self.lose()
        except Exception as error:  # progress is not worth a run
            internal_error(error)

    def _judged(self) -> tuple[Settle, bool]:
        """How the end of the attempt is put on record, and whether that is the job's."""
        claim, leases = self.claim, self._leases
        if self._attempt.cancelled():
            return (lambda news: leases.hand_back(claim, news)), False
        error = self._attempt.exception()
        if isinstance(error, LeaseLost | Superseded):
            return (lambda news: leases.hand_back(claim, news)), False
        if error is None:
            outcome = self._attempt.result()
            return (lambda news: self._finish(outcome, news)), True
        if not isinstance(error, Exception):
            raise error
        verdict = judge(error, claim, self._patience, self._reporter.asked)
        if verdict.again_s is not None:
            again_s, probe_s = verdict.again_s, self._patience.probe_s
            park = partial(leases.park, model=verdict.model, probe_s=probe_s)
            return (lambda news: park(claim, news, verdict.reason, again_s)), False
        return (lambda news: leases.fail(claim, news, verdict.reason, verdict.remedy)), True

    async def _finish(self, outcome: Outcome, news: News) -> None:
        await self._hurry(outcome.critical)
        await self._leases.finish(self.claim, news, needs_review=outcome.needs_review)

    async def _hurry_while_it_runs(self) -> None:
        critical = self._reporter.take_critical()
        with suppress(DatabaseUnavailable):  # its end says so once more
            await self._hurry(critical)
        await self._wakes.tell(self._reporter.take_answered())

    async def _hurry(self, critical: Sequence[Mapping[str, object]]) -> None:
        """What is critical goes to the top of whatever list its reader works from."""
        urgent = Urgent(self._priority).raised(from_critical(critical))
        if urgent.reasons:
            await self._leases.hurry(self.claim, urgent.priority, [reason.as_row() for reason in urgent.reasons])
            self._priority = urgent.priority

    async def _settled(self, settle: Settle) -> bool:
        """Put the end on record. While the database is away it waits; the end is not lost as long as it lives."""
        news, tries = self._reporter.take(), 0
        while tries < TRIES:
            try:
                await settle(news)
            except LeaseLost:
                self._lost = True
                return True
            except MedImageError as error:
                _log.warning("the end of a job: %s", type(error).__name__)
            except Exception as error:
                internal_error(error)
                tries += 1
            else:
                self._recorded = True
                return True
            await asyncio.sleep(self._settle_s)
        return False

    async def _clear(self) -> None:
        if self._ended is None:
            return
        try:
            await self._ended(self.claim.job)
            await self._workers.cleared(self.claim.job.number)
        except Exception as error:  # the reaper comes round again
            internal_error(error)
