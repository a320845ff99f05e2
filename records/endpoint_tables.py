"""Tables of endpoints: what workers share of their limits, what days have used, how they were scaled."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Date, Float, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from records.base import Base, BigCount, UtcDateTime


class EndpointLimitRow(Base):
    """What workers hold of one endpoint: a document of `inference.transport.allotment`, changed as a whole."""

    __tablename__ = "endpoint_limits"

    endpoint: Mapped[str] = mapped_column(String(256), primary_key=True)
    state: Mapped[dict[str, Any]] = mapped_column(JSON)


class EndpointQuotaRow(Base):
    """What one day has used of an endpoint.

    Attributes:
        day: in the time zone of the quota.
        limits: as last configured, by kind. alerted: the highest share that was told, by kind.
    """

    __tablename__ = "endpoint_quotas"

    endpoint: Mapped[str] = mapped_column(String(256), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    requests: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    cost: Mapped[float] = mapped_column(Float)
    limits: Mapped[dict[str, float]] = mapped_column(JSON)
    alerted: Mapped[dict[str, float]] = mapped_column(JSON)


class EndpointScalingRow(Base):
    """One change of an endpoint's number of instances that was asked of its platform."""

    __tablename__ = "endpoint_scalings"
    __table_args__ = (Index("ix_endpoint_scalings_endpoint_number", "endpoint", "number"),)

    number: Mapped[int] = mapped_column(BigCount, primary_key=True)
    endpoint: Mapped[str] = mapped_column(String(256))
    deployment: Mapped[str] = mapped_column(String(128))
    before: Mapped[int] = mapped_column(Integer)
    after: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    user: Mapped[str] = mapped_column(String(128))
