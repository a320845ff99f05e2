"""Steps that are not done twice: what an attempt finished, the next attempt replays.

A step is known by what was asked (agent, tool, model, inputs) and by how often the same was asked before, not by its
place in a sequence: calls that run in parallel end in another order each time, and replay at once. Its id ("s7")
comes from its record; a step that is done anew takes the lowest id that no record holds, which in a run without
parallel calls is the id that it had when its process died.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from bisect import bisect
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from domain.analysis import Step
from domain.errors import MedImageError, ModelUnreachable
from domain.ports import Clock, Listener, RunEvent
from domain.study import IngestedStudy
from jobs.durable.results import ResultBroken, StepResults, Stored
from jobs.durable.rows import as_row, foreign, json_able, step_of
from jobs.durable.system import AttemptBroken, DurableSystem, Row
from jobs.steps import Call, Done, RecordingStepRunner

R = TypeVar("R")

_log = logging.getLogger(__name__)

running: ContextVar[DurableStepRunner | None] = ContextVar("running", default=None)
"""The runner of the attempt that this task belongs to."""


class DurableStepRunner(RecordingStepRunner):
    """StepRunner of one attempt; works inside `DurableSystem.run` only.

    Args:
        results: where the results of steps lie.
        past: rows of earlier attempts, as `DurableSystem.take_over` gives them.
        waits: a model that does not answer ends the attempt, and nothing is recorded: the next one asks it again.
    """

    def __init__(
        self,
        clock: Clock,
        listener: Listener | None = None,
        *,
        system: DurableSystem,
        results: StepResults,
        past: Iterable[Row] = (),
        waits: bool = False,
    ) -> None:
        super().__init__(clock, listener)
        self._system = system
        self._results = results
        self._waits = waits
        self._past = {str(row["key"]): row for row in past}
        self._held = {str(row["step"]["step_id"]) for row in self._past.values() if "step" in row}
        self._ended = max((int(row["ended"]) for row in self._past.values()), default=0)
        self._orders: list[int] = []
        self._seen: Counter[str] = Counter()
        self._broken: MedImageError | None = None
        self.replaying = False

    def tell(self, event: RunEvent) -> None:
        """Pass an event of the run on; one that was told before, by an earlier attempt, says `replayed`."""
        if self._listener is not None:
            self._listener(replace(event, data={**event.data, "replayed": True}) if self.replaying else event)

    def announce(self, event: RunEvent) -> None:
        """Tell something else that happened, marked as `tell` does."""
        self.tell(event)

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
        """The recorded result where there is one; else do the work once and record it.

        A failure is recorded and raised again, now and in later attempts; a cancellation is not recorded.

        Raises:
            AttemptBroken: nothing more can be recorded.
        """
        self._require_whole()
        key = self._key("step", agent, tool, model, inputs)
        past = self._past.pop(key, None)
        replayed = None if past is None else await self._replayed(past, work)
        if replayed is not None:
            return replayed.give()
        self.replaying = False
        call = Call(self._free_id(), agent, tool, model, inputs)
        self._tell_started(call)
        done, ended = await self._done(key, call, work, outputs)
        self._append(done.step, ended)
        self._tell_finished(done.step)
        return done.give()

    async def keep(self, name: str, work: Callable[[], Awaitable[R]], *, about: object = None) -> R:
        """Something small and JSON-able that is found once: a time, a list of warnings. It is no step of the trail.

        Args:
            about: what it was asked of; JSON-able.

        Raises:
            Exception: of the work; nothing was recorded.
            AttemptBroken: nothing more can be recorded.
        """
        self._require_whole()
        key = self._key("value", name, about)
        past = self._past.pop(key, None)
        if past is None:
            self.replaying = False

            async def body() -> Row:
                value = await work()
                return {"key": key, "ended": self._next_end(), "value": json_able(value)}

            past = await self._recorded(name, body)
        value: R = past["value"]
        return value

    @property
    def last_end(self) -> datetime:
        """When the last of the steps so far ended: the same instant in every attempt."""
        return max(step.started + timedelta(seconds=step.seconds) for step in self.steps)

    def kept(self, name: str) -> Any:
        """What an earlier attempt kept under a name, None when it kept nothing."""
        row = self._past.get(f"{_base('value', name, None)}#1")
        return None if row is None else row["value"]

    async def _replayed(self, past: Row, work: Callable[[], Awaitable[R]]) -> Done[R] | None:
        """What is on record; None where its file is broken and the work has to be done again."""
        step = step_of(past["step"])
        result: Any = None
        try:
            if past.get("again"):
                result = await work()
            elif "file" in past:
                result = await asyncio.to_thread(self._results.get, Stored(past["file"], past["sha256"]))
        except ResultBroken as error:
            _log.warning("a step's result is broken and it is done again: %s", error)
            self._held.discard(step.step_id)
            return None
        self.replaying = True
        self._tell_started(Call(step.step_id, step.agent, step.tool, step.model, step.inputs), replayed=True)
        self._append(step, int(past["ended"]))
        self._tell_finished(step, replayed=True)
        if step.ok:
            return Done(step, result)
        return Done(step, error=result if isinstance(result, BaseException) else foreign(step.error))

    async def _done(
        self,
        key: str,
        call: Call,
        work: Callable[[], Awaitable[R]],
        outputs: Callable[[R], Mapping[str, object]] | None,
    ) -> tuple[Done[R], int]:
        """Do the work in a step of DBOS, and say as which it ended. Its result is on disk before DBOS hears of it."""
        finished: list[Done[R]] = []
        where: Row = {}

        async def stored() -> R:
            result = await work()
            # Before anything looks at it: a result may keep what it computed on demand.
            where.update(await self._stored(call.step_id, result))
            return result

        async def body() -> Row:
            where.clear()
            done = await self._do(call, stored, outputs)
            if done.error is not None and not isinstance(done.error, Exception):
                raise done.error
            if self._waits and isinstance(done.error, ModelUnreachable):
                raise AttemptBroken(done.error)
            if isinstance(done.error, MedImageError):
                where.update(await self._stored(call.step_id, done.error))
            finished.append(done)
            return {"key": key, "ended": self._next_end(), "step": as_row(done.step), **where}

        row = await self._recorded(f"{call.agent}.{call.tool}", body)
        return finished[-1], int(row["ended"])

    async def _stored(self, step_id: str, result: object) -> Row:
        if result is None:
            return {}
        if isinstance(result, IngestedStudy):
            return {"again": True}  # its pixels lie in the study store already
        try:
            stored = await asyncio.to_thread(self._results.put, step_id, result)
        except MedImageError as error:
            raise AttemptBroken(error) from error
        return {"file": stored.file, "sha256": stored.sha256}

    async def _recorded(self, name: str, body: Callable[[], Awaitable[Row]]) -> Row:
        try:
            return await self._system.step(name, body)
        except AttemptBroken as broken:
            self._broken = self._broken or broken.reason
            raise

    def _require_whole(self) -> None:
        if self._broken is not None:
            raise AttemptBroken(self._broken)

    def _key(self, kind: str, *asked: object) -> str:
        base = _base(kind, *asked)
        self._seen[base] += 1
        return f"{base}#{self._seen[base]}"

    def _free_id(self) -> str:
        while True:
            self._count += 1
            if f"s{self._count}" not in self._held:
                return f"s{self._count}"

    def _next_end(self) -> int:
        self._ended += 1
        return self._ended

    def _append(self, step: Step, ended: int) -> None:
        """In the order in which steps ended, those of earlier attempts first."""
        place = bisect(self._orders, ended)
        self._orders.insert(place, ended)
        self.steps.insert(place, step)


def _base(kind: str, *asked: object) -> str:
    text = json.dumps(json_able([kind, *asked]), sort_keys=True)
    return f"{kind}:{hashlib.sha256(text.encode()).hexdigest()[:24]}"
