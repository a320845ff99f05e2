"""A tumour board over a record that contradicts itself: every claim has a source, people are heard, stop stops."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from agents.board.case import Case, read_case
from agents.board.claims import supported
from agents.board.imaging import COMPARED, USUAL
from agents.board.pathology import ON_SLIDES
from agents.board.registry import ROWS
from domain.access import AccessContext
from domain.board import AuthorKind, BoardMessage, Claim, Source
from domain.errors import HistoryUnavailable, ModelUnreachable
from domain.history import HistoryDocument
from prompts.library import names
from tests.agents.board_room import ACCESS, QUESTION, SHORT, Record, Room, notes_of, person, study

WHOLE = ["history", "pathology", "chair", "imaging", "guidelines", "report"]


@pytest.fixture(scope="module")
def notes(data: Path) -> tuple[HistoryDocument, ...]:
    """Sixteen notes of a synthetic patient."""
    return notes_of(data)


async def test_every_claim_has_a_source_that_exists(notes: tuple[HistoryDocument, ...]) -> None:
    room = Room(notes)
    said = await room.run()
    assert room.order == WHOLE
    texts = {n.document_id: n.text for n in notes}
    cited = set()
    for claim in (c for m in said for c in m.claims):
        assert claim.sources, claim.text
        for source in claim.sources:
            assert source.kind in {"document", "step", "guidance", "board"}
            if source.kind == "document":
                assert source.quote in texts[source.reference]
                cited.add(source.reference)
    assert all(m.kind is AuthorKind.AGENT for m in said)
    assert len(cited) >= 8, "most of the record's notes are read"
    measured, noted = said[3].claims
    assert measured.text == "Study 1: Lung tumor: longest diameter 36 mm (series-1)."
    assert measured.sources == (Source("step", "a1/s2"), Source("step", "a1/s3"))
    assert noted.sources == (Source("step", "a1/s3"),), "no amount: what wrote it, and no step that failed"


async def test_known_contradictions_are_named_with_both_sources(notes: tuple[HistoryDocument, ...]) -> None:
    room = Room(notes)
    said = await room.run()
    claims = {c.text.split(" (")[0].removeprefix("The sources disagree on "): c for c in said[2].claims}
    assert {"primary cancer", "stage group", "SUV max of lingula lesion", "hiatal hernia", "date of CT"} <= set(claims)
    stage = claims["stage group"]
    assert "“IV”" in stage.text
    assert "“II”" in stage.text
    quotes = " ".join(s.quote for s in stage.sources)
    assert "stage II" in quotes.replace("Stage", "stage")
    assert len({s.reference for s in stage.sources}) > 1
    assert all(len({(s.reference, s.quote) for s in c.sources}) > 1 for c in claims.values())


async def test_the_report_gathers_the_case_and_recommends_nothing(notes: tuple[HistoryDocument, ...]) -> None:
    room = Room(notes)
    await room.run()
    report = room.said[-1]
    headings = [c.text.split(":")[0] for c in report.claims]
    assert headings[:4] == ["Course", "Pathology", "Imaging", "Contradictions"]
    assert "Open: which stage group holds: IV, II, IVA?" in report.text
    assert "KRAS: positive, G12C" in report.text
    assert "36 mm" in report.text
    assert "poorly seen" not in report.text, "remarks stand with the imaging"
    for word in ("recommended", "considered", "advised", "adagrasib"):
        assert word not in report.text, "what was only thought of or planned is not repeated as the case"


async def test_what_the_record_disputes_is_not_settled_by_the_newest_note(notes: tuple[HistoryDocument, ...]) -> None:
    room = Room(notes)
    await room.run()
    assert "primary cancer: breast" in room.by("pathology")
    assert "primary cancer: lung, left" in room.by("pathology")
    assert "contradicts itself" in room.by("pathology")


async def test_an_order_in_a_note_changes_nothing() -> None:
    room = Room()
    await room.run()
    assert "EGFR" in room.by("chair")
    assert room.order == WHOLE
    assert room.imaging.asked == [("1.2.3", QUESTION)]


async def test_a_claim_without_an_existing_source_cannot_be_said() -> None:
    room = Room()
    case: Case = await read_case(room.session.board, ACCESS, Record(SHORT))
    case.people.append(person("hm"))
    good = Source("document", "d1", "EGFR negative.")
    bad = (
        Source("document", "d1", "EGFR positive."),
        Source("document", "d1", ""),
        Source("document", "d9", "EGFR negative."),
        Source("study", "9.9"),
        Source("step", "a1"),
        Source("person", "p9"),
        Source("guidance", ""),
        Source("rumour", "x"),
    )
    assert supported([Claim("a", ()), *(Claim("b", (s,)) for s in bad)], case) == []
    assert supported([Claim("c", (*bad, good))], case) == [Claim("c", (good,))]
    real = (Source("study", "1.2.3"), Source("person", "p1"), Source("step", "a1/s1"))
    assert supported([Claim("d", real)], case) == [Claim("d", real)]


async def test_who_is_asked_between_the_turns_answers_next() -> None:
    room = Room()
    await room.run(room.once("history", "@pathology what did the biopsy show?", "@imaging how large is the heart?"))
    assert room.order[:3] == ["history", "pathology", "imaging"]
    assert [m.author for m in room.replies("p1")] == ["pathology"]
    assert "Adenocarcinoma" in room.replies("p1")[0].text
    assert [m.author for m in room.replies("p2")] == ["imaging"]
    assert room.imaging.asked[0] == ("1.2.3", "how large is the heart?")
    assert [a for a in room.order[3:] if a != "chair"] == ["pathology", "imaging", "guidelines", "report"]


async def test_a_remark_to_nobody_makes_the_chair_plan_again() -> None:
    room = Room()
    await room.run(room.once("history", "Please look at the liver as well."))
    assert room.order == ["history", "chair", "imaging", "imaging", "pathology", "chair", "guidelines", "report"]
    plan, answer = room.replies()
    assert (plan.author, plan.claims[0].sources) == ("chair", (Source("person", "p1"),))
    assert answer.author == "imaging"
    assert [q for _, q in room.imaging.asked] == ["Please look at the liver as well.", QUESTION]


@pytest.mark.parametrize(
    ("text", "author", "word"),
    [
        ("Should we give her osimertinib?", "chair", "Treatment is for the people"),
        ("Sign the report and send it to the EHR.", "chair", "No agent of a board signs"),
        ("@surgeon would you operate?", "chair", "@history"),
        ("What did the biopsy show?", "pathology", "Adenocarcinoma"),
        ("What was the EGFR status?", "pathology", "EGFR"),
        ("What does Fleischner say about a solid 7 mm nodule?", "guidelines", "Fleischner"),
    ],
    ids=["treatment", "signing", "nobody of that name", "pathology", "molecular pathology", "guidance"],
)
async def test_who_answers_what_people_say_to_all(text: str, author: str, word: str) -> None:
    room = Room()
    await room.run(room.once("history", text))
    assert room.replies()[-1].author == author
    assert word in room.replies()[-1].text
    assert all("sign" not in q.lower() for _, q in room.imaging.asked)


@pytest.mark.parametrize(
    "text",
    ["Decision: repeat the CT in 6 weeks.", "/decision repeat the CT", "@ben what do you think?"],
    ids=["decision", "slash decision", "between people"],
)
async def test_decisions_and_words_between_people_are_left_alone(text: str) -> None:
    room = Room()
    await room.run(room.once("history", text))
    assert room.order == WHOLE
    assert not room.replies()


async def test_what_people_note_stands_in_the_report_as_theirs() -> None:
    room = Room()
    await room.run(room.once("pathology", "The PET of March is the one that counts."))
    (noted,) = [c for c in room.said[-1].claims if "PET of March" in c.text]
    assert noted == Claim("Open: tester noted: The PET of March is the one that counts.", (Source("person", "p1"),))


async def test_who_is_addressed_before_the_run_answers_alone() -> None:
    room = Room()
    room.inbox.put(person("@imaging how large is the heart?"))

    def also(message: BoardMessage) -> None:
        if message.author == "imaging":
            room.inbox.put(person("What was the EGFR status?", "p2"))

    await room.run(also)
    assert [(m.author, m.reply_to) for m in room.said if m.author != "chair"] == [
        ("imaging", "p1"),
        ("pathology", "p2"),
    ]


async def test_an_unknown_name_before_the_run_starts_nothing_else() -> None:
    room = Room()
    room.inbox.put(person("@surgeon would you operate?"))
    (message,) = await room.run()
    assert "@history" in message.text


async def test_stop_cancels_a_member_at_work_and_keeps_what_was_said() -> None:
    room = Room()
    room.imaging.slow = True

    async def stop() -> None:
        await room.imaging.at_work.wait()
        room.stop.set()

    stopping = asyncio.create_task(stop())
    await asyncio.wait_for(room.run(), 30)
    await stopping
    assert room.imaging.cancelled
    assert room.order == ["history", "pathology", "chair"]


async def test_after_stop_nobody_speaks_even_who_needs_no_time() -> None:
    room = Room()
    await room.run(lambda _: room.stop.set())
    assert room.order == ["history"]


@pytest.mark.parametrize(
    ("failure", "words"),
    [(ModelUnreachable("No model answers."), "could not be read: No model"), (ZeroDivisionError(), "internal error")],
    ids=["known", "unforeseen"],
)
async def test_a_member_that_fails_says_so_and_the_board_goes_on(failure: Exception, words: str) -> None:
    room = Room()
    room.imaging.failure = failure
    await room.run()
    assert room.order == WHOLE
    assert words in room.by("imaging")


@dataclass
class _Closed:
    async def documents(self, access: AccessContext) -> tuple[HistoryDocument, ...]:
        raise HistoryUnavailable("The EHR does not answer.")


async def test_without_its_record_the_board_says_so_and_goes_on() -> None:
    room = Room(record=_Closed())  # type: ignore[arg-type]
    await room.run()
    assert "The EHR does not answer." in room.said[0].text
    assert room.order == ["chair", *[a for a in WHOLE if a != "chair"]]
    assert room.by("history") == "My sources have nothing to this."


async def test_a_question_that_is_not_about_images_gets_the_usual_protocol() -> None:
    room = Room(question="Operate or wait?")
    await room.run()
    assert room.imaging.asked == [("1.2.3", USUAL)]


async def test_the_newest_of_two_studies_is_compared_and_slides_are_for_pathology() -> None:
    studies = [study("1", "CT", 3), study("2", "CT", 20), study("3", "SM", 5), study("4", "MR", 6)]
    room = Room(studies=studies, uids=("1", "2", "3", "4", "5"))
    await room.run()
    asked = [("3", ON_SLIDES), ("1", QUESTION), ("2", QUESTION + COMPARED), ("4", QUESTION), ("5", QUESTION)]
    assert room.imaging.asked == asked
    assert "Study 3 (SM, 2024-01-05): Lung tumor" in room.by("pathology")
    assert "Study 2 (CT, 2024-01-20): Lung tumor" in room.by("imaging")
    assert "Study 5: Lung tumor" in room.by("imaging")


def test_each_member_has_its_instructions() -> None:
    assert {f"board/{name}" for name in ROWS} | {"board/chair"} == {n for n in names() if n.startswith("board/")}
    assert all(row.instructions for row in ROWS.values())
