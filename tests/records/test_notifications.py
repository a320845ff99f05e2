"""Notifications: with the fact or not at all, once however often they are asked for, by one sender at a time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.errors import PatientLockViolation
from records.audit import Attempt, AuditLedger
from records.database import Database
from records.errors import Conflict
from records.notifications import Notice, NoticeState, NotificationNotFound, NotificationRecords
from tests.records.drafts import MINE, THEIRS, HandClock

LEASE = timedelta(minutes=1)
ABOUT = ("analysis", "a1")


def notice(key: str = "critical/a1/f1/on-call") -> Notice:
    return Notice(key, "webhook", "on-call", "critical finding", ABOUT, "|P-1", {"finding": "f1"})


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def told(database: Database, clock: HandClock) -> NotificationRecords:
    return NotificationRecords(AuditLedger(database, clock, b"a key for tests"), clock)


async def test_what_is_asked_for_twice_is_sent_once(told: NotificationRecords) -> None:
    asked = await asyncio.gather(*(told.ask(MINE, notice()) for _ in range(6)))
    assert sorted(asked) == [False] * 5 + [True]
    (taken,) = await told.take_up(10, LEASE)
    assert (taken.notice, taken.state, taken.attempts) == (notice(), NoticeState.SENDING, 1)
    await told.sent(taken)
    assert await told.ask(MINE, notice()) is False
    assert await told.take_up(10, LEASE) == ()
    (kept,) = await told.about(MINE, *ABOUT)
    assert (kept.state, kept.attempts, kept.error) == (NoticeState.SENT, 1, "")
    assert kept.ended is not None


async def test_senders_at_once_take_up_different_ones(told: NotificationRecords, clock: HandClock) -> None:
    for number in range(12):
        clock.move(seconds=1)
        await told.ask(MINE, notice(f"k{number}"))
    taken = await asyncio.gather(*(told.take_up(5, LEASE) for _ in range(4)))
    keys = [n.notice.dedup_key for some in taken for n in some]
    assert len(keys) == len(set(keys))
    rest = [n.notice.dedup_key for n in await told.take_up(20, LEASE)]
    assert sorted([*keys, *rest]) == sorted(f"k{n}" for n in range(12))


async def test_a_sender_that_died_is_followed_by_another_and_says_nothing_any_more(
    told: NotificationRecords, clock: HandClock
) -> None:
    await told.ask(MINE, notice())
    (first,) = await told.take_up(1, LEASE)
    assert await told.take_up(1, LEASE) == ()
    clock.move(seconds=61)
    (second,) = await told.take_up(1, LEASE)
    assert (second.notification_id, second.attempts) == (first.notification_id, 2)
    with pytest.raises(Conflict, match="Somebody else took"):
        await told.sent(first)
    await told.sent(second)
    with pytest.raises(Conflict):
        await told.sent(second)


async def test_a_failed_attempt_waits_for_its_time_and_the_last_one_is_final(
    told: NotificationRecords, clock: HandClock
) -> None:
    await told.ask(MINE, notice())
    (taken,) = await told.take_up(1, LEASE)
    await told.failed(taken, ConnectionError("Doe's mail server"), timedelta(minutes=5))
    assert await told.take_up(1, LEASE) == ()
    clock.move(minutes=5)
    (again,) = await told.take_up(1, LEASE)
    assert (again.attempts, again.error) == (2, "ConnectionError")
    await told.failed(again, TimeoutError(), None)
    clock.move(days=9)
    assert await told.take_up(1, LEASE) == ()
    (kept,) = await told.about(MINE, *ABOUT)
    assert (kept.state, kept.error) == (NoticeState.FAILED, "TimeoutError")


async def test_it_stands_and_falls_with_what_it_tells_of(told: NotificationRecords, database: Database) -> None:
    audit = AuditLedger(database, HandClock(), b"a key for tests")

    def work(session: Session) -> None:
        assert told.tell(session, MINE, notice())
        raise Conflict("The fact did not happen.")

    with pytest.raises(Conflict):
        await audit.guard(MINE, Attempt("test", "test"), work)
    assert await told.about(MINE, *ABOUT) == ()


async def test_each_change_is_in_the_ledger_under_the_patients_pseudonym(
    told: NotificationRecords, database: Database
) -> None:
    await told.ask(MINE, notice())
    (taken,) = await told.take_up(1, LEASE)
    await told.sent(taken)
    with pytest.raises(PatientLockViolation):
        await told.ask(THEIRS, notice("another"))
    with pytest.raises(PatientLockViolation):
        await told.about(THEIRS, *ABOUT)
    audit = AuditLedger(database, HandClock(), b"a key for tests")
    events = [e for e in await audit.list(AccessContext("auditor", None)) if e.object_id == taken.notification_id]
    assert [(e.user, e.action, e.outcome) for e in events] == [
        ("reader", "notification.ask", "ok"),
        ("notifications", "notification.sent", "ok"),
    ]
    assert {e.patient for e in events} == {audit.pseudonym("|P-1")}


async def test_what_is_not_there_cannot_end(told: NotificationRecords, database: Database) -> None:
    await told.ask(MINE, notice())
    (taken,) = await told.take_up(1, LEASE)
    database.transact_now(lambda s: s.connection().exec_driver_sql("DELETE FROM notifications"))
    with pytest.raises(NotificationNotFound):
        await told.sent(taken)
