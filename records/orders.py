"""Orders on record: where each came from, what it asked, and how urgent it is and was asked to be."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.errors import PatientLockViolation, UnusableInput
from domain.ports import Clock
from domain.study import Priority
from records.audit import Attempt, AuditLedger
from records.errors import require_version
from records.exchange_tables import OrderRow
from records.order_rows import OrderRecord, new_row, order_of, order_row, placed
from records.tables import StudyRow

_URGENCY = list(Priority)


class PriorityRefused(UnusableInput):
    """An order is only made more urgent, and with a reason."""

    remedy_default = "Give a more urgent priority than the present one, and say why."


class OrderRecords:
    """Reads and writes orders, behind the patient lock; every call is audited in its own transaction."""

    def __init__(self, audit: AuditLedger, clock: Clock, new_id: Callable[[], str] = lambda: uuid.uuid4().hex) -> None:
        self._audit = audit
        self._clock = clock
        self._new_id = new_id

    async def access(self, user: str, order_id: str, purpose: str = "TREAT") -> AccessContext:
        """Bind a user's work to the patient of an order. Raises OrderNotFound."""
        row = await self._audit.database.transact(lambda session: order_row(session, order_id))
        return AccessContext(user, row.patient_key, purpose)

    async def receive(self, access: AccessContext, order: OrderRecord) -> OrderRecord:
        """Keep an order; one that its sender sent before, by its placer's number, is the one that is on record.

        Args:
            order: an empty `order_id` gets one; `priority` starts as what was asked.

        Raises:
            PatientLockViolation: the work, or the order on record, is bound to another patient.
        """
        order = replace(order, order_id=order.order_id or self._new_id(), priority=order.priority_asked)

        def work(session: Session) -> OrderRecord:
            if access.patient_key is not None:
                access.require(order.patient_key)
            row = placed(session, order)
            if row is None:
                row = new_row(order)
                session.add(row)
                session.flush()
            elif row.patient_key != order.patient_key:
                raise PatientLockViolation("An order with this number is on record for another patient.")
            return order_of(row)

        return await self._audit.guard(access, Attempt("order.receive", "order", order.order_id), work)

    async def get(self, access: AccessContext, order_id: str) -> OrderRecord:
        """One order. Raises OrderNotFound, PatientLockViolation."""

        def work(session: Session) -> OrderRecord:
            row = order_row(session, order_id)
            access.require(row.patient_key)
            return order_of(row)

        return await self._audit.guard(access, Attempt("order.read", "order", order_id), work)

    async def of_study(self, access: AccessContext, study_uid: str) -> tuple[OrderRecord, ...]:
        """Orders of a study, newest first. Raises PatientLockViolation."""

        def work(session: Session) -> tuple[OrderRecord, ...]:
            query = select(OrderRow).where(OrderRow.study_uid == study_uid)
            rows = session.scalars(query.order_by(OrderRow.received.desc(), OrderRow.order_id)).all()
            for row in rows:
                access.require(row.patient_key)
            return tuple(order_of(row) for row in rows)

        return await self._audit.guard(access, Attempt("order.list", "study", study_uid), work)

    async def arrived(self, access: AccessContext, study_uid: str, accession: str) -> tuple[OrderRecord, ...]:
        """The images of orders are here: the patient's orders with that accession number and no study get this one.

        Raises:
            PatientLockViolation: `access` is bound to nobody.
        """

        def work(session: Session) -> tuple[OrderRecord, ...]:
            if access.patient_key is None:
                raise PatientLockViolation("Orders belong to one patient.")
            mine = (OrderRow.patient_key == access.patient_key, OrderRow.accession == accession)
            waiting = select(OrderRow).where(*mine, OrderRow.study_uid == "").order_by(OrderRow.received)
            rows = session.scalars(waiting).all() if accession else []
            for row in rows:
                row.study_uid = study_uid
            session.flush()
            return tuple(order_of(row) for row in rows)

        return await self._audit.guard(access, Attempt("order.match", "study", study_uid), work)

    async def look_for_images(self, access: AccessContext, order_id: str) -> tuple[OrderRecord, bool]:
        """The order, and whether its images are here.

        Where they came before it did, it gets their study, by patient and accession number. A study UID that its sender
        gave stays, and may be of images that are still to come.

        Raises:
            OrderNotFound, PatientLockViolation.
        """

        def work(session: Session) -> tuple[OrderRecord, bool]:
            row = order_row(session, order_id)
            access.require(row.patient_key)
            if not row.study_uid and row.accession:
                study = StudyRow
                mine = (study.patient_key == row.patient_key, study.accession == row.accession, study.patient_id != "")
                newest = select(study.study_uid).where(*mine).order_by(study.created.desc(), study.study_uid).limit(1)
                row.study_uid = session.scalar(newest) or ""
                session.flush()
            here = bool(row.study_uid) and session.get(StudyRow, row.study_uid) is not None
            return order_of(row), here

        return await self._audit.guard(access, Attempt("order.match", "order", order_id), work)

    async def make_more_urgent(
        self, access: AccessContext, order_id: str, priority: Priority, because: str, *, expected: int | None = None
    ) -> OrderRecord:
        """Raise the priority; what was asked stays on record.

        Args:
            expected: the version that the decision was made on.

        Raises:
            OrderNotFound, PatientLockViolation.
            Conflict: the order is another version now.
            PriorityRefused: it is not more urgent, or there is no reason.
        """

        def work(session: Session) -> OrderRecord:
            row = order_row(session, order_id)
            access.require(row.patient_key)
            require_version("order", row.version, expected)
            if not because.strip() or _URGENCY.index(priority) >= _URGENCY.index(Priority(row.priority)):
                raise PriorityRefused("The priority was not raised.", where="priority")
            row.priority, row.raised_by, row.raised_because = priority.value, access.user[:128], because
            session.flush()
            return order_of(row)

        return await self._audit.guard(access, Attempt("order.raise", "order", order_id, priority.value), work)
