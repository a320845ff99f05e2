"""Passes on what happens in an attempt: gathered, and written down twice a second at most."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence

from domain.ports import EventKind, RunEvent
from records.errors import DatabaseUnavailable
from records.job_leases import Claim, JobLeases, News

EVERY_S = 0.5
_STEP = frozenset({EventKind.STEP_STARTED, EventKind.STEP_FINISHED})
_OF_THE_END = frozenset({EventKind.DONE, EventKind.FAILED})
REPLAYED = "replayed"
"""In the data of an event that an earlier attempt met already."""


class JobReporter:
    """Listener of one attempt; used on the event loop's thread.

    What an earlier attempt put on record is not told again; what it met and could not put on record any more, is.
    """

    def __init__(self, leases: JobLeases, claim: Claim) -> None:
        self._leases = leases
        self._claim = claim
        self._told = claim.told
        self._expected: int | None = None
        self._steps: dict[str, bool] = {}
        self._progress = claim.job.progress
        self._events: list[RunEvent] = []
        self._further = False
        self._critical: list[Mapping[str, object]] = []
        self._asked: dict[str, str] = {}
        self._answered: dict[str, None] = {}
        self._news = asyncio.Event()
        self._closed = asyncio.Event()

    def hear(self, event: RunEvent) -> None:
        """Take an event of the run. The end is told when it is on record, not before."""
        if event.kind in _OF_THE_END:
            return
        if event.kind in _STEP:
            self._take_step(event)
        if isinstance(event.data.get("expected"), int):
            self._expected = event.data["expected"]
        if event.data.get("total"):
            self._advance(event.data["done"] / event.data["total"])
        if (event.kind.value, str(event.data.get("id", ""))) not in self._told:
            self._add(event)

    def take(self) -> News:
        """What happened since the last time."""
        news = News(tuple(self._events), round(self._progress, 4), self._further)
        self._events, self._further = [], False
        self._news.clear()
        return news

    def take_critical(self) -> Sequence[Mapping[str, object]]:
        """Critical findings that steps told of since the last time."""
        critical, self._critical = self._critical, []
        return critical

    def take_answered(self) -> Sequence[str]:
        """Models that have answered since the last time."""
        answered, self._answered = list(self._answered), {}
        return answered

    @property
    def asked(self) -> str:
        """The model whose answer is waited for, the one that was asked last; "" for none."""
        return next(reversed(self._asked.values()), "")

    async def write(self, then: Callable[[], Awaitable[None]]) -> None:
        """Put on record what happens, until `close`; `then` each time. Raises LeaseLost."""
        while not self._closed.is_set():
            await self._news.wait()
            if not self._closed.is_set():
                await self.flush()
                await then()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closed.wait(), EVERY_S)

    def close(self) -> None:
        """Write nothing more; what is being written is. The rest is for `take`."""
        self._closed.set()
        self._news.set()

    async def flush(self) -> None:
        """Put on record what happened so far; keeps it while the database is away. Raises LeaseLost."""
        news = self.take()
        try:
            await self._leases.report(self._claim, news)
        except DatabaseUnavailable:
            self._events[:0] = news.events
            self._further |= news.further
            self._news.set()

    def _add(self, event: RunEvent) -> None:
        told = RunEvent(event.kind, {name: value for name, value in event.data.items() if name != REPLAYED})
        last = self._events[-1] if self._events else None
        if last is not None and _how_far(last) and _how_far(told):
            self._events[-1] = told  # only the latest counts
        else:
            self._events.append(told)
        self._news.set()

    def _take_step(self, event: RunEvent) -> None:
        finished, step = event.kind is EventKind.STEP_FINISHED, str(event.data.get("id", ""))
        self._steps[step] = finished
        model = str(event.data.get("model") or "").partition("@")[0]
        if not finished:
            if model:
                self._asked[step] = model
            return
        self._asked.pop(step, None)
        if model and event.data.get("ok") and not event.data.get(REPLAYED):
            self._answered[model] = None
        self._advance(0.0)
        self._further |= not event.data.get(REPLAYED)
        outputs = event.data.get("outputs")
        critical = outputs.get("critical") if isinstance(outputs, Mapping) else None
        if isinstance(critical, list):
            self._critical += [row for row in critical if isinstance(row, Mapping)]

    def _advance(self, part: float) -> None:
        """Finished steps, and the part of the one under way; steps that nobody foresaw make the total grow."""
        total = max(self._expected or 0, len(self._steps) + (0 if self._expected else 1))
        self._progress = max(self._progress, min((sum(self._steps.values()) + part) / total, 0.99))


def _how_far(event: RunEvent) -> bool:
    return event.kind is EventKind.PROGRESS and set(event.data) == {"done", "total"}
