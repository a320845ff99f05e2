"""Requests for effects: asked once, decided once, by whoever is first and in time; each with its event."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from domain.approval import Decision, Effect
from domain.errors import (
    AnalysisNotFound,
    ApprovalDecided,
    ApprovalNotFound,
    PatientLockViolation,
    TransitionRefused,
)
from records.approvals import ApprovalRequests
from tests.records.drafts import MINE, STUDY, THEIRS, Desk, desk_with_draft, drafted


@pytest.fixture
async def desk(tmp_path: Path, database_url: str) -> AsyncIterator[Desk]:
    desk = await desk_with_draft(tmp_path, database_url)
    yield desk
    desk.database.close()


async def test_a_request_waits_a_day_for_a_person(desk: Desk) -> None:
    asked = await desk.ask()
    assert (asked.decision, asked.decided_by, asked.decided) == (Decision.PENDING, "", None)
    assert (asked.asked_by, asked.analysis_id, asked.study_uid) == ("reader", "a1", STUDY)
    assert (asked.expires - asked.asked).total_seconds() == 24 * 3600
    assert await desk.approvals.get(MINE, asked.approval_id) == asked
    assert await desk.status() == "draft"


async def test_the_same_pending_request_is_not_doubled(desk: Desk) -> None:
    first = await desk.ask()
    assert await desk.ask() == first
    usual = await desk.ask(Effect.DELIVER)
    assert await desk.ask(Effect.DELIVER, destination="folder") == usual
    assert usual.details == {"destination": "folder"}
    assert {a.approval_id for a in await desk.approvals.of_study(MINE, STUDY)} == {
        first.approval_id,
        usual.approval_id,
    }
    await desk.approvals.decide(MINE, first.approval_id, Decision.DENIED, "")
    assert (await desk.ask()).approval_id != first.approval_id


async def test_a_request_out_of_time_cannot_be_decided_and_may_be_asked_again(desk: Desk) -> None:
    first = await desk.ask()
    desk.clock.move(hours=24)
    assert (await desk.approvals.get(MINE, first.approval_id)).decision is Decision.EXPIRED
    with pytest.raises(ApprovalDecided, match="not decided in time") as refused:
        await desk.approvals.decide(MINE, first.approval_id, Decision.APPROVED, "")
    assert "Ask for the effect again" in refused.value.remedy
    second = await desk.ask()
    assert second.approval_id != first.approval_id
    assert [a.decision for a in await desk.approvals.of_study(MINE, STUDY)] == [Decision.PENDING, Decision.EXPIRED]


@pytest.mark.parametrize("first", [Decision.APPROVED, Decision.DENIED], ids=lambda d: d.value)
@pytest.mark.parametrize("second", [Decision.APPROVED, Decision.DENIED], ids=lambda d: d.value)
async def test_a_decision_is_for_good(desk: Desk, first: Decision, second: Decision) -> None:
    asked = await desk.ask()
    decided = await desk.approvals.decide(MINE, asked.approval_id, first, "my reason")
    assert (decided.decision, decided.decided_by, decided.reason) == (first, "reader", "my reason")
    assert decided.decided == desk.clock.now()
    with pytest.raises(ApprovalDecided, match="decided before"):
        await desk.approvals.decide(MINE, asked.approval_id, second, "other")
    assert await desk.approvals.get(MINE, asked.approval_id) == decided


@pytest.mark.parametrize("word", [Decision.PENDING, Decision.EXPIRED], ids=lambda d: d.value)
async def test_only_yes_and_no_are_decisions(desk: Desk, word: Decision) -> None:
    asked = await desk.ask()
    with pytest.raises(ApprovalDecided, match="no decision"):
        await desk.approvals.decide(MINE, asked.approval_id, word, "")


class Decider(threading.Thread):
    """A person at another machine, who decides when the gate opens."""

    def __init__(self, desk: Desk, approval_id: str, decision: Decision, gate: threading.Barrier) -> None:
        super().__init__()
        self.decision, self.won = decision, False
        self._desk, self._approval_id, self._gate = desk, approval_id, gate

    def run(self) -> None:
        self._gate.wait(10)
        with contextlib.suppress(ApprovalDecided):
            asyncio.run(self._desk.approvals.decide(MINE, self._approval_id, self.decision, self.decision.value))
            self.won = True


async def test_of_two_deciders_at_once_exactly_one_wins(desk: Desk) -> None:
    for _ in range(4):
        asked = await desk.ask(Effect.DELIVER)
        gate = threading.Barrier(2)
        deciders = [Decider(desk, asked.approval_id, d, gate) for d in (Decision.APPROVED, Decision.DENIED)]
        for decider in deciders:
            decider.start()
        for decider in deciders:
            await asyncio.to_thread(decider.join, 20)
        (winner,) = [d for d in deciders if d.won]
        stored = await desk.approvals.get(MINE, asked.approval_id)
        assert (stored.decision, stored.reason) == (winner.decision, winner.decision.value)


async def test_equal_requests_at_once_are_one(desk: Desk) -> None:
    asked = await asyncio.gather(*(desk.ask() for _ in range(8)))
    assert len({a.approval_id for a in asked}) == 1


async def test_another_patients_work_neither_asks_nor_reads_nor_decides(desk: Desk) -> None:
    asked = await desk.ask()
    with pytest.raises(PatientLockViolation):
        await desk.approvals.ask(THEIRS, Effect.SIGN, analysis_id="a1", study_uid=STUDY, details={})
    for attempt in (
        desk.approvals.get(THEIRS, asked.approval_id),
        desk.approvals.of_study(THEIRS, STUDY),
        desk.approvals.decide(THEIRS, asked.approval_id, Decision.APPROVED, ""),
    ):
        with pytest.raises(PatientLockViolation):
            await attempt
    assert (await desk.approvals.get(MINE, asked.approval_id)).decision is Decision.PENDING
    assert ("reader", "approval.approved", asked.approval_id, "refused") in desk.events()


async def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    with pytest.raises(AnalysisNotFound):
        await desk.ask(analysis_id="a9")
    with pytest.raises(AnalysisNotFound):
        await desk.approvals.ask(MINE, Effect.SIGN, analysis_id="a1", study_uid="9.9", details={})
    for attempt in (
        desk.approvals.get(MINE, "nothing"),
        desk.approvals.access("reader", "nothing"),
        desk.approvals.decide(MINE, "nothing", Decision.APPROVED, ""),
    ):
        with pytest.raises(ApprovalNotFound):
            await attempt


@pytest.mark.parametrize("destination", ["pacs", "ehr", "../elsewhere"])
async def test_a_destination_that_is_not_configured_is_refused(desk: Desk, destination: str) -> None:
    with pytest.raises(TransitionRefused, match="not configured") as refused:
        await desk.ask(Effect.DELIVER, destination=destination)
    assert "folder" in refused.value.remedy
    assert await desk.approvals.of_study(MINE, STUDY) == ()


@contextlib.contextmanager
def ledger_full(desk: Desk) -> Iterator[None]:
    """The ledger takes no event."""
    if desk.database.engine.dialect.name == "sqlite":
        statements = [
            "CREATE TRIGGER no_more BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'ledger full'); END"
        ]
        after = "DROP TRIGGER no_more"
    else:
        statements = [
            "CREATE FUNCTION no_more() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'ledger full'; END $$",
            "CREATE TRIGGER no_more BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION no_more()",
        ]
        after = "DROP FUNCTION no_more CASCADE"
    for statement in statements:
        desk.database.transact_now(lambda s, statement=statement: s.execute(text(statement)))
    yield
    desk.database.transact_now(lambda s: s.execute(text(after)))


async def test_each_change_has_its_event_and_neither_is_without_the_other(desk: Desk) -> None:
    asked = await desk.ask()
    await desk.approvals.decide(MINE, asked.approval_id, Decision.DENIED, "Doe's liver is wrong")
    assert desk.events()[-2:] == [
        ("reader", "approval.ask.sign", "a1", "ok"),
        ("reader", "approval.denied", asked.approval_id, "ok"),
    ]
    ledger = desk.database.transact_now(lambda s: s.execute(text("SELECT detail FROM audit_events")).scalars().all())
    assert not [d for d in ledger if "Doe" in d], "a person's words are not for the ledger"
    again = await desk.ask()
    with ledger_full(desk), pytest.raises(Exception, match="ledger full"):
        await desk.approvals.decide(MINE, again.approval_id, Decision.APPROVED, "")
    assert (await desk.approvals.get(MINE, again.approval_id)).decision is Decision.PENDING


async def test_a_run_is_given_nothing_that_decides(desk: Desk) -> None:
    given = ApprovalRequests(desk.approvals)
    asked = await given.ask(MINE, Effect.SIGN, analysis_id="a1", study_uid=STUDY, details={})
    assert asked == await desk.ask()
    assert [name for name in dir(given) if not name.startswith("_")] == ["ask"]


async def test_requests_of_two_analyses_are_two(desk: Desk) -> None:
    await desk.analyses.put(MINE, drafted(desk.place("a2"), "a2"))
    assert (await desk.ask()).approval_id != (await desk.ask(analysis_id="a2")).approval_id
