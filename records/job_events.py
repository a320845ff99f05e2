"""Events of a job: numbered from 1, read from any number on, folded to its steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from domain.ports import EventKind, RunEvent
from records.job_tables import JobEventRow, JobRow

AGAIN = "again"
"""In the data of an event from which on the job is done again from its beginning."""
_STEP = frozenset({EventKind.STEP_STARTED, EventKind.STEP_FINISHED})


def append_events(session: Session, row: JobRow, events: Sequence[RunEvent], at: datetime) -> None:
    """Add events to a job whose row this transaction has locked, or will change."""
    if not events:
        return
    first = row.events + 1
    rows = [
        {"job": row.number, "number": first + place, "kind": event.kind.value, "at": at, "data": event.data}
        for place, event in enumerate(events)
    ]
    session.execute(insert(JobEventRow), rows)
    row.events += len(events)


def events_after(session: Session, number: int, after: int = 0) -> list[tuple[int, RunEvent]]:
    """(number, event) of a job, behind `after`."""
    event = JobEventRow
    query = select(event.number, event.kind, event.data).where(event.job == number, event.number > after)
    rows = session.execute(query.order_by(event.number))
    return [(count, RunEvent(EventKind(kind), data)) for count, kind, data in rows]


def steps_of(events: Iterable[RunEvent], *, ended: bool) -> tuple[dict[str, Any], ...]:
    """The steps that events tell of, each as it is now: "running", "finished", or "stopped" where the job has ended."""
    steps: dict[str, dict[str, Any]] = {}
    for event in events:
        if event.data.get(AGAIN):
            steps.clear()
        if event.kind not in _STEP:
            continue
        step = steps.setdefault(str(event.data.get("id", "")), {})
        step |= event.data | {"state": "finished" if event.kind is EventKind.STEP_FINISHED else "running"}
    if ended:
        for step in steps.values():
            if step["state"] == "running":
                step["state"] = "stopped"
    return tuple(steps.values())


def told_steps(session: Session, number: int) -> frozenset[tuple[str, str]]:
    """(kind, step id) of the step events on record, so that a further attempt does not tell them again."""
    told: set[tuple[str, str]] = set()
    for _, event in events_after(session, number):
        if event.data.get(AGAIN):
            told.clear()
        if event.kind in _STEP:
            told.add((event.kind.value, str(event.data.get("id", ""))))
    return frozenset(told)
