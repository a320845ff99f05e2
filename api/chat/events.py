"""Run events → AG-UI 1.0 events, in an order that its clients accept.

A text message and the steps do not overlap: a message is closed before a step begins and a new one is
opened after it. Every step that was started is finished before the run is.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

from ag_ui.core import (
    BaseEvent,
    CustomEvent,
    RunErrorEvent,
    RunFinishedEvent,
    RunStartedEvent,
    StepFinishedEvent,
    StepStartedEvent,
    TextMessageContentEvent,
    TextMessageEndEvent,
    TextMessageStartEvent,
    ToolCallArgsEvent,
    ToolCallEndEvent,
    ToolCallResultEvent,
    ToolCallStartEvent,
)

from domain.ports import EventKind, RunEvent
from jobs.contracts import ChatAnswer

_RESULT_FACTS = ("agent", "model", "ok", "seconds", "error")


class Translation:
    """One run, event by event."""

    def __init__(self, thread_id: str, run_id: str) -> None:
        self._thread_id = thread_id
        self._run_id = run_id
        self._message_id = ""
        self._said = ""
        self._open_steps: dict[str, str] = {}

    def started(self) -> Iterator[BaseEvent]:
        """The first event."""
        yield RunStartedEvent(thread_id=self._thread_id, run_id=self._run_id)

    def happened(self, event: RunEvent) -> Iterator[BaseEvent]:
        """The AG-UI events of one event of the run."""
        if event.kind is EventKind.STEP_STARTED:
            yield from self._step_started(event)
        elif event.kind is EventKind.STEP_FINISHED:
            yield from self._step_finished(event)
        elif event.kind is EventKind.TEXT:
            yield from self._text(str(event.data.get("text", "")))
        elif event.kind is EventKind.PLANNER_CHANGED:
            self._said = ""  # what the planner before said does not count any more
            yield from self._close_message()
            yield CustomEvent(name=event.kind.value, value=event.data)
        elif event.kind in {EventKind.PROGRESS, EventKind.APPROVAL}:
            yield CustomEvent(name=event.kind.value, value=event.data)

    def finished(self, answer: ChatAnswer) -> Iterator[BaseEvent]:
        """The last events of a run that came to an answer."""
        if not self._said.strip():
            yield from self._text(answer.text)
        yield from self._close_all()
        result = {"analysis_id": answer.analysis_id, "needs_review": answer.needs_review, "text": answer.text}
        if answer.analysis_id:
            yield CustomEvent(name="analysis", value={k: result[k] for k in ("analysis_id", "needs_review")})
        yield RunFinishedEvent(thread_id=self._thread_id, run_id=self._run_id, result=result)

    def failed(self, code: str, message: str) -> Iterator[BaseEvent]:
        """The last events of a run that came to none."""
        yield from self._close_message()
        yield RunErrorEvent(code=code, message=message)

    def _step_started(self, event: RunEvent) -> Iterator[BaseEvent]:
        yield from self._close_message()
        step_id, tool = str(event.data.get("id", "")), str(event.data.get("tool", "step"))
        name = f"{event.data.get('agent', '')}: {tool} ({step_id})"
        self._open_steps[step_id] = name
        call_id = self._call_id(step_id)
        arguments = {key: event.data[key] for key in ("agent", "model", "inputs") if event.data.get(key)}
        yield StepStartedEvent(step_name=name)
        yield ToolCallStartEvent(tool_call_id=call_id, tool_call_name=tool)
        yield ToolCallArgsEvent(tool_call_id=call_id, delta=json.dumps(arguments, default=str))
        yield ToolCallEndEvent(tool_call_id=call_id)

    def _step_finished(self, event: RunEvent) -> Iterator[BaseEvent]:
        step_id = str(event.data.get("id", ""))
        if step_id not in self._open_steps:
            yield from self._step_started(event)
        yield from self._close_message()
        facts = {key: event.data[key] for key in _RESULT_FACTS if key in event.data}
        yield ToolCallResultEvent(
            message_id=uuid.uuid4().hex, tool_call_id=self._call_id(step_id), content=json.dumps(facts), role="tool"
        )
        yield StepFinishedEvent(step_name=self._open_steps.pop(step_id))

    def _text(self, text: str) -> Iterator[BaseEvent]:
        if not text:
            return
        self._said += text
        if not self._message_id:
            self._message_id = uuid.uuid4().hex
            yield TextMessageStartEvent(message_id=self._message_id, role="assistant")
        yield TextMessageContentEvent(message_id=self._message_id, delta=text)

    def _close_message(self) -> Iterator[BaseEvent]:
        if self._message_id:
            yield TextMessageEndEvent(message_id=self._message_id)
            self._message_id = ""

    def _close_all(self) -> Iterator[BaseEvent]:
        yield from self._close_message()
        for name in self._open_steps.values():
            yield StepFinishedEvent(step_name=name)
        self._open_steps.clear()

    def _call_id(self, step_id: str) -> str:
        return f"{self._run_id}-{step_id}"
