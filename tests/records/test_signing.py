"""From the draft to the delivered folder: only by a person's approval, and only what was signed."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from domain.access import AccessContext
from domain.analysis import TRANSITIONS, UNREVIEWED, Analysis, Status
from domain.approval import Approval, Decision, Effect
from domain.errors import (
    ApprovalDecided,
    MedImageError,
    PatientLockViolation,
    ReviewRefused,
    SignatureBroken,
    TransitionRefused,
)
from domain.review import Action, Review
from domain.study import Order, Patient, Study
from records.signed_files import MANIFEST, PAGES, REPORT, TEXT
from records.tables import AnalysisRow
from tests.records.drafts import MINE, STUDY, THEIRS, Desk, desk_with_draft, drafted

START = Review(Action.START)
EDIT = Review(Action.START, "checked by hand", {"f1": "Liver: not enlarged."})


@pytest.fixture
async def desk(tmp_path: Path, database_url: str) -> AsyncIterator[Desk]:
    desk = await desk_with_draft(tmp_path, database_url)
    yield desk
    desk.database.close()


@pytest.fixture
async def partial(tmp_path: Path, database_url: str) -> AsyncIterator[Desk]:
    desk = await desk_with_draft(tmp_path, database_url, status=Status.PARTIAL)
    yield desk
    desk.database.close()


async def approve(desk: Desk, effect: Effect = Effect.SIGN) -> Approval:
    asked = await desk.ask(effect)
    return await desk.signing.decide(MINE, asked.approval_id, Decision.APPROVED, "")


def written(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / REPORT).read_text())
    return document


async def test_an_approval_signs_record_and_files(desk: Desk) -> None:
    before = {p.name: p.read_bytes() for p in desk.place().iterdir()}
    approval = await approve(desk)
    document = (await desk.analyses.get(MINE, "a1")).document
    assert (document["status"], document["signed_by"]) == ("signed", "reader")
    assert document["signed_at"] == desk.clock.now().isoformat()
    assert document["approval_id"] == approval.approval_id
    assert written(desk.place()) == document
    assert "SIGNED BY reader" in (desk.place() / TEXT).read_text()
    after = {p.name: p.read_bytes() for p in desk.place().iterdir()}
    changed = {n for n in after if after[n] != before.get(n)}
    assert changed == {REPORT, TEXT, PAGES}, "objects stay as the run wrote them"
    assert after.keys() == before.keys()
    assert document["signed_files"] == {n: sha256(c).hexdigest() for n, c in after.items() if n != REPORT}
    assert desk.events()[-2:] == [
        ("reader", "analysis.signed", "a1", "ok"),
        ("reader", "approval.approved", approval.approval_id, "ok"),
    ]


@pytest.mark.parametrize("word", [Decision.PENDING, Decision.EXPIRED], ids=lambda d: d.value)
async def test_what_is_no_decision_signs_nothing(desk: Desk, word: Decision) -> None:
    asked = await desk.ask()
    with pytest.raises(ApprovalDecided, match="no decision"):
        await desk.signing.decide(MINE, asked.approval_id, word, "")
    assert await desk.status() == "draft"


async def test_a_denial_changes_nothing(desk: Desk) -> None:
    before = {p.name: p.read_bytes() for p in desk.place().iterdir()}
    asked = await desk.ask()
    denied = await desk.signing.decide(MINE, asked.approval_id, Decision.DENIED, "the liver is wrong")
    assert denied.decision is Decision.DENIED
    assert await desk.status() == "draft"
    assert {p.name: p.read_bytes() for p in desk.place().iterdir()} == before


async def test_a_partial_result_is_signed_only_after_review(partial: Desk) -> None:
    desk = partial
    asked = await desk.ask()
    with pytest.raises(TransitionRefused, match="take it into review"):
        await desk.signing.decide(MINE, asked.approval_id, Decision.APPROVED, "")
    assert (await desk.approvals.get(MINE, asked.approval_id)).decision is Decision.PENDING, "nothing was decided"
    assert ("reader", "approval.approved", asked.approval_id, "refused") in desk.events()
    await desk.signing.review(MINE, "a1", START)
    back = await desk.signing.review(MINE, "a1", Review(Action.RETURN, "look again"))
    assert back.status == "partial", "given back, it is as incomplete as before"
    await desk.signing.review(MINE, "a1", START)
    await desk.signing.decide(MINE, asked.approval_id, Decision.APPROVED, "")
    assert await desk.status() == "signed"


async def test_reviews_are_kept_with_who_and_when(desk: Desk) -> None:
    await desk.signing.review(MINE, "a1", EDIT)
    assert "IN REVIEW, NOT SIGNED" in (desk.place() / TEXT).read_text()
    desk.clock.move(minutes=5)
    record = await desk.signing.review(MINE, "a1", Review(Action.REJECT, "wrong patient position"))
    first, second = record.document["reviews"]
    assert first == {
        "action": "start",
        "by": "reader",
        "at": "2026-04-01T08:00:00+00:00",
        "reason": "checked by hand",
        "from": "draft",
        "to": "in_review",
        "edited": ["f1"],
    }
    assert (second["to"], second["at"]) == ("rejected", "2026-04-01T08:05:00+00:00")
    assert record.document["findings"][0]["text"] == "Liver: not enlarged."
    assert written(desk.place()) == record.document
    assert "DO NOT USE" in (desk.place() / TEXT).read_text()
    assert [e[1] for e in desk.events()][-2:] == ["analysis.review.start", "analysis.review.reject"]
    with pytest.raises(TransitionRefused):
        await desk.ask()


@pytest.mark.parametrize("action", [Action.RETURN, Action.REJECT, Action.SIGN], ids=lambda a: a.value)
async def test_corrections_come_with_start_and_edit_only(desk: Desk, action: Action) -> None:
    await desk.signing.review(MINE, "a1", START)
    with pytest.raises(ReviewRefused, match="Corrections come with start or edit"):
        await desk.signing.review(MINE, "a1", Review(action, "x", {"f1": "y"}))
    with pytest.raises(ReviewRefused, match="nothing to correct"):
        await desk.signing.review(MINE, "a1", Review(Action.EDIT))
    assert await desk.status() == "in_review"


async def test_what_is_in_review_is_corrected_as_often_as_needed(desk: Desk) -> None:
    edit = Review(Action.EDIT, "", {"f1": "Liver: small."})
    with pytest.raises(TransitionRefused, match="start the review"):
        await desk.signing.review(MINE, "a1", edit)
    await desk.signing.review(MINE, "a1", START)
    await desk.signing.review(MINE, "a1", edit)
    record = await desk.signing.review(MINE, "a1", Review(Action.EDIT, "", {"f1": "Liver: not enlarged."}))
    (finding,) = record.document["findings"]
    assert (record.status, finding["text"]) == ("in_review", "Liver: not enlarged.")
    assert finding["drafted"] == "Liver: volume 70.4 mL (series-1)."
    assert [r["edited"] for r in record.document["reviews"]] == [[], ["f1"], ["f1"]]
    text = (desk.place() / TEXT).read_text()
    assert ("Liver: not enlarged." in text, "small" in text) == (True, False)


async def test_a_persons_own_signature_is_an_approval_on_record(desk: Desk) -> None:
    pending = await desk.ask()
    record = await desk.signing.review(MINE, "a1", Review(Action.SIGN, "as drafted"))
    assert (record.status, record.document["signed_by"]) == ("signed", "reader")
    (approval,) = await desk.approvals.of_study(MINE, STUDY)
    assert approval.approval_id == pending.approval_id == record.document["approval_id"], "what a tool asked is decided"
    assert (approval.decision, approval.decided_by, approval.reason) == (Decision.APPROVED, "reader", "as drafted")
    assert [e[1] for e in desk.events()][-2:] == ["analysis.signed", "approval.approved"]
    with pytest.raises(TransitionRefused, match="is signed cannot become signed"):
        await desk.signing.review(MINE, "a1", Review(Action.SIGN))


async def test_a_partial_result_is_not_signed_by_its_reviewer_before_review(partial: Desk) -> None:
    desk = partial
    with pytest.raises(TransitionRefused, match="take it into review first"):
        await desk.signing.review(MINE, "a1", Review(Action.SIGN))
    assert await desk.approvals.of_study(MINE, STUDY) == ()
    await desk.signing.review(MINE, "a1", START)
    assert (await desk.signing.review(MINE, "a1", Review(Action.SIGN))).status == "signed"


@pytest.mark.parametrize("effect", list(Effect), ids=lambda e: e.value)
async def test_the_same_decision_sent_again_counts_once(desk: Desk, effect: Effect) -> None:
    if effect is Effect.DELIVER:
        await approve(desk)
    first = await approve(desk, effect)
    record = await desk.analyses.get(MINE, "a1")
    desk.clock.move(hours=30)
    again = await desk.signing.decide(MINE, first.approval_id, Decision.APPROVED, "another reason")
    assert again == first
    assert await desk.analyses.get(MINE, "a1") == record
    with pytest.raises(ApprovalDecided):
        await desk.signing.decide(MINE, first.approval_id, Decision.DENIED, "")
    with pytest.raises(ApprovalDecided):
        await desk.signing.decide(AccessContext("another", "|P-1"), first.approval_id, Decision.APPROVED, "")


async def test_a_denial_sent_again_still_does_nothing(desk: Desk) -> None:
    asked = await desk.ask()
    first = await desk.signing.decide(MINE, asked.approval_id, Decision.DENIED, "no")
    assert await desk.signing.decide(MINE, asked.approval_id, Decision.DENIED, "") == first
    assert await desk.status() == "draft"


async def test_a_delivery_that_stopped_half_way_is_finished_by_the_same_decision(desk: Desk) -> None:
    await approve(desk)
    pdf = desk.place() / "report.pdf"
    kept = pdf.read_bytes()
    pdf.write_bytes(b"damaged")
    asked = await desk.ask(Effect.DELIVER)
    with pytest.raises(SignatureBroken, match=r"report\.pdf"):
        await desk.signing.decide(MINE, asked.approval_id, Decision.APPROVED, "")
    pdf.write_bytes(kept)
    await desk.signing.decide(MINE, asked.approval_id, Decision.APPROVED, "")
    assert await desk.status() == "delivered"
    assert (desk.folder / "delivered" / STUDY / "a1" / "report.pdf").read_bytes() == kept


async def test_a_delivery_sent_twice_at_once_is_one(desk: Desk) -> None:
    await approve(desk)
    asked = await desk.ask(Effect.DELIVER)
    both = await asyncio.gather(
        *(desk.signing.decide(MINE, asked.approval_id, Decision.APPROVED, "") for _ in range(4))
    )
    assert len(set(map(repr, both))) == 1
    assert await desk.status() == "delivered"
    assert sorted(p.name for p in (desk.folder / "delivered" / STUDY).iterdir()) == ["a1"]


@pytest.mark.parametrize("status", ["signed", "in review"])
async def test_files_that_an_ended_process_left_behind_follow_the_record(desk: Desk, status: str) -> None:
    draft = {name: (desk.place() / name).read_bytes() for name in (REPORT, TEXT)}
    await (approve(desk) if status == "signed" else desk.signing.review(MINE, "a1", EDIT))
    settled = {p.name: p.read_bytes() for p in desk.place().iterdir()}
    for name, content in draft.items():
        (desk.place() / name).write_bytes(content)
    await desk.signing.settle("a1")
    assert {p.name: p.read_bytes() for p in desk.place().iterdir()} == settled
    kept = {p.name: p.stat().st_mtime_ns for p in desk.place().iterdir()}
    await desk.signing.settle("a1")
    assert {p.name: p.stat().st_mtime_ns for p in desk.place().iterdir()} == kept, "nothing is written twice"


async def test_a_draft_that_nobody_reviewed_stays_as_its_run_wrote_it(desk: Desk) -> None:
    (desk.place() / TEXT).write_text("# As it was\n")
    await desk.signing.settle("a1")
    await desk.signing.settle("a9")
    assert (desk.place() / TEXT).read_text() == "# As it was\n"


async def test_another_patients_work_reviews_and_decides_nothing(desk: Desk) -> None:
    asked = await desk.ask()
    with pytest.raises(PatientLockViolation):
        await desk.signing.review(THEIRS, "a1", START)
    with pytest.raises(PatientLockViolation):
        await desk.signing.decide(THEIRS, asked.approval_id, Decision.APPROVED, "")
    assert await desk.status() == "draft"


async def test_delivery_copies_what_was_signed_with_a_manifest(desk: Desk) -> None:
    await approve(desk)
    signed = {p.name: p.read_bytes() for p in desk.place().iterdir()}
    await approve(desk, Effect.DELIVER)
    target = desk.folder / "delivered" / STUDY / "a1"
    manifest = json.loads((target / MANIFEST).read_text())
    delivered = {p.name: p.read_bytes() for p in target.iterdir() if p.name != MANIFEST}
    assert delivered == signed
    assert {f["name"]: (f["sha256"], f["bytes"]) for f in manifest["files"]} == {
        n: (sha256(c).hexdigest(), len(c)) for n, c in signed.items()
    }
    assert (manifest["signed_by"], manifest["delivered_by"], manifest["left_out"]) == ("reader", "reader", [])
    record = await desk.analyses.get(MINE, "a1")
    assert (record.status, record.document["status"]) == ("delivered", "delivered")
    assert record.document["destination"] == "folder"
    assert written(desk.place())["status"] == "signed", "the signed files are not touched again"
    assert sorted(p.name for p in target.parent.iterdir()) == ["a1"], "nothing half-made is left"


async def test_only_a_signed_analysis_is_delivered(desk: Desk) -> None:
    asked = await desk.ask(Effect.DELIVER)
    with pytest.raises(TransitionRefused, match="cannot become delivered"):
        await desk.signing.decide(MINE, asked.approval_id, Decision.APPROVED, "")
    assert not (desk.folder / "delivered").exists()
    await approve(desk)
    await desk.signing.decide(MINE, asked.approval_id, Decision.APPROVED, "")
    assert await desk.status() == "delivered"
    with pytest.raises(TransitionRefused):
        await desk.ask(Effect.DELIVER)


async def test_files_that_say_a_corrected_sentence_are_not_delivered(desk: Desk) -> None:
    await desk.signing.review(MINE, "a1", EDIT)
    await approve(desk)
    await approve(desk, Effect.DELIVER)
    target = desk.folder / "delivered" / STUDY / "a1"
    manifest = json.loads((target / MANIFEST).read_text())
    assert [f["name"] for f in manifest["left_out"]] == ["fhir-bundle.json"]
    there = {p.name for p in target.iterdir()}
    assert "fhir-bundle.json" not in there
    assert "not enlarged" in (target / TEXT).read_text()
    assert any(name.endswith(".seg.dcm") for name in there)


@pytest.mark.parametrize("damage", ["changed", "removed", "added", "text"])
async def test_what_was_changed_after_signing_is_not_delivered(desk: Desk, damage: str) -> None:
    await approve(desk)
    place = desk.place()
    if damage == "changed":
        (place / "report.pdf").write_bytes(b"another report")
    elif damage == "removed":
        next(place.glob("*.seg.dcm")).unlink()
    elif damage == "added":
        (place / "more.dcm").write_bytes(b"slipped in")
    else:
        text = place / TEXT
        text.write_text(text.read_text().replace("implausible", "plausible").replace("Series 4", "Series 5"))
    asked = await desk.ask(Effect.DELIVER)
    with pytest.raises(SignatureBroken):
        await desk.signing.decide(MINE, asked.approval_id, Decision.APPROVED, "")
    assert await desk.status() == "signed"
    assert not (desk.folder / "delivered" / STUDY / "a1").exists()


async def test_a_process_that_ended_before_its_files_were_written_is_made_good(desk: Desk) -> None:
    draft = {name: (desk.place() / name).read_bytes() for name in (REPORT, TEXT)}
    await approve(desk)
    for name, content in draft.items():
        (desk.place() / name).write_bytes(content)  # as if it had ended between record and files
    await approve(desk, Effect.DELIVER)
    target = desk.folder / "delivered" / STUDY / "a1"
    assert written(target)["status"] == "signed"
    assert "SIGNED BY reader" in (target / TEXT).read_text()


async def test_a_delivery_that_was_copied_but_not_recorded_is_made_good(desk: Desk) -> None:
    await approve(desk)
    await approve(desk, Effect.DELIVER)
    target = desk.folder / "delivered" / STUDY / "a1"
    manifest = (target / MANIFEST).read_bytes()
    before = {"status": "signed", "document": written(desk.place())}
    desk.database.transact_now(lambda s: s.execute(update(AnalysisRow).values(**before)))
    await approve(desk, Effect.DELIVER)
    assert (await desk.status(), (target / MANIFEST).read_bytes()) == ("delivered", manifest)


@pytest.mark.parametrize("name", [MANIFEST, "report.pdf"])
async def test_other_files_where_it_is_delivered_are_not_taken_for_it(desk: Desk, name: str) -> None:
    await approve(desk)
    target = desk.folder / "delivered" / STUDY / "a1"
    shutil.copytree(desk.place(), target)
    (target / name).write_bytes(b"another") if name != MANIFEST else None
    with pytest.raises(SignatureBroken, match="Other files lie"):
        await approve(desk, Effect.DELIVER)
    assert await desk.status() == "signed"


async def test_a_run_claims_no_signature_and_replaces_no_reviewed_analysis(desk: Desk) -> None:
    for status in (Status.SIGNED, Status.DELIVERED, Status.IN_REVIEW):
        claimed = drafted(desk.place(f"b-{status.value}"), f"b-{status.value}", status)
        with pytest.raises(TransitionRefused, match="drafts only"):
            await desk.analyses.put(MINE, claimed)
    await approve(desk)
    with pytest.raises(TransitionRefused, match="drafts only"):
        await desk.analyses.put(MINE, drafted(desk.place()))
    assert await desk.status() == "signed"


async def test_approving_and_denying_at_once_leaves_files_and_record_agreed(desk: Desk) -> None:
    asked = await desk.ask()
    done = await asyncio.gather(
        *(desk.signing.decide(MINE, asked.approval_id, d, "") for d in (Decision.APPROVED, Decision.DENIED)),
        return_exceptions=True,
    )
    assert sum(isinstance(d, ApprovalDecided) for d in done) == 1
    decided = (await desk.approvals.get(MINE, asked.approval_id)).decision
    expected = "signed" if decided is Decision.APPROVED else "draft"
    assert (await desk.status(), written(desk.place())["status"]) == (expected, expected)


Act = tuple[str, Any]
YES_SIGN, YES_DELIVER = ("approve", Effect.SIGN), ("approve", Effect.DELIVER)
STARTED, RETURNED, SIGNED = ("review", Action.START), ("review", Action.RETURN), ("review", Action.SIGN)
SELDOM: list[Act] = [
    ("review", Action.REJECT),
    ("review", Action.EDIT),
    ("wait", 25),
    ("ask", Effect.SIGN),
    ("ask", Effect.DELIVER),
    *(("decide", d) for d in Decision),
    *(("run", s) for s in (Status.DRAFT, Status.SIGNED, Status.DELIVERED, Status.IN_REVIEW)),
]
ACTS = st.sampled_from([YES_SIGN, SIGNED, YES_DELIVER, YES_DELIVER, STARTED, STARTED, RETURNED, *SELDOM])
"""Approved more often than anything else, or most sequences would get nowhere."""


@given(acts=st.lists(ACTS, min_size=3, max_size=8), first=st.sampled_from([Status.DRAFT, Status.PARTIAL]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_sequence_reaches_signed_without_a_persons_approval(
    migrated_sqlite: Path, acts: list[Act], first: Status
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(migrated_sqlite, Path(folder) / "records.db")
        asyncio.run(_play(Path(folder), acts, first))


async def _play(folder: Path, acts: list[Act], first: Status) -> None:
    desk, said = Desk(folder, f"sqlite:///{folder / 'records.db'}"), set[Effect]()
    await desk.study()
    desk.place().mkdir(parents=True)
    await _run(desk, first)
    for kind, value in acts:
        before = await desk.status()
        try:
            await _act(desk, kind, first if kind == "run" and value in UNREVIEWED else value, said)
        except MedImageError:
            assert await desk.status() == before, "what is refused changes nothing"
        after = await desk.status()
        assert after == before or Status(after) in TRANSITIONS[Status(before)]
        await _check(desk, first, said)
    desk.database.close()


async def _act(desk: Desk, kind: str, value: Any, said: set[Effect]) -> None:
    """One act of a tool, a person or a run; `said` gathers what the person said yes to."""
    desk.clock.move(seconds=1)
    if kind == "ask":
        await desk.ask(value)
    elif kind == "approve":
        asked = await desk.ask(value)
        said.add(value)
        await desk.signing.decide(MINE, asked.approval_id, Decision.APPROVED, "")
    elif kind == "decide":
        for asked in (await desk.approvals.of_study(MINE, STUDY))[:1]:
            said |= {asked.effect} if value is Decision.APPROVED else set()
            await desk.signing.decide(MINE, asked.approval_id, value, "")
    elif kind == "review":
        said |= {Effect.SIGN} if value is Action.SIGN else set()
        summary = "Corrected." if value is Action.EDIT else None
        await desk.signing.review(MINE, "a1", Review(value, "why", summary=summary))
    elif kind == "wait":
        desk.clock.move(hours=value)
    else:
        await _run(desk, value)


async def _run(desk: Desk, status: Status) -> None:
    """What a run leaves, whatever it claims to be."""
    facts: dict[str, object] = {"analysis_id": "a1", "study_uid": STUDY, "status": status.value, "findings": []}
    (desk.place() / REPORT).write_text(json.dumps(facts))
    study = Study(STUDY, Patient("P-1"), ())
    await desk.analyses.put(MINE, Analysis("a1", study, Order(), status, desk.clock.now()))


async def _check(desk: Desk, first: Status, said: set[Effect]) -> None:
    record = await desk.analyses.get(MINE, "a1")
    if record.status in {"signed", "delivered"}:
        reviewed = any(r["action"] == "start" for r in record.document.get("reviews", ()))
        assert Effect.SIGN in said
        assert reviewed or first is Status.DRAFT
        assert record.document["signed_by"] == MINE.user
    assert (record.status == "delivered") is (desk.folder / "delivered" / STUDY / "a1" / MANIFEST).exists()
    assert record.status != "delivered" or Effect.DELIVER in said
    assert record.document["status"] == record.status
