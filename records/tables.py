"""The tables, as SQLAlchemy 2 declares them; the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, DateTime, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, BigCount, UtcDateTime, Words

__all__ = ["Base", "UtcDateTime"]


class StudyRow(Base):
    """One examination whose files are kept."""

    __tablename__ = "studies"

    study_uid: Mapped[str] = mapped_column(String(128), primary_key=True)
    patient_key: Mapped[str] = mapped_column(String(256), index=True)
    patient_id: Mapped[str] = mapped_column(String(128))
    modality: Mapped[str] = mapped_column(String(64))
    description: Mapped[str] = mapped_column(Words)
    body_part: Mapped[str] = mapped_column(String(64))
    started: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    accession: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    updated: Mapped[datetime] = mapped_column(UtcDateTime)
    folder: Mapped[str] = mapped_column(Words)
    series: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    warnings: Mapped[list[str]] = mapped_column(JSON)


class AnalysisRow(Base):
    """One run over a study for an order; `document` is its report.json, `version` counts its changes."""

    __tablename__ = "analyses"
    __table_args__ = (
        Index("ix_analyses_study_created", "study_uid", "created"),
        Index("ix_analyses_status_created", "status", "created"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey("studies.study_uid"))
    patient_key: Mapped[str] = mapped_column(String(256))
    status: Mapped[str] = mapped_column(String(16))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    indication: Mapped[str] = mapped_column(Words)
    priority: Mapped[str] = mapped_column(String(16))
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    order_id: Mapped[str] = mapped_column(ForeignKey("orders.order_id"), index=True)
    version: Mapped[int] = mapped_column(Integer, server_default="1")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 -- SQLAlchemy's protocol, a plain class attribute


class ConversationRow(Base):
    """Which patient a conversation is bound to."""

    __tablename__ = "conversations"

    conversation_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    user: Mapped[str] = mapped_column(String(128))
    bound_to: Mapped[str] = mapped_column(String(300))
    patient_key: Mapped[str] = mapped_column(String(256))
    created: Mapped[datetime] = mapped_column(UtcDateTime)


class ConversationTurnRow(Base):
    """One turn of a conversation."""

    __tablename__ = "conversation_turns"
    __table_args__ = (Index("ix_conversation_turns_order", "conversation_id", "turn_id"),)

    turn_id: Mapped[int] = mapped_column(BigCount, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.conversation_id"))
    study_uid: Mapped[str] = mapped_column(String(128))
    question: Mapped[str] = mapped_column(Words)
    answer: Mapped[str] = mapped_column(Words)
    analysis_id: Mapped[str] = mapped_column(String(64))
    planner: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class HistoryRow(Base):
    """One entry of a patient's history that was uploaded here."""

    __tablename__ = "history_documents"

    patient_key: Mapped[str] = mapped_column(String(256), primary_key=True)
    document_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    title: Mapped[str] = mapped_column(Words)
    text: Mapped[str] = mapped_column(Words)
    dated: Mapped[date | None] = mapped_column(Date)
    source: Mapped[str] = mapped_column(Words)
    added: Mapped[datetime] = mapped_column(UtcDateTime)


class ApprovalRow(Base):
    """One request for an effect, and a person's decision."""

    __tablename__ = "approvals"

    approval_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    effect: Mapped[str] = mapped_column(String(16))
    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id"), index=True)
    study_uid: Mapped[str] = mapped_column(String(128), index=True)
    patient_key: Mapped[str] = mapped_column(String(256))
    asked_by: Mapped[str] = mapped_column(String(128))
    asked: Mapped[datetime] = mapped_column(UtcDateTime)
    expires: Mapped[datetime] = mapped_column(UtcDateTime)
    decision: Mapped[str] = mapped_column(String(16))
    decided_by: Mapped[str] = mapped_column(String(128))
    decided: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Words)
    details: Mapped[dict[str, str]] = mapped_column(JSON)


class BoardRow(Base):
    """One tumour board; `life` counts how often a server took it up, so that its events never share a number."""

    __tablename__ = "boards"

    board_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str] = mapped_column(Words)
    state: Mapped[str] = mapped_column(String(16))
    question: Mapped[str] = mapped_column(Words)
    patient_key: Mapped[str] = mapped_column(String(256), index=True)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    life: Mapped[int] = mapped_column(Integer)


class BoardStudyRow(Base):
    """A study that a board may look at, in the order in which they were named."""

    __tablename__ = "board_studies"

    board_id: Mapped[str] = mapped_column(ForeignKey("boards.board_id"), primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey("studies.study_uid"), primary_key=True, index=True)
    position: Mapped[int] = mapped_column(Integer)


class BoardMemberRow(Base):
    """A user who takes part in a board, in the order in which they came."""

    __tablename__ = "board_members"

    board_id: Mapped[str] = mapped_column(ForeignKey("boards.board_id"), primary_key=True)
    user: Mapped[str] = mapped_column(String(128), primary_key=True)
    position: Mapped[int] = mapped_column(Integer)


class BoardMessageRow(Base):
    """One message of a board; `number` counts from 1 in each board. `claims` keep their sources."""

    __tablename__ = "board_messages"

    board_id: Mapped[str] = mapped_column(ForeignKey("boards.board_id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    message_id: Mapped[str] = mapped_column(String(64))
    author: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    claims: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    reply_to: Mapped[str] = mapped_column(String(64))


class AuditRow(Base):
    """Who did what, when, to what, and whether it was allowed. Never changed, never deleted."""

    __tablename__ = "audit_events"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 -- SQLAlchemy's protocol

    seq: Mapped[int] = mapped_column(BigCount, primary_key=True)
    when: Mapped[datetime] = mapped_column(UtcDateTime)
    user: Mapped[str] = mapped_column(String(128))
    action: Mapped[str] = mapped_column(String(64))
    patient: Mapped[str] = mapped_column(String(64))
    object_type: Mapped[str] = mapped_column(String(32))
    object_id: Mapped[str] = mapped_column(String(128))
    outcome: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str] = mapped_column(Words)
