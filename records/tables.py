"""The tables, as SQLAlchemy 2 declares them; the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DDL, JSON, BigInteger, DateTime, Dialect, ForeignKey, Index, Integer, String, Text, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out: SQLite forgets the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Common ancestor of the tables."""


class StudyRow(Base):
    """One examination whose files are kept."""

    __tablename__ = "studies"

    study_uid: Mapped[str] = mapped_column(String(128), primary_key=True)
    patient_key: Mapped[str] = mapped_column(String(256), index=True)
    patient_id: Mapped[str] = mapped_column(String(128))
    modality: Mapped[str] = mapped_column(String(64))
    description: Mapped[str] = mapped_column(Text)
    body_part: Mapped[str] = mapped_column(String(64))
    started: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    accession: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    updated: Mapped[datetime] = mapped_column(UtcDateTime)
    folder: Mapped[str] = mapped_column(Text)
    series: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    warnings: Mapped[list[str]] = mapped_column(JSON)


class AnalysisRow(Base):
    """One run over a study; `document` is its report.json."""

    __tablename__ = "analyses"
    __table_args__ = (Index("ix_analyses_study_created", "study_uid", "created"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey("studies.study_uid"))
    patient_key: Mapped[str] = mapped_column(String(256))
    status: Mapped[str] = mapped_column(String(16))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    indication: Mapped[str] = mapped_column(Text)
    priority: Mapped[str] = mapped_column(String(16))
    document: Mapped[dict[str, Any]] = mapped_column(JSON)


class ConversationRow(Base):
    """Which patient a conversation is bound to."""

    __tablename__ = "conversations"

    conversation_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    user: Mapped[str] = mapped_column(String(128))
    bound_to: Mapped[str] = mapped_column(String(300))
    created: Mapped[datetime] = mapped_column(UtcDateTime)


class AuditRow(Base):
    """Who did what, when, to what, and whether it was allowed. Never changed, never deleted."""

    __tablename__ = "audit_events"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 -- SQLAlchemy's protocol, a plain class attribute

    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    when: Mapped[datetime] = mapped_column(UtcDateTime)
    user: Mapped[str] = mapped_column(String(128))
    action: Mapped[str] = mapped_column(String(64))
    patient: Mapped[str] = mapped_column(String(64))
    object_type: Mapped[str] = mapped_column(String(32))
    object_id: Mapped[str] = mapped_column(String(128))
    outcome: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str] = mapped_column(Text)


def _append_only() -> None:
    for verb in ("UPDATE", "DELETE"):
        _after_create(
            "sqlite",
            f"CREATE TRIGGER IF NOT EXISTS audit_no_{verb.lower()} BEFORE {verb} ON audit_events "
            "BEGIN SELECT RAISE(ABORT, 'the audit ledger is append-only'); END",
        )
    _after_create(
        "postgresql",
        "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit ledger is append-only'; END $$",
    )
    _after_create(
        "postgresql",
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
    )


def _after_create(dialect: str, statement: str) -> None:
    ddl = DDL(statement)  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its constructor without types
    event.listen(AuditRow.__table__, "after_create", ddl.execute_if(dialect=dialect))


_append_only()
