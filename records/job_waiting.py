"""Jobs that wait for a model: one of them finds out now and then whether it answers, all are woken when it does.

What a job waits for is told in words that begin with the model's name: "MedImageParse (host): The endpoint …".
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from domain.ports import JobState
from records.job_tables import JobRow

WOKEN = "answers again: "
"""Before what a job waited for that was woken before its time."""
STUBBORN = "answers others: "
"""Before what a job waits for that was woken in vain: it waits its time, others' answers say nothing about it."""
_AT_ONCE = 5000
"""Jobs that are woken in one transaction."""


def words_of(model: str, reason: str, *, woken: bool) -> str:
    """What a job waits for; `model` is "" where it is none that it waits for."""
    if not model:
        return reason
    told = reason if reason.startswith((f"{model}:", f"{model} (")) else f"{model}: {reason}"
    return f"{STUBBORN}{told}" if woken else told


def is_tried(session: Session, model: str, until: datetime) -> bool:
    """Some job that waits for a model is due by then anyhow."""
    query = select(JobRow.number).where(*_waiting_for(model), JobRow.due <= until).limit(1)
    return session.scalar(query) is not None


def wake(session: Session, model: str, now: datetime) -> int:
    """Jobs that wait for a model are due now; those that were woken in vain before wait their time. How many."""
    query = select(JobRow.number).where(*_waiting_for(model), JobRow.due > now)
    query = query.order_by(JobRow.number).limit(_AT_ONCE).with_for_update(skip_locked=True)
    numbers = list(session.scalars(query))
    if numbers:
        # The time before, so that the rounding of times never leaves them waiting.
        values = {"due": now - timedelta(seconds=1), "waiting_for": WOKEN + JobRow.waiting_for}
        session.execute(update(JobRow).where(JobRow.number.in_(numbers)).values(values))
    return len(numbers)


def _waiting_for(model: str) -> tuple[ColumnElement[bool], ...]:
    words = JobRow.waiting_for
    of_model = or_(words.startswith(f"{model}:", autoescape=True), words.startswith(f"{model} (", autoescape=True))
    return JobRow.state == JobState.WAITING.value, of_model
