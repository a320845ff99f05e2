"""What belongs to an analysis, as rows that can be asked: steps, artifacts, reviews, feedback."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, UtcDateTime, Words


class StepRow(Base):
    """One tool call; `number` counts from 1 in each analysis. Inputs and outputs stay in the report."""

    __tablename__ = "steps"
    __table_args__ = (Index("ix_steps_tool_started", "tool", "started"), Index("ix_steps_model", "model"))

    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    step_id: Mapped[str] = mapped_column(String(64))
    agent: Mapped[str] = mapped_column(String(64))
    tool: Mapped[str] = mapped_column(String(128))
    model: Mapped[str] = mapped_column(String(256))
    started: Mapped[datetime] = mapped_column(UtcDateTime)
    seconds: Mapped[float] = mapped_column(Float)
    ok: Mapped[bool]
    error: Mapped[str] = mapped_column(Words)


class ArtifactRow(Base):
    """One file of an analysis, as it was when it was recorded last; `uid` is its SOP Instance UID where it is DICOM."""

    __tablename__ = "artifacts"

    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(256), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(128))
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[str] = mapped_column(String(64), index=True)


class ReviewRow(Base):
    """One act of a person on an analysis; `number` counts from 1 in each analysis."""

    __tablename__ = "reviews"
    __table_args__ = (Index("ix_reviews_reviewer_at", "reviewer", "at"),)

    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    action: Mapped[str] = mapped_column(String(16))
    reviewer: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Words)
    present: Mapped[str] = mapped_column(String(16))
    becomes: Mapped[str] = mapped_column(String(16))
    edited: Mapped[list[str]] = mapped_column(JSON)


class FeedbackRow(Base):
    """That feedback was given on an analysis; what it says, and its vectors, are the memory's."""

    __tablename__ = "feedback"

    feedback_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id"), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    target: Mapped[str] = mapped_column(Words)
    given_by: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    replaces: Mapped[str] = mapped_column(String(128))
