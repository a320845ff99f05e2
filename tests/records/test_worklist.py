"""The worklist's rows follow what happens to studies, orders, jobs and analyses, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import inspect, text, update
from sqlalchemy.orm import Session

from domain.access import AccessContext
from domain.errors import PatientLockViolation, StudyNotFound
from domain.lifecycle import Status
from domain.ports import JobState
from domain.study import Order, Priority
from domain.turnaround import DEFAULT_MINUTES, Turnaround
from records.audit import AuditLedger
from records.database import Database
from records.exchange_tables import OrderRow
from records.job_rows import NewJob
from records.job_tables import JobRow
from records.jobs import JobRecords
from records.studies import StudyRecord, StudyRecords
from records.tables import AnalysisRow
from records.worklist import Worklist
from records.worklist_changes import MOST, WorklistChanges
from records.worklist_entries import Marks, WorklistEntry
from records.worklist_filter import WorklistFilter
from records.worklist_order import Sort
from records.worklist_tables import ToDo, WorklistRow
from records.worklist_triggers import create, names

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOBODY = AccessContext("reader", None)


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def audit(database: Database, clock: Clock) -> AuditLedger:
    return AuditLedger(database, clock, b"a key for tests")


@pytest.fixture
def worklist(audit: AuditLedger, clock: Clock) -> Worklist:
    return Worklist(audit, clock)


class Hospital:
    """Makes things happen."""

    def __init__(self, audit: AuditLedger, clock: Clock) -> None:
        self.studies, self.jobs = StudyRecords(audit, clock), JobRecords(audit, clock)
        self.database, self.clock = audit.database, clock

    async def study(self, uid: str, **facts: Any) -> str:
        series = ({"series_uid": "1", "slices": 40}, {"series_uid": "2", "slices": 2})
        record = StudyRecord(uid, f"|P{uid}", f"P{uid}", "CT", "Abdomen", "ABDOMEN", None, f"A{uid}", uid, series, ())
        await self.studies.put(NOBODY, replace(record, **facts))
        return uid

    async def job(self, uid: str, priority: Priority = Priority.ROUTINE, indication: str = "Liver?") -> str:
        name = f"j{uid}-{self.clock.time.timestamp()}"
        access = AccessContext("reader", f"|P{uid}")
        order = Order(indication=indication, priority=priority)
        await self.jobs.enqueue(NewJob(name, f"a{uid}", uid, access, order, priority, priority))
        return name

    def change(self, work: Any) -> None:
        self.database.transact_now(work)

    def state(self, job_id: str, state: JobState, **facts: Any) -> None:
        changed = update(JobRow).where(JobRow.job_id == job_id).values(state=state.value, **facts)
        self.change(lambda session: session.execute(changed))

    def order(self, order_id: str, uid: str, priority: str = "ROUTINE") -> None:
        def work(session: Session) -> None:
            same = {"source": "hl7", "sender": "", "accession": "", "placer_number": "", "filler_number": ""}
            said = {"priority_asked": priority, "priority": priority, "raised_by": "", "raised_because": ""}
            asked: dict[str, Any] = {"indication": "Ordered elsewhere", "prompts": [], "requested": None}
            row = OrderRow(order_id=order_id, patient_key=f"|P{uid}", study_uid=uid, received=self.clock.now())
            for name, value in (same | said | asked).items():
                setattr(row, name, value)
            session.add(row)

        self.change(work)

    def analysis(self, uid: str, status: Status, *, name: str = "", **document: Any) -> str:
        name = name or f"a{uid}"

        def work(session: Session) -> None:
            row = AnalysisRow(id=name, study_uid=uid, patient_key=f"|P{uid}", status=status.value, order_id=name)
            row.created, row.indication, row.priority = self.clock.now(), "", "ROUTINE"
            row.document = {"critical": [], "needs_review": False} | document
            session.add(row)

        self.order(name, uid)
        self.change(work)
        return name

    def becomes(self, name: str, status: Status) -> None:
        changed = update(AnalysisRow).where(AnalysisRow.id == name).values(status=status.value)
        self.change(lambda session: session.execute(changed))


@pytest.fixture
def hospital(audit: AuditLedger, clock: Clock) -> Hospital:
    return Hospital(audit, clock)


async def only(worklist: Worklist) -> WorklistEntry:
    (entry,) = (await worklist.page(NOBODY)).entries
    return entry


async def uids(worklist: Worklist, which: WorklistFilter | None = None, **options: Any) -> list[str]:
    return [entry.study_uid for entry in (await worklist.page(NOBODY, which, **options)).entries]


async def test_a_study_waits_for_an_order_then_for_a_job_then_for_a_person(
    worklist: Worklist, hospital: Hospital, clock: Clock
) -> None:
    await hospital.study("1")
    entry = await only(worklist)
    assert (entry.todo, entry.priority, entry.since, entry.due) == (ToDo.AN_ORDER, Priority.ROUTINE, NOW, None)
    assert (entry.series_count, entry.images, entry.job, entry.analysis) == (2, 42, None, None)
    clock.time += timedelta(minutes=5)
    job = await hospital.job("1", Priority.URGENT)
    entry = await only(worklist)
    assert (entry.todo, entry.priority, entry.since) == (ToDo.A_PERSON_OR_JOB, Priority.URGENT, clock.time)
    assert entry.due == clock.time + timedelta(minutes=DEFAULT_MINUTES[Priority.URGENT])
    since = clock.time
    clock.time += timedelta(minutes=5)
    hospital.state(job, JobState.RUNNING, progress=0.5, started=clock.time)
    entry = await only(worklist)
    assert entry.job is not None
    assert (entry.job.state, entry.job.progress, entry.since) == (JobState.RUNNING, 0.5, since)
    name = hospital.analysis("1", Status.DRAFT, critical=[{"finding": "x"}, {"finding": "y"}], needs_review=True)
    hospital.state(job, JobState.DONE, finished=clock.time)
    entry = await only(worklist)
    assert entry.analysis is not None
    assert (entry.analysis.status, entry.analysis.critical, entry.analysis.needs_review) == ("draft", 2, True)
    assert (entry.todo, entry.since, entry.priority) == (ToDo.A_PERSON_OR_JOB, since, Priority.URGENT)
    hospital.becomes(name, Status.SIGNED)
    assert (await only(worklist)).todo is ToDo.NOTHING


async def test_a_further_order_begins_the_clock_anew_only_when_nothing_was_left_to_do(
    worklist: Worklist, hospital: Hospital, clock: Clock
) -> None:
    await hospital.study("1")
    await hospital.job("1", Priority.STAT)
    clock.time += timedelta(hours=1)
    await hospital.job("1", Priority.ROUTINE)
    entry = await only(worklist)
    assert (entry.since, entry.priority) == (NOW, Priority.STAT), "a second run makes nothing less urgent"
    hospital.change(lambda session: session.execute(update(JobRow).values(state="cancelled")))
    hospital.becomes(hospital.analysis("1", Status.DRAFT), Status.SIGNED)
    clock.time += timedelta(hours=1)
    await hospital.job("1", Priority.ROUTINE)
    entry = await only(worklist)
    assert (entry.since, entry.priority) == (clock.time, Priority.ROUTINE)


async def test_an_order_from_elsewhere_waits_until_a_job_or_an_analysis_answers_it(
    worklist: Worklist, hospital: Hospital, clock: Clock
) -> None:
    hospital.order("o1", "1", "STAT")
    clock.time += timedelta(minutes=30)
    await hospital.study("1")
    entry = await only(worklist)
    assert (entry.todo, entry.priority, entry.indication) == (
        ToDo.A_PERSON_OR_JOB,
        Priority.STAT,
        "Ordered elsewhere",
    )
    assert entry.since == clock.time, "nobody can read images that are not there"
    hospital.becomes(hospital.analysis("1", Status.DRAFT), Status.SIGNED)
    assert (await only(worklist)).todo is ToDo.NOTHING


async def test_a_failed_job_is_to_be_looked_at_until_a_later_analysis_is_done_with(
    worklist: Worklist, hospital: Hospital, clock: Clock
) -> None:
    await hospital.study("1")
    hospital.state(await hospital.job("1"), JobState.FAILED, finished=clock.time)
    assert (await only(worklist)).todo is ToDo.A_PERSON_OR_JOB
    clock.time += timedelta(minutes=5)
    hospital.becomes(hospital.analysis("1", Status.DRAFT), Status.SIGNED)
    assert (await only(worklist)).todo is ToDo.NOTHING


async def test_what_is_done_leaves_after_a_week_and_what_is_not_stays(
    worklist: Worklist, hospital: Hospital, clock: Clock
) -> None:
    for uid in ("asked", "never"):
        await hospital.study(uid)
    await hospital.job("asked")
    clock.time += timedelta(days=8)
    assert await uids(worklist) == ["asked"]
    assert await uids(worklist, WorklistFilter(search="Pnever")) == ["never"], "a search looks at all"


async def test_orders_and_pages(worklist: Worklist, hospital: Hospital, clock: Clock) -> None:
    table = Turnaround({Priority.STAT: 60, Priority.ROUTINE: 90})
    by_due = Worklist(worklist._audit, clock, table)
    for uid, priority in (("a", Priority.ROUTINE), ("b", Priority.RESEARCH), ("c", Priority.STAT), ("d", None)):
        await hospital.study(uid)
        if priority:
            await hospital.job(uid, priority)
        clock.time += timedelta(minutes=35)
    expected = {Sort.URGENT: "cadb", Sort.DUE: "acdb", Sort.NEWEST: "dcba"}
    for sort, order in expected.items():
        assert "".join(await uids(by_due, sort=sort)) == order
        for which in (None, WorklistFilter(modalities=("CT",))):
            seen, after = "", None
            while True:
                page = await by_due.page(NOBODY, which, sort=sort, after=after, limit=1)
                seen += "".join(entry.study_uid for entry in page.entries)
                after = page.after
                if after is None:
                    break
            assert seen == order, "one at a time, by the index and by hand"


async def test_filters(worklist: Worklist, hospital: Hospital, clock: Clock) -> None:
    await hospital.study("1")
    await hospital.study("2", modality="MR", description="Knee 100%_of it", patient_id="Müller")
    await hospital.job("1", Priority.STAT, "Bleeding? O'Neill")
    hospital.analysis("2", Status.IN_REVIEW, critical=[{"finding": "x"}])
    cases = {
        "1": [
            WorklistFilter(states=(JobState.QUEUED, JobState.RUNNING)),
            WorklistFilter(priorities=(Priority.STAT,)),
            WorklistFilter(search="bleeding ABDOMEN"),
            WorklistFilter(search="o'neill"),
        ],
        "2": [
            WorklistFilter(statuses=(Status.IN_REVIEW,)),
            WorklistFilter(modalities=("MR", "US")),
            WorklistFilter(critical=True),
            WorklistFilter(search="100%_of"),
            WorklistFilter(search="müller"),
        ],
    }
    for uid, filters in cases.items():
        for which in filters:
            assert await uids(worklist, which) == [uid], which
    for nothing in ("100_", "k%e", "_%_%", "kn__", "\x00", "bleeding knee"):
        assert await uids(worklist, WorklistFilter(search=nothing)) == []
    clock.time += timedelta(minutes=61)
    assert await uids(worklist, WorklistFilter(overdue=True)) == ["1"]


async def test_marks_are_of_one_reader_and_who_took_it_is_seen_by_all(worklist: Worklist, hospital: Hospital) -> None:
    await hospital.study("1")
    mine, other = AccessContext("reader", "|P1"), AccessContext("other", "|P1")
    entry = await worklist.mark(mine, "1", Marks(flagged=True, mine=True, read=True))
    assert (entry.flagged, entry.unread, entry.reader) == (True, False, "reader")
    seen = (await worklist.page(replace(other, patient_key=None))).entries[0]
    assert (seen.flagged, seen.unread, seen.reader) == (False, True, "reader")
    assert (await worklist.mark(other, "1", Marks(mine=False))).reader == "reader", "not theirs to give back"
    assert (await worklist.mark(other, "1", Marks(mine=True))).reader == "other"
    assert await uids(worklist, WorklistFilter(flagged=True)) == ["1"]
    assert await uids(worklist, WorklistFilter(mine=True)) == []
    hospital.analysis("1", Status.DRAFT)
    assert (await only(worklist)).unread, "there is something new to read"


async def test_the_patient_lock_holds(worklist: Worklist, hospital: Hospital, audit: AuditLedger) -> None:
    for uid in ("1", "2"):
        await hospital.study(uid)
    locked = AccessContext("reader", "|P1")
    assert [entry.study_uid for entry in (await worklist.page(locked)).entries] == ["1"]
    assert sum(rows for _, rows in await worklist.counts(locked)) == 1
    for access in (locked, NOBODY):
        with pytest.raises(PatientLockViolation):
            await worklist.mark(access, "2", Marks(flagged=True))
    with pytest.raises(StudyNotFound):
        await worklist.mark(locked, "3", Marks(flagged=True))
    told = [(event.action, event.outcome) for event in await audit.list(NOBODY)]
    assert [outcome for action, outcome in told if action == "worklist.mark"] == ["refused", "refused", "not_found"]
    assert [action for action, _ in told].count("worklist.list") == 1


async def test_followers_are_told_what_changed(worklist: Worklist, hospital: Hospital, database: Database) -> None:
    changes = WorklistChanges(database)
    start = await changes.place()
    await hospital.study("1")
    await hospital.study("2")
    first = await changes.after(start)
    assert sorted(first.study_uids or ()) == ["1", "2"]
    assert (await changes.after(first.place)).study_uids == ()
    await worklist.mark(AccessContext("reader", "|P1"), "1", Marks(flagged=True))
    assert (await changes.after(first.place)).study_uids == ("1",)
    assert (await changes.after(10**12)).study_uids is None
    for number in range(3, MOST + 3):
        await hospital.studies.put(NOBODY, _plain(str(number)))
    assert (await changes.after(start)).study_uids is None, "too many to name"


async def test_tables_that_are_made_anew_can_have_their_triggers_again(database: Database) -> None:
    dialect = database.engine.dialect.name
    with database.engine.begin() as connection:
        create(connection)
        catalogue = (
            "sqlite_master WHERE type = 'trigger'" if dialect == "sqlite" else "pg_trigger WHERE NOT tgisinternal"
        )
        column = "name" if dialect == "sqlite" else "tgname"
        found = set(connection.execute(text(f"SELECT {column} FROM {catalogue}")).scalars())
        columns = {column["name"] for column in inspect(connection).get_columns("worklist")}
    assert {name for name in found if name.startswith("worklist_")} == names(dialect)
    assert columns == {column.name for column in WorklistRow.__table__.columns}


def _plain(uid: str) -> StudyRecord:
    return StudyRecord(uid, f"|P{uid}", f"P{uid}", "CT", "", "", None, "", uid, (), ())
