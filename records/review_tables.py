"""What persons add to a review: told critical findings, opinions, addenda. Rows are added; only an opinion's answer
is filled in, once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, UtcDateTime, Words


class CommunicationRow(Base):
    """One act on a critical finding; `number` counts from 1 in each analysis."""

    __tablename__ = "communications"

    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    finding: Mapped[str] = mapped_column(String(64))
    rule: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    role: Mapped[str] = mapped_column(String(16))
    attending: Mapped[str] = mapped_column(String(128))
    told_to: Mapped[str] = mapped_column(Words)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    channel: Mapped[str] = mapped_column(String(16))
    comment: Mapped[str] = mapped_column(Words)
    by: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class OpinionRow(Base):
    """One request for the opinion of another, and their answer: `agreement` is "" until it comes."""

    __tablename__ = "opinions"
    __table_args__ = (
        Index("ix_opinions_analysis_id", "analysis_id"),
        Index("ix_opinions_kind_agreement", "kind", "agreement"),
    )

    opinion_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id"))
    kind: Mapped[str] = mapped_column(String(16))
    asked_of: Mapped[str] = mapped_column(String(128))
    question: Mapped[str] = mapped_column(Words)
    asked_by: Mapped[str] = mapped_column(String(128))
    asked: Mapped[datetime] = mapped_column(UtcDateTime)
    agreement: Mapped[str] = mapped_column(String(32))
    comment: Mapped[str] = mapped_column(Words)
    answered_by: Mapped[str] = mapped_column(String(128))
    answered_as: Mapped[str] = mapped_column(String(128))
    answered: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AddendumRow(Base):
    """One text added to a signed report; `number` counts from 1 in each analysis, `seal` is of all before it."""

    __tablename__ = "addenda"

    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    text: Mapped[str] = mapped_column(Words)
    author: Mapped[str] = mapped_column(String(128))
    signed_by: Mapped[str] = mapped_column(String(128))
    signed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seal: Mapped[str] = mapped_column(String(64))
