"""Steps as they happen: each tool call is timed, numbered, announced and kept."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TypeVar

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

    def _tell(self, kind: EventKind, **data: object) -> None:
        if self._listener is not None:
            self._listener(RunEvent(kind, dict(data)))

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
        step_id = f"s{self._count}"
        started, tick = self._clock.now(), self._clock.monotonic()
        self._tell(EventKind.STEP_STARTED, id=step_id, agent=agent, tool=tool, model=model, inputs=dict(inputs))

        def finish(ok: bool, error: str = "", out: Mapping[str, object] | None = None) -> Step:
            seconds = round(self._clock.monotonic() - tick, 6)
            step = Step(step_id, agent, tool, started, seconds, ok, model, error, dict(inputs), dict(out or {}))
            self.steps.append(step)
            self._tell(
                EventKind.STEP_FINISHED,
                id=step_id,
                agent=agent,
                tool=tool,
                model=model,
                ok=ok,
                error=error,
                seconds=seconds,
                outputs=dict(out or {}),
            )
            return step

        try:
            with collecting() as usage:
                result = await work()
        except MedImageError as error:
            finish(False, str(error))
            raise
        except BaseException as error:
            # The text of a foreign exception may carry paths or identity: only its kind is kept.
            finish(False, f"{type(error).__name__}")
            raise
        out = dict(outputs(result)) if outputs else {}
        if usage.calls:
            out["usage"] = asdict(usage)
        return result, finish(True, out=out)
