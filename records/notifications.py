"""Notifications on record before they are sent: asked for with what they tell of, taken up by one sender at a time.

`tell` belongs into the transaction of the fact, so that no fact is without its notification and none tells of what
did not happen. Equal `dedup_key`s are one notification, however often it is asked for. A sender takes it up for a
while; what it does not end in that time is taken up again, and the key goes along, so that a receiver can tell a
second copy of what a sender sent that died before it could say so.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.errors import NotFound
from domain.ports import Clock
from records.audit import Attempt, AuditLedger
from records.errors import Conflict
from records.exchange_tables import NotificationRow

SENDER = "notifications"
"""Who the ledger names for what is sent."""


class NotificationNotFound(NotFound):
    """No such notification."""


class NoticeState(StrEnum):
    """The life of a notification: PENDING → SENDING → SENT or FAILED; or PENDING again, for another try."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True)
class Notice:
    """What somebody is to be told.

    Attributes:
        dedup_key: what makes two of them the same, e.g. "critical/<analysis>/<finding>/<recipient>".
        channel: by which way: "email", "webhook", "hl7", "page", …; recipient: where to, in the channel's terms.
        subject: of what kind, e.g. "critical finding". details: what the text is made of; no identity.
        about: kind and identifier of the object, as in the ledger: ("analysis", id).
    """

    dedup_key: str
    channel: str
    recipient: str
    subject: str
    about: tuple[str, str]
    patient_key: str
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Notification:
    """A notice on record. `attempts` is also the token of who took it up last; `error` names a class, never a text."""

    notification_id: str
    notice: Notice
    state: NoticeState
    attempts: int
    due: datetime
    created: datetime
    ended: datetime | None = None
    error: str = ""


class NotificationRecords:
    """Asked for, taken up, ended; each change of one is audited in its transaction."""

    def __init__(self, audit: AuditLedger, clock: Clock, new_id: Callable[[], str] = lambda: uuid.uuid4().hex) -> None:
        self._audit = audit
        self._clock = clock
        self._new_id = new_id

    def tell(self, session: Session, access: AccessContext, notice: Notice) -> bool:
        """Ask for a notification in the transaction under way; False where the same one is on record already.

        Raises:
            PatientLockViolation: it is about another patient than the work.
        """
        access.require(notice.patient_key)
        now = self._clock.now()
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        added = session.scalar(
            insert(NotificationRow)
            .values(
                notification_id=self._new_id(),
                dedup_key=notice.dedup_key,
                channel=notice.channel,
                recipient=notice.recipient,
                subject=notice.subject,
                about_type=notice.about[0],
                about_id=notice.about[1],
                patient_key=notice.patient_key,
                details=dict(notice.details),
                state=NoticeState.PENDING.value,
                attempts=0,
                due=now,
                created=now,
                error="",
            )
            .on_conflict_do_nothing(index_elements=[NotificationRow.dedup_key])
            .returning(NotificationRow.notification_id)
        )
        if added is None:
            return False
        self._audit.append(session, access, Attempt("notification.ask", "notification", added, notice.subject), "ok")
        return True

    async def ask(self, access: AccessContext, notice: Notice) -> bool:
        """`tell` in a transaction of its own, for what is not a change of records."""
        return await self._audit.database.transact(lambda session: self.tell(session, access, notice))

    async def take_up(self, count: int, lease: timedelta) -> Sequence[Notification]:
        """Up to `count` that are due, the longest due first; nobody else gets them until `lease` is over."""

        def work(session: Session) -> tuple[Notification, ...]:
            now = self._clock.now()
            open_ = (NoticeState.PENDING.value, NoticeState.SENDING.value)
            query = (
                select(NotificationRow)
                .where(NotificationRow.state.in_(open_), NotificationRow.due <= now)
                .order_by(NotificationRow.due, NotificationRow.notification_id)
                .limit(count)
                .with_for_update(skip_locked=True)
            )
            rows = session.scalars(query).all()
            for row in rows:
                row.state, row.due, row.attempts = NoticeState.SENDING.value, now + lease, row.attempts + 1
            return tuple(_notification(row) for row in rows)

        return await self._audit.database.transact(work)

    async def sent(self, taken: Notification) -> None:
        """It is out. Raises NotificationNotFound; Conflict: somebody else took it up meanwhile, or ended it."""
        await self._end(taken, NoticeState.SENT)

    async def failed(self, taken: Notification, error: BaseException, again: timedelta | None) -> None:
        """It could not be sent: another try after `again`, or none. Raises as `sent`."""
        await self._end(
            taken, NoticeState.FAILED if again is None else NoticeState.PENDING, type(error).__name__, again
        )

    async def about(self, access: AccessContext, kind: str, identifier: str) -> Sequence[Notification]:
        """What was asked for about an object, oldest first. Raises PatientLockViolation."""

        def work(session: Session) -> tuple[Notification, ...]:
            told = (NotificationRow.about_type == kind, NotificationRow.about_id == identifier)
            query = select(NotificationRow).where(*told)
            rows = session.scalars(query.order_by(NotificationRow.created, NotificationRow.notification_id)).all()
            for row in rows:
                access.require(row.patient_key)
            return tuple(_notification(row) for row in rows)

        return await self._audit.guard(access, Attempt("notification.list", kind, identifier), work)

    async def _end(
        self, taken: Notification, state: NoticeState, error: str = "", again: timedelta | None = None
    ) -> None:
        def work(session: Session) -> None:
            row = session.get(NotificationRow, taken.notification_id, with_for_update=True)
            if row is None:
                raise NotificationNotFound("There is no such notification.")
            if (row.state, row.attempts) != (NoticeState.SENDING.value, taken.attempts):
                raise Conflict("Somebody else took this notification up.", remedy="Leave it to them.")
            now = self._clock.now()
            row.state, row.error = state.value, error
            if again is None:
                row.ended = now
            else:
                row.due = now + again

        access = AccessContext(SENDER, taken.notice.patient_key)
        attempt = Attempt(f"notification.{state.value}", "notification", taken.notification_id, error)
        await self._audit.guard(access, attempt, work)


def _notification(row: NotificationRow) -> Notification:
    notice = Notice(
        dedup_key=row.dedup_key,
        channel=row.channel,
        recipient=row.recipient,
        subject=row.subject,
        about=(row.about_type, row.about_id),
        patient_key=row.patient_key,
        details=dict(row.details),
    )
    state = NoticeState(row.state)
    return Notification(row.notification_id, notice, state, row.attempts, row.due, row.created, row.ended, row.error)
