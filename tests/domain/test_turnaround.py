"""How soon studies shall be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from domain.study import Priority
from domain.turnaround import Turnaround

SINCE = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_what_is_more_urgent_is_due_sooner_and_research_never() -> None:
    table = Turnaround()
    due = [table.due(priority, SINCE) for priority in (Priority.STAT, Priority.URGENT, Priority.ROUTINE)]
    assert due == sorted(due)  # type: ignore[type-var]  # none of them is None
    assert due[0] == SINCE + timedelta(hours=1)
    assert table.due(Priority.RESEARCH, SINCE) is None


def test_a_department_has_its_own_table() -> None:
    table = Turnaround({Priority.STAT: 30})
    assert table.limit(Priority.STAT) == timedelta(minutes=30)
    assert table.limit(Priority.ROUTINE) is None
