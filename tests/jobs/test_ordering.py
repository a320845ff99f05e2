"""An order becomes one record and one job, whichever comes first: the message or the images."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.access import AccessContext
from domain.errors import PatientLockViolation
from domain.study import Priority
from jobs.ordering import Ordering
from jobs.queue import DurableQueue
from records.order_rows import OrderRecord, OrderSource
from records.orders import OrderRecords
from records.studies import StudyRecord, StudyRecords
from tests.jobs.workers.parts import NOBODY, Parts, open_parts

AT = datetime(2026, 4, 1, 8, tzinfo=UTC)
ORDER = OrderRecord(
    "", "|P-1", AT, source=OrderSource.HL7, sender="RIS", accession="A-1", placer_number="P-77",
    priority_asked=Priority.URGENT, indication="How large is the liver?", prompts=("liver",), requested=AT,
)  # fmt: skip
IMAGES = StudyRecord("1.2", "|P-1", "P-1", "CT", "", "", None, "A-1", "1.2", (), ())


@pytest.fixture
async def parts(database_url: str) -> AsyncIterator[Parts]:
    parts = open_parts(database_url)
    yield parts
    await parts.aclose()


@pytest.fixture
def studies(parts: Parts) -> StudyRecords:
    return StudyRecords(parts.audit, parts.clock)


@pytest.fixture
def ordering(parts: Parts, studies: StudyRecords) -> Ordering:
    queue = DurableQueue(
        jobs=parts.jobs, listing=parts.listing, workers=parts.workers, studies=studies, clock=parts.clock
    )
    return Ordering(OrderRecords(parts.audit, parts.clock), queue)


async def test_an_order_waits_for_its_images_and_is_then_queued_once(
    parts: Parts, studies: StudyRecords, ordering: Ordering
) -> None:
    waiting = await ordering.received(NOBODY, ORDER)
    assert waiting.job is None
    images = await studies.put(NOBODY, IMAGES)
    (placed,) = await ordering.arrived(images)
    assert (placed.order.order_id, placed.order.study_uid) == (waiting.order.order_id, "1.2")
    assert placed.job is not None
    record = await parts.jobs.get(AccessContext("orders", "|P-1"), placed.job.job_id)
    assert (record.order.order_id, record.order.accession_number) == (placed.order.order_id, "A-1")
    assert (record.ordered, record.order.prompts, record.site) == (Priority.URGENT, ("liver",), "RIS")
    for again in (await ordering.arrived(images), (await ordering.received(NOBODY, ORDER),)):
        assert [one.job.job_id for one in again if one.job] == [placed.job.job_id]


async def test_images_that_came_first_are_found(studies: StudyRecords, ordering: Ordering) -> None:
    await studies.put(NOBODY, IMAGES)
    assert await ordering.arrived(IMAGES) == ()
    placed = await ordering.received(NOBODY, ORDER)
    assert placed.order.study_uid == "1.2"
    assert placed.job is not None


async def test_a_study_that_the_sender_names_may_be_still_to_come(studies: StudyRecords, ordering: Ordering) -> None:
    named = replace(ORDER, study_uid="1.2", accession="")
    assert (await ordering.received(NOBODY, named)).job is None
    (placed,) = await ordering.arrived(await studies.put(NOBODY, IMAGES))
    assert placed.job is not None


async def test_a_job_that_was_not_queued_any_more_is_queued_the_next_time(
    parts: Parts, studies: StudyRecords, ordering: Ordering
) -> None:
    kept = await ordering.received(NOBODY, ORDER)
    await studies.put(NOBODY, IMAGES)
    mine = AccessContext("orders", "|P-1")
    await OrderRecords(parts.audit, parts.clock).arrived(mine, "1.2", "A-1")  # and then the process ended
    (placed,) = await ordering.arrived(IMAGES)
    assert (placed.order.order_id, placed.job is None) == (kept.order.order_id, False)


async def test_nobodys_and_other_patients_images_answer_no_order(studies: StudyRecords, ordering: Ordering) -> None:
    await ordering.received(NOBODY, ORDER)
    other = await studies.put(NOBODY, replace(IMAGES, study_uid="1.3", patient_key="|P-2", patient_id="P-2"))
    nobody = await studies.put(NOBODY, replace(IMAGES, study_uid="1.4", patient_key="|", patient_id=""))
    assert (await ordering.arrived(other), await ordering.arrived(nobody)) == ((), ())
    with pytest.raises(PatientLockViolation):
        await ordering.received(NOBODY, replace(ORDER, placer_number="P-78", study_uid="1.3"))
    with pytest.raises(PatientLockViolation):
        await ordering.received(AccessContext("hl7", "|P-2"), ORDER)


async def test_what_a_person_ordered_here_is_queued_where_it_was_ordered(
    studies: StudyRecords, parts: Parts, ordering: Ordering
) -> None:
    images = await studies.put(NOBODY, IMAGES)
    direct = replace(ORDER, source=OrderSource.DIRECT, study_uid="1.2")
    await OrderRecords(parts.audit, parts.clock).receive(NOBODY, direct)
    assert await ordering.arrived(images) == ()
