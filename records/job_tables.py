"""Tables of jobs: the queue itself, what happened in each, who works, what is paused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, BigCount, UtcDateTime


class JobRow(Base):
    """One analysis that was asked for, from the order to its end.

    Attributes:
        number: running number, in the order of arrival.
        key: of the caller, so that the same order is queued once; None without one.
        ordered: the priority that was given; priority: the present one, with its `reasons`; rank: 0 for STAT.
        line: priority and site, as one word to walk the heads of line by.
        queued: since when it waits for its turn; a job that is put back keeps it.
        due: when a waiting job is tried again. waits: how often it has waited.
        waiting_for: what for; see `records.job_waiting`.
        worker: who runs it, "" for nobody. attempt: how often it was started; the fencing token of who runs it.
        since: first attempt whose steps still count. version: of the program that began it, "" for none.
        deaths: attempts in a row whose worker died before they got any further.
        seconds: of a run that nothing disturbed, None for others.
        events: how many there are. kept: what only a run needs may still lie in the analysis's folder.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_heads", "state", "line", "queued", "number"),
        Index("ix_jobs_worklist", "state", "rank", "queued", "number"),
        Index("ix_jobs_finished", "finished", "site"),
        Index("ix_jobs_history", "state", "modality", "model", "finished"),
        Index("ix_jobs_batch", "batch", "state", "rank", "queued", "number"),
        Index("ix_jobs_patient", "patient_key", "number"),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(BigCount, primary_key=True)
    job_id: Mapped[str] = mapped_column(String(64), unique=True)
    key: Mapped[str | None] = mapped_column(String(200), unique=True)
    batch: Mapped[str] = mapped_column(String(64))
    study_uid: Mapped[str] = mapped_column(String(128), index=True)
    analysis_id: Mapped[str] = mapped_column(String(64))
    patient_key: Mapped[str] = mapped_column(String(256))
    user: Mapped[str] = mapped_column(String(128))
    purpose: Mapped[str] = mapped_column(String(32))
    site: Mapped[str] = mapped_column(String(64))
    modality: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(String(64))
    asked: Mapped[dict[str, Any]] = mapped_column(JSON)
    ordered: Mapped[str] = mapped_column(String(16))
    priority: Mapped[str] = mapped_column(String(16))
    rank: Mapped[int] = mapped_column(Integer)
    line: Mapped[str] = mapped_column(String(96))
    reasons: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    queued: Mapped[datetime] = mapped_column(UtcDateTime)
    due: Mapped[datetime | None] = mapped_column(UtcDateTime)
    waiting_for: Mapped[str] = mapped_column(Text)
    waits: Mapped[int] = mapped_column(Integer)
    worker: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(64))
    attempt: Mapped[int] = mapped_column(Integer)
    since: Mapped[int] = mapped_column(Integer)
    deaths: Mapped[int] = mapped_column(Integer)
    began: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seconds: Mapped[float | None] = mapped_column(Float)
    progress: Mapped[float] = mapped_column(Float)
    events: Mapped[int] = mapped_column(Integer)
    kept: Mapped[bool] = mapped_column(Boolean)
    needs_review: Mapped[bool] = mapped_column(Boolean)
    error: Mapped[str] = mapped_column(Text)
    remedy: Mapped[str] = mapped_column(Text)


class JobEventRow(Base):
    """One event of a job; `number` counts from 1 in each job."""

    __tablename__ = "job_events"

    job: Mapped[int] = mapped_column(ForeignKey("jobs.number"), primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)


class WorkerRow(Base):
    """One worker that lives: who it is, and when it last said so.

    Attributes:
        host: machine, boot and process namespace. pid, born: the process in it.
        heartbeat: by the database's clock where it has one.
    """

    __tablename__ = "workers"

    worker_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    host: Mapped[str] = mapped_column(String(64))
    pid: Mapped[int] = mapped_column(Integer)
    born: Mapped[str] = mapped_column(String(32))
    version: Mapped[str] = mapped_column(String(64))
    slots: Mapped[int] = mapped_column(Integer)
    draining: Mapped[bool] = mapped_column(Boolean)
    started: Mapped[datetime] = mapped_column(UtcDateTime)
    heartbeat: Mapped[datetime] = mapped_column(UtcDateTime)


class JobPauseRow(Base):
    """A priority that nothing is started of."""

    __tablename__ = "job_pauses"

    priority: Mapped[str] = mapped_column(String(16), primary_key=True)
    user: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
