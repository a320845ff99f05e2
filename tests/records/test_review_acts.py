"""Critical findings told, opinions and addenda on record: each audited, none changed later, none over another's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from pypdf import PdfReader
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from domain.approval import Decision, Effect
from domain.errors import (
    CriticalUntold,
    OpinionNotFound,
    PatientLockViolation,
    ReviewRefused,
    SignatureBroken,
    TransitionRefused,
)
from domain.review import Action, Review
from domain.review_acts import Agreement, Channel, Communication, OpinionKind, Role, Telling
from records.addenda import Addenda
from records.communications import Communications
from records.errors import Conflict
from records.opinions import Opinions
from records.review_history import ReviewHistory
from records.signed_files import PAGES, REPORT, TEXT
from records.tables import AnalysisRow
from tests.records.drafts import MINE, STUDY, THEIRS, Desk, desk_with_draft
from tools.artifacts import json_bytes

CRITICAL = {
    "finding": "f1",
    "rule": "pneumothorax",
    "name": "pneumothorax",
    "urgency": "minutes",
    "minutes": 15,
    "note": "",
    "source": "ACR",
}


@pytest.fixture
async def desk(tmp_path: Path, database_url: str) -> AsyncIterator[Desk]:
    desk = await desk_with_draft(tmp_path, database_url)
    yield desk
    desk.database.close()


@pytest.fixture
async def urgent(desk: Desk) -> Desk:
    """A draft with a critical finding."""
    document = {**(await desk.analyses.get(MINE, "a1")).document, "critical": [CRITICAL]}
    desk.database.transact_now(lambda s: s.execute(update(AnalysisRow).values(document=document)))
    return desk


def told(desk: Desk, **changes: object) -> Communication:
    act = Communication(
        "f1",
        "pneumothorax",
        Telling.COMMUNICATED,
        Role.ATTENDING,
        "Dr. Okafor",
        "Dr. Lee",
        desk.clock.now(),
        Channel.PHONE,
    )
    return replace(act, **changes)  # type: ignore[arg-type]


async def add(desk: Desk, act: Communication) -> None:
    await Communications(desk.audit, desk.clock).add(MINE, "a1", act)
    await desk.signing.settle("a1")


async def signed(desk: Desk) -> None:
    await desk.signing.review(MINE, "a1", Review(Action.SIGN))


async def delivered(desk: Desk) -> None:
    asked = await desk.ask(Effect.DELIVER)
    await desk.signing.decide(MINE, asked.approval_id, Decision.APPROVED, "")


async def addendum(desk: Desk, words: str = "Compared with 2024: no change.") -> None:
    await desk.signing.settle("a1")
    await Addenda(desk.audit, desk.analyses, desk.clock).add(MINE, "a1", words, "Dr. Lee")
    await desk.signing.settle("a1")


@pytest.mark.parametrize("way", ["own signature", "approval"])
async def test_nothing_is_signed_while_a_critical_finding_is_not_told(urgent: Desk, way: str) -> None:
    async def sign() -> None:
        if way == "approval":
            asked = await urgent.ask()
            await urgent.signing.decide(MINE, asked.approval_id, Decision.APPROVED, "")
        else:
            await signed(urgent)

    with pytest.raises(CriticalUntold, match="pneumothorax") as refused:
        await sign()
    assert "as the attending" in refused.value.remedy
    await add(urgent, told(urgent, kind=Telling.ACKNOWLEDGED, role=Role.READER))
    with pytest.raises(CriticalUntold):
        await sign()
    await add(urgent, told(urgent))
    await sign()
    assert await urgent.status() == "signed"
    record = await urgent.analyses.get(MINE, "a1")
    assert [(c["kind"], c["told_to"], c["by"]) for c in record.document["communications"]] == [
        ("acknowledged", "Dr. Lee", "reader"),
        ("communicated", "Dr. Lee", "reader"),
    ]
    with pytest.raises(TransitionRefused) as late:
        await add(urgent, told(urgent))
    assert late.value.remedy == "Write an addendum."


async def test_the_attending_may_dismiss_what_is_not_there(urgent: Desk) -> None:
    with pytest.raises(ReviewRefused, match="why it is not critical"):
        await add(urgent, told(urgent, kind=Telling.DISMISSED))
    await add(urgent, told(urgent, kind=Telling.DISMISSED, comment="A skin fold."))
    await signed(urgent)
    assert await urgent.status() == "signed"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"role": Role.READER}, "Only the attending"),
        ({"attending": ""}, "who the attending is"),
        ({"told_to": "", "channel": None}, "who was told and how"),
        ({"told_at": None}, "does not say when"),
        ({"rule": "hernia"}, "no such critical finding"),
    ],
    ids=["reader", "nameless", "told nobody", "no time", "another rule"],
)
async def test_an_act_that_says_too_little_settles_nothing(urgent: Desk, changes: dict[str, object], why: str) -> None:
    before = await urgent.analyses.get(MINE, "a1")
    with pytest.raises(ReviewRefused, match=why):
        await add(urgent, told(urgent, **changes))
    assert await urgent.analyses.get(MINE, "a1") == before
    assert urgent.events()[-1] == ("reader", "analysis.critical.communicated", "a1", "refused")


async def test_what_was_told_lies_in_the_past(urgent: Desk) -> None:
    with pytest.raises(ReviewRefused, match="not come yet"):
        await add(urgent, told(urgent, told_at=urgent.clock.now() + timedelta(hours=1)))


async def test_an_act_on_what_changed_meanwhile_is_refused(urgent: Desk) -> None:
    read = await urgent.analyses.get(MINE, "a1")
    await urgent.signing.review(MINE, "a1", Review(Action.START))
    with pytest.raises(Conflict, match="changed in the meantime"):
        await Communications(urgent.audit, urgent.clock).add(MINE, "a1", told(urgent), expected=read.version)


async def test_another_patients_work_tells_asks_and_adds_nothing(urgent: Desk) -> None:
    with pytest.raises(PatientLockViolation):
        await Communications(urgent.audit, urgent.clock).add(THEIRS, "a1", told(urgent))
    with pytest.raises(PatientLockViolation):
        await Opinions(urgent.audit, urgent.clock).ask(THEIRS, "a1", OpinionKind.SECOND, asked_of="", question="")
    with pytest.raises(PatientLockViolation):
        await Addenda(urgent.audit, urgent.analyses, urgent.clock).add(THEIRS, "a1", "x", "y")
    with pytest.raises(PatientLockViolation):
        await ReviewHistory(urgent.audit, urgent.clock).of_analysis(THEIRS, "a1")


async def test_an_opinion_is_answered_once_and_stays_out_of_the_report(desk: Desk) -> None:
    opinions = Opinions(desk.audit, desk.clock)
    before = await desk.analyses.get(MINE, "a1")
    asked = await opinions.ask(MINE, "a1", OpinionKind.SECOND, asked_of="Dr. Lee", question="Is that a nodule?")
    with pytest.raises(ReviewRefused, match="says with what"):
        await opinions.answer(MINE, "a1", asked.opinion_id, Agreement.MAJOR, comment="", answered_as="Dr. Lee")
    with pytest.raises(OpinionNotFound):
        await opinions.answer(MINE, "a1", "nothing", Agreement.AGREE, comment="", answered_as="Dr. Lee")
    done = await opinions.answer(MINE, "a1", asked.opinion_id, Agreement.MINOR, comment="A vessel.", answered_as="Lee")
    assert (done.agreement, done.comment, done.answered_by) == (Agreement.MINOR, "A vessel.", "reader")
    with pytest.raises(Conflict, match="answered before"):
        await opinions.answer(MINE, "a1", asked.opinion_id, Agreement.AGREE, comment="", answered_as="Lee")
    assert await desk.analyses.get(MINE, "a1") == before, "quality work is not part of the report"
    history = await ReviewHistory(desk.audit, desk.clock).of_analysis(MINE, "a1")
    assert history.opinions == (done,)
    assert ("reader", "opinion.answer", asked.opinion_id, "ok") in desk.events()


async def test_a_second_opinion_comes_before_the_signature_and_a_peer_review_any_time(desk: Desk) -> None:
    await signed(desk)
    opinions = Opinions(desk.audit, desk.clock)
    with pytest.raises(TransitionRefused) as refused:
        await opinions.ask(MINE, "a1", OpinionKind.SECOND, asked_of="", question="")
    assert refused.value.remedy == "Ask for a peer review."
    await opinions.ask(MINE, "a1", OpinionKind.PEER, asked_of="", question="")


async def test_only_what_is_signed_gets_an_addendum(desk: Desk) -> None:
    with pytest.raises(TransitionRefused, match="is draft") as refused:
        await addendum(desk)
    assert "Sign it first" in refused.value.remedy


async def test_an_addendum_is_in_every_file_and_seals_what_was_before(desk: Desk) -> None:
    await signed(desk)
    before = await desk.analyses.get(MINE, "a1")
    await addendum(desk, "No change.\n## Findings\nnone")
    await addendum(desk, "A second one.")
    record = await desk.analyses.get(MINE, "a1")
    first, second = record.document["addenda"]
    assert (first["number"], first["author"], first["signed_by"]) == (1, "Dr. Lee", "reader")
    assert first["seal"] == sha256(json_bytes(before.document)).hexdigest() != second["seal"]
    assert (desk.place() / REPORT).read_bytes() == json_bytes(record.document)
    markdown = (desk.place() / TEXT).read_text()
    assert markdown.count("## Addenda\n") == 1
    assert markdown.index("Addendum 2, signed by Dr. Lee") < markdown.index("## Examination")
    assert [li for li in markdown.splitlines() if li.startswith("## Findings")] == ["## Findings"]
    pages = "".join(page.extract_text() for page in PdfReader(desk.place() / PAGES).pages)
    assert "A second one." in pages
    assert "SIGNED BY reader" in pages
    await delivered(desk)
    assert await desk.status() == "delivered"


async def test_an_addendum_after_delivery_is_delivered_by_a_new_request(desk: Desk) -> None:
    await signed(desk)
    first = await desk.ask(Effect.DELIVER)
    await desk.signing.decide(MINE, first.approval_id, Decision.APPROVED, "")
    desk.clock.move(minutes=5)
    await addendum(desk)
    with pytest.raises(TransitionRefused, match="came after this approval"):
        await desk.signing.decide(MINE, first.approval_id, Decision.APPROVED, "")
    there = desk.folder / "delivered" / STUDY
    assert sorted(p.name for p in there.iterdir()) == ["a1"]
    desk.clock.move(minutes=5)
    await delivered(desk)
    assert sorted(p.name for p in there.iterdir()) == ["a1", "a1.addendum-1"]
    assert "Addendum 1" in (there / "a1.addendum-1" / TEXT).read_text()
    assert "Addendum 1" not in (there / "a1" / TEXT).read_text(), "what was sent stays as it was sent"
    with pytest.raises(TransitionRefused):
        await desk.ask(Effect.DELIVER)


async def test_nothing_is_added_to_files_that_are_not_what_was_signed(desk: Desk) -> None:
    await signed(desk)
    (desk.place() / PAGES).write_bytes(b"another")
    with pytest.raises(SignatureBroken):
        await addendum(desk)
    assert "addenda" not in (await desk.analyses.get(MINE, "a1")).document


@pytest.mark.parametrize("verb", ["UPDATE addenda SET text = 'x'", "DELETE FROM addenda", "DELETE FROM communications"])
async def test_what_was_signed_is_append_only(urgent: Desk, verb: str) -> None:
    await add(urgent, told(urgent))
    await signed(urgent)
    await addendum(urgent)
    with pytest.raises(DBAPIError, match="append-only"):
        urgent.database.transact_now(lambda s: s.execute(text(verb)))


async def test_a_changed_addendum_is_found(desk: Desk) -> None:
    await signed(desk)
    await addendum(desk)
    document = (await desk.analyses.get(MINE, "a1")).document
    forged = {**document, "addenda": [{**document["addenda"][0], "text": "Normal."}]}
    desk.database.transact_now(lambda s: s.execute(update(AnalysisRow).values(document=forged)))
    with pytest.raises(SignatureBroken, match="not what was signed"):
        await ReviewHistory(desk.audit, desk.clock).of_analysis(MINE, "a1")


async def test_the_history_says_who_brought_it_where(desk: Desk) -> None:
    await desk.signing.review(MINE, "a1", Review(Action.START))
    await desk.signing.review(MINE, "a1", Review(Action.EDIT, "", {"f1": "Liver: small."}))
    await signed(desk)
    await delivered(desk)
    history = await ReviewHistory(desk.audit, desk.clock).of_analysis(MINE, "a1")
    assert [(r.status.value, r.by) for r in history.transitions] == [
        ("draft", ""),
        ("in_review", "reader"),
        ("signed", "reader"),
        ("delivered", "reader"),
    ]
    assert [a.action.value for a in history.acts] == ["start", "edit", "sign"]
    assert [a.effect.value for a in history.approvals] == ["sign", "deliver"]
    assert history.status.value == "delivered"
    assert history.version == (await desk.analyses.get(MINE, "a1")).version
