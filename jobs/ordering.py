"""Orders from elsewhere become work: kept on record, matched with their images whichever comes first, queued once.

HL7, FHIR and DICOM listeners call `received` with what a message says; whoever takes images in calls `arrived`. A
message that is sent again, and files that come again, change nothing: the key of an order's job is the order's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from domain.access import AccessContext
from jobs.queued import QueuedJob
from records.order_rows import OrderRecord, OrderSource
from records.orders import OrderRecords
from records.studies import StudyRecord

HERE = frozenset({OrderSource.DIRECT, OrderSource.UNKNOWN})
"""Sources of orders that are queued where they are given, or that nothing is known of."""


class Submitting(Protocol):
    """A queue that takes the same key once."""

    async def submit(self, access: AccessContext, study_uid: str, request: Mapping[str, Any]) -> QueuedJob:
        """See `jobs.queue.DurableQueue.submit`."""


@dataclass(frozen=True)
class Placed:
    """An order on record, and its job; None until its images are here."""

    order: OrderRecord
    job: QueuedJob | None


class Ordering:
    """Takes orders and images in. An analysis that is run for an order names it; see `records.order_rows`.

    Args:
        user: in whose name orders are carried out where nobody is signed in: a listener.
    """

    def __init__(self, orders: OrderRecords, queue: Submitting, user: str = "orders") -> None:
        self._orders = orders
        self._queue = queue
        self._user = user

    async def received(self, access: AccessContext, order: OrderRecord) -> Placed:
        """Keep an order; queue its analysis where its images are here already. To be called again after a failure.

        Args:
            access: bound to nobody, or to the order's patient.
            order: its `order_id` may be empty.

        Raises:
            PatientLockViolation: the order on record, or its study, is another patient's.
        """
        kept = await self._orders.receive(access, order)
        mine = self._for(kept.patient_key)
        kept, here = await self._orders.look_for_images(mine, kept.order_id)
        return Placed(kept, await self._queued(kept) if here else None)

    async def arrived(self, study: StudyRecord) -> tuple[Placed, ...]:
        """Images are here: queue what was ordered of them. To be called again after a failure, and as more files come.

        Images that name no patient answer no order.
        """
        if not study.patient_id:
            return ()
        access = self._for(study.patient_key)
        await self._orders.arrived(access, study.study_uid, study.accession)
        orders = await self._orders.of_study(access, study.study_uid)
        # Not only those that were matched now: a process that ended here before left some without a job.
        return tuple([Placed(order, await self._queued(order)) for order in orders if order.source not in HERE])

    async def _queued(self, order: OrderRecord) -> QueuedJob:
        request = {
            "indication": order.indication,
            "priority": order.priority,
            "prompts": order.prompts,
            "order_id": order.order_id,
            "accession_number": order.accession,
            "site": order.sender,
            "key": f"order {order.order_id}",
        }
        return await self._queue.submit(self._for(order.patient_key), order.study_uid, request)

    def _for(self, patient_key: str) -> AccessContext:
        return AccessContext(self._user, patient_key)
