"""An analysis on record: its order, steps and artifacts with it, its versions, and whoever comes too late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pydicom
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.approval import Decision, Effect
from domain.errors import AnalysisNotFound, PatientLockViolation, TransitionRefused
from domain.review import Action, Review
from domain.study import Order, Priority
from records.analysis_tables import StepRow
from records.audit import Attempt
from records.errors import Conflict
from records.order_rows import OrderSource
from records.orders import OrderRecords
from records.reviews import ReviewRecords
from records.signed_files import REPORT, TEXT
from records.tables import AnalysisRow
from tests.records.drafts import MINE, STUDY, THEIRS, Desk, desk_with_draft, drafted

START = Review(Action.START)
EDIT = Review(Action.EDIT, "by hand", {"f1": "Liver: not enlarged."})


@pytest.fixture
async def desk(tmp_path: Path, database_url: str) -> AsyncIterator[Desk]:
    desk = await desk_with_draft(tmp_path, database_url)
    yield desk
    desk.database.close()


async def test_steps_can_be_asked_as_rows(desk: Desk) -> None:
    analysis = drafted(desk.place())
    kept = await desk.analyses.steps(MINE, "a1")
    assert [(s.step_id, s.agent, s.tool, s.model, s.started, s.seconds, s.ok, s.error) for s in kept] == [
        (s.step_id, s.agent, s.tool, s.model, s.started, s.seconds, s.ok, s.error) for s in analysis.steps
    ]
    assert kept

    def slowest(session: Session) -> int:
        return session.scalar(select(func.count()).where(StepRow.tool == kept[0].tool, StepRow.ok.is_(True))) or 0

    assert desk.database.transact_now(slowest) >= 1
    with pytest.raises(PatientLockViolation):
        await desk.analyses.steps(THEIRS, "a1")
    with pytest.raises(AnalysisNotFound):
        await desk.analyses.manifest(MINE, "a9")


async def test_artifacts_are_known_by_hash_size_and_identity(desk: Desk) -> None:
    facts = {fact.name: fact for fact in await desk.analyses.manifest(MINE, "a1")}
    files = {path.name: path for path in desk.place().iterdir()}
    assert facts.keys() == files.keys()
    for name, path in files.items():
        content = path.read_bytes()
        assert (facts[name].sha256, facts[name].bytes) == (sha256(content).hexdigest(), len(content))
        uid = pydicom.dcmread(path).SOPInstanceUID if name.endswith(".dcm") else ""
        assert facts[name].uid == uid
    assert facts["fhir-bundle.json"].media_type == "application/fhir+json"
    assert {f.media_type for n, f in facts.items() if n.endswith(".dcm")} == {"application/dicom"}


async def test_the_same_run_once_more_replaces_its_rows(desk: Desk) -> None:
    before = await desk.analyses.get(MINE, "a1")
    (desk.place() / "provenance.json").unlink()
    analysis = replace(drafted(desk.folder / "elsewhere"), steps=drafted(desk.folder / "elsewhere").steps[:1])
    again = await desk.analyses.put(MINE, analysis)
    assert again.document == before.document
    assert len(await desk.analyses.steps(MINE, "a1")) == 1
    assert "provenance.json" not in {f.name for f in await desk.analyses.manifest(MINE, "a1")}
    assert again.order_id == before.order_id


async def test_an_attempt_that_no_longer_counts_records_nothing(desk: Desk) -> None:
    def superseded(_session: Session) -> None:
        raise Conflict("This attempt holds the job no more.")

    analysis = drafted(desk.place("a2"), "a2")
    with pytest.raises(Conflict):
        await desk.analyses.put(MINE, analysis, fence=superseded)
    with pytest.raises(AnalysisNotFound):
        await desk.analyses.get(MINE, "a2")
    assert ("reader", "analysis.store", "a2", "refused") in desk.events()


async def test_a_question_asked_here_is_an_order_of_its_own(desk: Desk) -> None:
    record = await desk.analyses.get(MINE, "a1")
    orders = OrderRecords(desk.audit, desk.clock)
    (order,) = await orders.of_study(MINE, STUDY)
    assert (order.order_id, order.source, order.indication) == (record.order_id, OrderSource.DIRECT, record.indication)
    assert order.received == record.created


async def test_an_order_that_was_sent_before_is_the_one_that_is_answered(desk: Desk) -> None:
    for name in ("a2", "a3"):
        analysis = replace(drafted(desk.place(name), name), order=Order("liver?", Priority.STAT, order_id="HL7-77"))
        await desk.analyses.put(MINE, analysis)
    first, second = [await desk.analyses.get(MINE, name) for name in ("a2", "a3")]
    assert first.order_id == second.order_id == "a2"
    order = await OrderRecords(desk.audit, desk.clock).get(MINE, "a2")
    assert (order.placer_number, order.priority_asked) == ("HL7-77", Priority.STAT)


async def test_words_that_no_database_takes_are_kept_readable(desk: Desk) -> None:
    analysis = replace(drafted(desk.place("a2"), "a2"), order=Order("li\x00ver\ud800?"))
    assert (await desk.analyses.put(MINE, analysis)).analysis_id == "a2"
    assert (await desk.analyses.get(MINE, "a2")).indication == "li�ver�?"


async def test_a_stale_reviewer_is_told_and_changes_nothing(desk: Desk) -> None:
    read = await desk.analyses.get(MINE, "a1")
    taken = await desk.signing.review(MINE, "a1", START, expected=read.version)
    assert taken.version > read.version
    edited = await desk.signing.review(MINE, "a1", EDIT, expected=taken.version)
    stale = Review(Action.EDIT, "", {"f1": "Liver: enlarged."})
    with pytest.raises(Conflict, match="changed in the meantime") as refused:
        await desk.signing.review(MINE, "a1", stale, expected=taken.version)
    assert "Read it again" in refused.value.remedy
    for late in (Review(Action.SIGN), Review(Action.REJECT)):
        with pytest.raises(Conflict):
            await desk.signing.review(MINE, "a1", late, expected=taken.version)
    assert await desk.analyses.get(MINE, "a1") == edited
    assert ("reader", "analysis.review.edit", "a1", "refused") in desk.events()
    signed = await desk.signing.review(MINE, "a1", Review(Action.SIGN), expected=edited.version)
    assert signed.status == "signed"


async def test_a_signature_is_of_what_the_person_read(desk: Desk) -> None:
    asked = await desk.ask()
    read = await desk.analyses.get(MINE, "a1")
    await desk.signing.review(MINE, "a1", START)
    with pytest.raises(Conflict):
        await desk.signing.decide(MINE, asked.approval_id, Decision.APPROVED, "", expected=read.version)
    assert (await desk.approvals.get(MINE, asked.approval_id)).decision is Decision.PENDING


async def test_of_reviewers_at_once_one_is_first(desk: Desk) -> None:
    read = await desk.analyses.get(MINE, "a1")
    done = await asyncio.gather(
        *(desk.signing.review(MINE, "a1", START, expected=read.version) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(d, Conflict) for d in done) == 3
    assert len((await desk.analyses.get(MINE, "a1")).document["reviews"]) == 1


async def test_reviews_can_be_asked_as_rows_and_files_follow(desk: Desk) -> None:
    await desk.signing.review(MINE, "a1", Review(Action.START, "mine"))
    desk.clock.move(minutes=1)
    await desk.signing.review(MINE, "a1", EDIT)
    desk.clock.move(minutes=1)
    await desk.signing.review(MINE, "a1", Review(Action.SIGN, "done"))
    acts = await ReviewRecords(desk.audit).of_study(MINE, STUDY)
    assert [(i, a.action.value, a.reviewer, a.reason, a.present.value, a.becomes.value, a.edited) for i, a in acts] == [
        ("a1", "start", "reader", "mine", "draft", "in_review", ()),
        ("a1", "edit", "reader", "by hand", "in_review", "in_review", ("f1",)),
        ("a1", "sign", "reader", "done", "in_review", "signed", ()),
    ]
    told = (await desk.analyses.get(MINE, "a1")).document["reviews"]
    assert [a.told() for _, a in acts[:2]] == told
    facts = {fact.name: fact.sha256 for fact in await desk.analyses.manifest(MINE, "a1")}
    for name in (REPORT, TEXT):
        assert facts[name] == sha256((desk.place() / name).read_bytes()).hexdigest()
    with pytest.raises(PatientLockViolation):
        await ReviewRecords(desk.audit).of_study(THEIRS, STUDY)


async def test_files_of_before_they_were_rows_get_theirs_with_the_next_change(desk: Desk) -> None:
    desk.database.transact_now(lambda s: s.connection().exec_driver_sql("DELETE FROM artifacts"))
    await desk.signing.review(MINE, "a1", START)
    assert {f.name for f in await desk.analyses.manifest(MINE, "a1")} == {p.name for p in desk.place().iterdir()}


@pytest.mark.parametrize("times", [1, 2])
async def test_a_writer_that_was_overtaken_tries_once_more(desk: Desk, times: int) -> None:
    """As happens where a row was read without its lock: its version tells."""
    overtaken = 0

    def work(session: Session) -> None:
        nonlocal overtaken
        row = session.get_one(AnalysisRow, "a1")
        if overtaken < times:
            overtaken += 1
            session.connection().exec_driver_sql("UPDATE analyses SET version = version + 1")
        row.priority = "STAT"

    attempt = Attempt("analysis.test", "analysis", "a1")
    if times == 1:
        await desk.audit.guard(MINE, attempt, work)
        assert (await desk.analyses.get(MINE, "a1")).priority == "STAT"
    else:
        with pytest.raises(Conflict, match="at the same time"):
            await desk.audit.guard(MINE, attempt, work)
        assert (await desk.analyses.get(MINE, "a1")).priority != "STAT"
    assert desk.events()[-1] == ("reader", "analysis.test", "a1", "ok" if times == 1 else "refused")


async def test_a_run_and_a_reviewer_do_not_meet(desk: Desk) -> None:
    await desk.signing.review(MINE, "a1", START)
    with pytest.raises(TransitionRefused, match="drafts only"):
        await desk.analyses.put(MINE, drafted(desk.place()))
    assert (await desk.ask(Effect.SIGN)).effect is Effect.SIGN
