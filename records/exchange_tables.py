"""What comes in and goes out: orders, and notifications."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, UtcDateTime, Words


class OrderRow(Base):
    """What was asked, by whom and why. It may come before its images: `study_uid` is "" until they are known.

    `priority` is what holds now; `priority_asked` is what the sender said, and `raised_because` why they differ.
    """

    __tablename__ = "orders"
    __table_args__ = (
        Index("ix_orders_accession", "accession"),
        Index("ix_orders_study_uid", "study_uid"),
        Index("ix_orders_patient_key", "patient_key"),
        Index(
            "ix_orders_placer",
            "source",
            "sender",
            "placer_number",
            unique=True,
            sqlite_where=text("placer_number <> ''"),
            postgresql_where=text("placer_number <> ''"),
        ),
    )

    order_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    patient_key: Mapped[str] = mapped_column(String(256))
    study_uid: Mapped[str] = mapped_column(String(128))
    source: Mapped[str] = mapped_column(String(16))
    sender: Mapped[str] = mapped_column(String(128))
    accession: Mapped[str] = mapped_column(String(64))
    placer_number: Mapped[str] = mapped_column(String(64))
    filler_number: Mapped[str] = mapped_column(String(64))
    priority_asked: Mapped[str] = mapped_column(String(16))
    priority: Mapped[str] = mapped_column(String(16))
    raised_by: Mapped[str] = mapped_column(String(128))
    raised_because: Mapped[str] = mapped_column(Words)
    indication: Mapped[str] = mapped_column(Words)
    prompts: Mapped[list[str]] = mapped_column(JSON)
    requested: Mapped[datetime | None] = mapped_column(UtcDateTime)
    received: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer, server_default="1")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 -- SQLAlchemy's protocol


class NotificationRow(Base):
    """Something that somebody is to be told, once: `dedup_key` says what makes two of them the same.

    `attempts` counts who took it up to send it; it is also what an attempt shows to say how it ended.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        Index("ix_notifications_dedup_key", "dedup_key", unique=True),
        Index("ix_notifications_due", "state", "due"),
        Index("ix_notifications_about", "about_type", "about_id"),
    )

    notification_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    dedup_key: Mapped[str] = mapped_column(String(256))
    channel: Mapped[str] = mapped_column(String(32))
    recipient: Mapped[str] = mapped_column(String(256))
    subject: Mapped[str] = mapped_column(String(64))
    about_type: Mapped[str] = mapped_column(String(32))
    about_id: Mapped[str] = mapped_column(String(128))
    patient_key: Mapped[str] = mapped_column(String(256))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(Integer)
    due: Mapped[datetime] = mapped_column(UtcDateTime)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    ended: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str] = mapped_column(String(128))
