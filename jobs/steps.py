"""Steps as they happen: each tool call is timed, numbered, announced and kept."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar, cast

from domain.analysis import Step
from domain.errors import MedImageError
from domain.ports import Clock, EventKind, Listener, RunEvent
from inference.transport.traffic import collecting

R = TypeVar("R")


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Aware UTC time."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds for durations."""
        return time.monotonic()


@dataclass(frozen=True)
class Call:
    """A tool call, before it is done."""

    step_id: str
    agent: str
    tool: str
    model: str
    inputs: Mapping[str, object]


@dataclass(frozen=True)
class Done(Generic[R]):
    """A tool call that ended: with a result, or with what was raised."""

    step: Step
    result: R | None = None
    error: BaseException | None = None

    def give(self) -> tuple[R, Step]:
        """The result and its step. Raises what the call raised."""
        if self.error is not None:
            raise self.error
        return cast(R, self.result), self.step


class RecordingStepRunner:
    """StepRunner of one run, in this process: every call becomes a Step, failed ones too.

    Args:
        clock: where times come from.
        listener: told of each start and end; never given identity.
    """

    def __init__(self, clock: Clock, listener: Listener | None = None) -> None:
        self._clock = clock
        self._listener = listener
        self._count = 0
        self.steps: list[Step] = []

    def listen(self, listener: Listener | None) -> None:
        """Send what happens from now on to another listener."""
        self._listener = listener

    def announce(self, event: RunEvent) -> None:
        """Tell something else that happened."""
        if self._listener is not None:
            self._listener(event)

    def progress(self, done: int, total: int) -> None:
        """Tell how far the step under way is; a hundred times at most, the first and the last of them always."""
        if total and (done == total or done % max(1, total // 100) == 0):
            self._tell(EventKind.PROGRESS, done=done, total=total)

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
        self._count += 1
        call = Call(f"s{self._count}", agent, tool, model, inputs)
        self._tell_started(call)
        done = await self._do(call, work, outputs)
        self.steps.append(done.step)
        self._tell_finished(done.step)
        return done.give()

    async def _do(
        self, call: Call, work: Callable[[], Awaitable[R]], outputs: Callable[[R], Mapping[str, object]] | None
    ) -> Done[R]:
        started, tick = self._clock.now(), self._clock.monotonic()

        def step(ok: bool, error: str = "", out: Mapping[str, object] | None = None) -> Step:
            seconds = round(self._clock.monotonic() - tick, 6)
            told = dict(call.inputs)
            return Step(
                call.step_id, call.agent, call.tool, started, seconds, ok, call.model, error, told, dict(out or {})
            )

        try:
            with collecting() as usage:
                result = await work()
        except MedImageError as error:
            return Done(step(False, str(error)), error=error)
        except BaseException as error:
            # The text of a foreign exception may carry paths or identity: only its kind is kept.
            return Done(step(False, f"{type(error).__name__}"), error=error)
        out = dict(outputs(result)) if outputs else {}
        if usage.calls:
            out["usage"] = asdict(usage)
        return Done(step(True, out=out), result)

    def _tell(self, kind: EventKind, **data: object) -> None:
        if self._listener is not None:
            self._listener(RunEvent(kind, dict(data)))

    def _tell_started(self, call: Call, **more: object) -> None:
        self._tell(
            EventKind.STEP_STARTED,
            id=call.step_id,
            agent=call.agent,
            tool=call.tool,
            model=call.model,
            inputs=dict(call.inputs),
            **more,
        )

    def _tell_finished(self, step: Step, **more: object) -> None:
        self._tell(
            EventKind.STEP_FINISHED,
            id=step.step_id,
            agent=step.agent,
            tool=step.tool,
            model=step.model,
            ok=step.ok,
            error=step.error,
            seconds=step.seconds,
            outputs=dict(step.outputs),
            **more,
        )
