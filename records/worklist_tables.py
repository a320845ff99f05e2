"""Tables of the worklist: one row a study, kept by triggers of the database, and what each reader marked.

What the row repeats of studies, jobs, analyses and orders is what the list is ordered and searched by; the facts that
it shows are read where they stand. `records.worklist_triggers` says how it follows them.
"""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, UtcDateTime


class ToDo(IntEnum):
    """What a study waits for; NOTHING where it was read, AN_ORDER where images came and nobody asked anything."""

    NOTHING = 0
    AN_ORDER = 1
    A_PERSON_OR_JOB = 2


class WorklistRow(Base):
    """What the worklist is ordered, filtered and searched by.

    Attributes:
        todo: `ToDo`. rank: 0 for STAT; while there is something to do it only falls.
        since: when there came to be something to do; the clock counts from it.
        touched: when something happened last that a reader cares about.
        changed: grows with every change, so that followers see what they have missed.
        job: number of the newest job, 0 for none. job_at: when it was asked for. state: its state, "".
        analysis_id, analysis_at, status: of the newest analysis. critical: how many findings must be told at once.
        ordered: an order came that neither a job nor an analysis has answered.
        asked: the newest indication. words: lower-case facts of the study that a search looks at.
        reader: who took it, "" for nobody.
    """

    __tablename__ = "worklist"
    __table_args__ = (
        Index("ix_worklist_order", "todo", "rank", "since", "study_uid"),
        Index(
            "ix_worklist_touched",
            "touched",
            "study_uid",
            sqlite_where=text("todo = 0"),
            postgresql_where=text("todo = 0"),
        ),
        Index("ix_worklist_patient", "patient_key"),
        Index("ix_worklist_changed", "changed"),
    )

    study_uid: Mapped[str] = mapped_column(ForeignKey("studies.study_uid", ondelete="CASCADE"), primary_key=True)
    patient_key: Mapped[str] = mapped_column(String(256))
    modality: Mapped[str] = mapped_column(String(64))
    series_count: Mapped[int] = mapped_column(Integer)
    images: Mapped[int] = mapped_column(Integer)
    todo: Mapped[int] = mapped_column(Integer)
    rank: Mapped[int] = mapped_column(Integer)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    touched: Mapped[datetime] = mapped_column(UtcDateTime)
    changed: Mapped[int] = mapped_column(BigInteger)
    job: Mapped[int] = mapped_column(BigInteger)
    job_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(16))
    analysis_id: Mapped[str] = mapped_column(String(64))
    analysis_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(String(16))
    critical: Mapped[int] = mapped_column(Integer)
    needs_review: Mapped[bool] = mapped_column(Boolean)
    ordered: Mapped[bool] = mapped_column(Boolean)
    asked: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text)
    reader: Mapped[str] = mapped_column(String(128))


class WorklistMarkRow(Base):
    """What one user marked on a study.

    Attributes:
        read_of: the analysis that was the newest when it was read, "-" for the images alone; "" when it is unread.
    """

    __tablename__ = "worklist_marks"
    __table_args__ = (Index("ix_worklist_marks_flagged", "user", "flagged", "study_uid"),)

    user: Mapped[str] = mapped_column(String(128), primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey("studies.study_uid", ondelete="CASCADE"), primary_key=True)
    flagged: Mapped[bool] = mapped_column(Boolean)
    read_of: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
