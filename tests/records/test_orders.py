"""Orders: kept once, matched with their images, made more urgent with a reason, behind the patient lock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from domain.access import AccessContext
from domain.errors import PatientLockViolation
from domain.study import Priority
from records.audit import AuditLedger
from records.errors import Conflict
from records.order_rows import OrderNotFound, OrderRecord, OrderSource
from records.orders import OrderRecords, PriorityRefused
from tests.api.engine import TickingClock

INTERFACE = AccessContext("hl7", None)
MINE = AccessContext("reader", "|P-1")
THEIRS = AccessContext("reader", "|P-2")
AT = datetime(2026, 4, 1, 8, tzinfo=UTC)


def order(**facts: object) -> OrderRecord:
    known = {
        "source": OrderSource.HL7, "sender": "RIS", "accession": "A-1", "placer_number": "P-77", "filler_number": "F-1",
        "priority_asked": Priority.ROUTINE, "indication": "liver?", "prompts": ("liver",), "requested": AT,
    }  # fmt: skip
    return OrderRecord("", "|P-1", AT, **(known | facts))  # type: ignore[arg-type]


@pytest.fixture
def orders(audit: AuditLedger) -> OrderRecords:
    return OrderRecords(audit, TickingClock())


async def test_an_order_is_kept_with_where_it_came_from(orders: OrderRecords) -> None:
    kept = await orders.receive(INTERFACE, order())
    assert kept == await orders.get(MINE, kept.order_id)
    assert (kept.source, kept.sender, kept.accession, kept.placer_number) == (OrderSource.HL7, "RIS", "A-1", "P-77")
    assert (kept.priority_asked, kept.priority, kept.raised_because) == (Priority.ROUTINE, Priority.ROUTINE, "")
    assert (kept.requested, kept.received, kept.prompts, kept.version) == (AT, AT, ("liver",), 1)


async def test_the_same_message_twice_is_one_order(orders: OrderRecords) -> None:
    kept = await asyncio.gather(*(orders.receive(INTERFACE, order()) for _ in range(6)))
    assert len({k.order_id for k in kept}) == 1
    assert (await orders.receive(INTERFACE, order(sender="OTHER"))).order_id != kept[0].order_id
    without = [await orders.receive(INTERFACE, order(placer_number="")) for _ in range(2)]
    assert len({k.order_id for k in without}) == 2, "without a number nothing says that two are the same"
    with pytest.raises(PatientLockViolation, match="another patient"):
        await orders.receive(INTERFACE, OrderRecord("", "|P-2", AT, source=OrderSource.HL7, sender="RIS",
                                                    placer_number="P-77"))  # fmt: skip


async def test_images_find_the_orders_that_wait_for_them(orders: OrderRecords) -> None:
    kept = await orders.receive(INTERFACE, order())
    other = await orders.receive(INTERFACE, order(placer_number="P-78", accession="A-2"))
    assert [o.order_id for o in await orders.arrived(MINE, "1.2", "A-1")] == [kept.order_id]
    assert [o.order_id for o in await orders.of_study(MINE, "1.2")] == [kept.order_id]
    assert await orders.arrived(MINE, "1.3", "A-1") == (), "an order has one study"
    assert await orders.arrived(THEIRS, "1.3", "A-2") == (), "another patient's images do not answer it"
    assert await orders.arrived(MINE, "1.3", "") == ()
    assert (await orders.get(MINE, other.order_id)).study_uid == ""
    with pytest.raises(PatientLockViolation):
        await orders.arrived(INTERFACE, "1.3", "A-2")


async def test_a_priority_is_raised_with_a_reason_and_what_was_asked_stays(orders: OrderRecords) -> None:
    kept = await orders.receive(INTERFACE, order())
    raised = await orders.make_more_urgent(MINE, kept.order_id, Priority.STAT, "bleeding suspected", expected=1)
    assert (raised.priority_asked, raised.priority, raised.version) == (Priority.ROUTINE, Priority.STAT, 2)
    assert (raised.raised_by, raised.raised_because) == ("reader", "bleeding suspected")
    with pytest.raises(Conflict):
        await orders.make_more_urgent(MINE, kept.order_id, Priority.STAT, "me too", expected=1)


@pytest.mark.parametrize(("priority", "because"), [(Priority.ROUTINE, "why"), (Priority.RESEARCH, "why"),
                                                   (Priority.STAT, " ")])  # fmt: skip
async def test_what_raises_nothing_is_refused(orders: OrderRecords, priority: Priority, because: str) -> None:
    kept = await orders.receive(INTERFACE, order())
    with pytest.raises(PriorityRefused):
        await orders.make_more_urgent(MINE, kept.order_id, priority, because)
    assert await orders.get(MINE, kept.order_id) == kept


async def test_another_patients_work_sees_no_order(orders: OrderRecords, audit: AuditLedger) -> None:
    kept = await orders.receive(INTERFACE, order(study_uid="1.2"))
    for attempt in (
        orders.get(THEIRS, kept.order_id),
        orders.of_study(THEIRS, "1.2"),
        orders.make_more_urgent(THEIRS, kept.order_id, Priority.STAT, "why"),
        orders.receive(THEIRS, order()),
    ):
        with pytest.raises(PatientLockViolation):
            await attempt
    with pytest.raises(OrderNotFound):
        await orders.access("reader", "nothing")
    assert await orders.access("reader", kept.order_id) == MINE
    outcomes = [(e.action, e.outcome) for e in await audit.list(INTERFACE)]
    assert outcomes == [
        ("order.receive", "ok"),
        ("order.read", "refused"),
        ("order.list", "refused"),
        ("order.raise", "refused"),
        ("order.receive", "refused"),
    ]
