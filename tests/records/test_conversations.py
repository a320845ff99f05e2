"""What was said is kept in order, for its user and its patient alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.access import AccessContext
from domain.conversation import SaidTurn
from domain.errors import PatientLockViolation
from records.audit import AuditLedger
from records.conversations import ConversationRecords
from tests.api.engine import TickingClock
from tests.records.test_studies import study

MINE = AccessContext("local", "|P-SECRET")
AT = datetime(2026, 1, 2, tzinfo=UTC)
FIRST = SaidTurn("How large is the liver?", "1500 mL [m1].", "1.2", AT, "a1", "built-in planner")
SECOND = SaidTurn("And the spleen?", "200 mL [m2].", "1.3", AT, "", "a model")


@pytest.fixture
async def conversations(audit: AuditLedger) -> ConversationRecords:
    records = ConversationRecords(audit, TickingClock())
    await records.bind(MINE, "c", study())
    return records


async def test_turns_come_back_in_order(conversations: ConversationRecords) -> None:
    assert await conversations.turns(MINE, "unknown") == ()
    for turn in (FIRST, SECOND):
        await conversations.append(MINE, "c", turn)
    assert await conversations.turns(MINE, "c") == (FIRST, SECOND)


@pytest.mark.parametrize("other", [AccessContext("other", "|P-SECRET"), AccessContext("local", "|P2")], ids=["u", "p"])
async def test_nobody_else_reads_or_writes_them(conversations: ConversationRecords, other: AccessContext) -> None:
    await conversations.append(MINE, "c", FIRST)
    with pytest.raises(PatientLockViolation):
        await conversations.turns(other, "c")
    with pytest.raises(PatientLockViolation):
        await conversations.append(other, "c", SECOND)
    assert await conversations.turns(MINE, "c") == (FIRST,)


async def test_a_turn_needs_a_bound_conversation(conversations: ConversationRecords) -> None:
    with pytest.raises(PatientLockViolation):
        await conversations.append(MINE, "never bound", FIRST)
