"""Rows of orders and what they say; each function works in the transaction under way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.analysis import Analysis
from domain.errors import NotFound, PatientLockViolation
from domain.study import Priority
from records.exchange_tables import OrderRow


class OrderNotFound(NotFound):
    """No such order."""


class OrderSource(StrEnum):
    """How an order came in. DIRECT is a person here, by page, chat, API or command line."""

    DIRECT = "direct"
    DICOM = "dicom"
    WORKLIST = "worklist"
    HL7 = "hl7"
    FHIR = "fhir"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class OrderRecord:
    """What was asked, by whom and why.

    Attributes:
        study_uid: "" until its images are known. sender: the application or department that sent it.
        placer_number, filler_number: of the ordering and the performing department (HL7 ORC-2, ORC-3).
        priority_asked: what the sender said. priority: what holds now.
        raised_by, raised_because: who made it more urgent and why, "" where nobody did.
        version: counts its changes.
    """

    order_id: str
    patient_key: str
    received: datetime
    study_uid: str = ""
    source: OrderSource = OrderSource.DIRECT
    sender: str = ""
    accession: str = ""
    placer_number: str = ""
    filler_number: str = ""
    priority_asked: Priority = Priority.ROUTINE
    priority: Priority = Priority.ROUTINE
    raised_by: str = ""
    raised_because: str = ""
    indication: str = ""
    prompts: tuple[str, ...] = ()
    requested: datetime | None = None
    version: int = 1


def order_behind(session: Session, analysis: Analysis) -> str:
    """The id of the order that an analysis is for, in the transaction under way.

    An order that is not on record is a person's who asked here: it is kept under the analysis's own id.

    Raises:
        PatientLockViolation: the order is another patient's.
    """
    asked, key = analysis.order, analysis.study.patient.key
    row = session.get(OrderRow, asked.order_id) if asked.order_id else None
    order = OrderRecord(
        order_id=analysis.analysis_id,
        patient_key=key,
        received=analysis.created,
        study_uid=analysis.study.study_uid,
        accession=asked.accession_number or analysis.study.accession_number,
        placer_number=asked.order_id,
        priority_asked=asked.priority,
        priority=asked.priority,
        indication=asked.indication,
        prompts=asked.prompts,
        requested=asked.requested,
    )
    row = row or placed(session, order) or session.get(OrderRow, analysis.analysis_id)
    if row is None:
        row = new_row(order)
        session.add(row)
    elif row.patient_key != key:
        raise PatientLockViolation("The order is for another patient.", remedy="Correct the order at its source.")
    row.study_uid = row.study_uid or analysis.study.study_uid
    session.flush()
    return row.order_id


def placed(session: Session, order: OrderRecord) -> OrderRow | None:
    """The order that this sender sent under this number before."""
    if not order.placer_number:
        return None
    return session.scalar(
        select(OrderRow).where(
            OrderRow.source == order.source.value,
            OrderRow.sender == order.sender,
            OrderRow.placer_number == order.placer_number[:64],
        )
    )


def order_row(session: Session, order_id: str) -> OrderRow:
    """One row. Raises OrderNotFound."""
    row = session.get(OrderRow, order_id)
    if row is None:
        raise OrderNotFound("There is no such order.")
    return row


def new_row(order: OrderRecord) -> OrderRow:
    """A row that says what the order says."""
    return OrderRow(
        order_id=order.order_id,
        patient_key=order.patient_key,
        study_uid=order.study_uid,
        source=order.source.value,
        sender=order.sender,
        accession=order.accession[:64],
        placer_number=order.placer_number[:64],
        filler_number=order.filler_number[:64],
        priority_asked=order.priority_asked.value,
        priority=order.priority.value,
        raised_by=order.raised_by,
        raised_because=order.raised_because,
        indication=order.indication,
        prompts=list(order.prompts),
        requested=order.requested,
        received=order.received,
    )


def order_of(row: OrderRow) -> OrderRecord:
    """What a row says."""
    return OrderRecord(
        order_id=row.order_id,
        patient_key=row.patient_key,
        received=row.received,
        study_uid=row.study_uid,
        source=OrderSource(row.source),
        sender=row.sender,
        accession=row.accession,
        placer_number=row.placer_number,
        filler_number=row.filler_number,
        priority_asked=Priority(row.priority_asked),
        priority=Priority(row.priority),
        raised_by=row.raised_by,
        raised_because=row.raised_because,
        indication=row.indication,
        prompts=tuple(row.prompts),
        requested=row.requested,
        version=row.version,
    )
