"""What the endpoints of the worklist work with, made once for an application."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

from fastapi import Depends, Request

from api.worklist.expected import ExpectedTimes
from api.worklist.following import Following
from api.worklist.schemas import WorklistCounts, counts_view
from domain.access import AccessContext
from domain.ports import Clock
from domain.turnaround import Turnaround
from records.audit import AuditLedger
from records.worklist import Worklist
from records.worklist_changes import WorklistChanges

SHARE = 10
"""Counts are used for so many times the time that they took: a long list is not counted all the time."""


class WorklistDesk:
    """The list, its times, its followers, and counts that nobody waits for.

    Args:
        turnaround: how soon studies shall be read.
    """

    def __init__(self, audit: AuditLedger, clock: Clock, turnaround: Turnaround | None = None) -> None:
        self.worklist = Worklist(audit, clock, turnaround)
        self.expected = ExpectedTimes(audit, clock)
        self.following = Following(WorklistChanges(audit.database))
        self._counted: dict[AccessContext, tuple[float, WorklistCounts]] = {}
        self._counting: dict[AccessContext, asyncio.Task[WorklistCounts]] = {}

    async def counts(self, access: AccessContext) -> WorklistCounts:
        """As they are, or were of late where the list is long."""
        good_until, counted = self._counted.get(access, (0.0, None))
        if counted is not None and time.monotonic() < good_until:
            return counted
        task = self._counting.get(access)
        if task is None or task.done():
            task = self._counting[access] = asyncio.create_task(self._count(access), name="worklist counts")
        return await asyncio.shield(task)  # others may wait for it as well

    def marked(self) -> None:
        """Somebody marked something: they see it in the counts, and followers hear of it."""
        self._counted.clear()
        self._counting.clear()  # one under way may have looked before
        self.following.tell()

    async def _count(self, access: AccessContext) -> WorklistCounts:
        began = time.monotonic()
        counted = counts_view(await self.worklist.counts(access))
        now = time.monotonic()
        if self._counting.get(access) is asyncio.current_task():
            self._counted[access] = (now + SHARE * (now - began), counted)
        return counted


def _desk(request: Request) -> WorklistDesk:
    state = request.app.state
    if not hasattr(state, "worklist"):
        state.worklist = WorklistDesk(state.services.audit, state.services.clock, state.services.turnaround)
    desk: WorklistDesk = state.worklist
    return desk


Desk = Annotated[WorklistDesk, Depends(_desk)]
"""How an endpoint asks for it; made at the first question."""
