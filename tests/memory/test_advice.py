from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from domain.model import Window
from domain.study import Patient
from memory.advice import Advice, advise, advise_or_go_on
from memory.feedback import FeedbackMemory
from memory.intake import admit
from memory.pseudonym import Pseudonyms
from memory.record import UNKNOWN, Feedback, FeedbackKind, Origin, Setting, Submission

DEFAULT, BETTER = Setting("liver tumor"), Setting("hepatic mass")
NORTH, SOUTH = Origin("north", "Siemens", "Force"), Origin("south", "GE", "Revolution")


@pytest.fixture
def said(submission: Callable[..., Submission], pseudonyms: Pseudonyms) -> Callable[..., list[Feedback]]:
    """`count` patients' feedback of a kind; `start` numbers the patients."""

    def make(count: int, start: int = 0, **changes: object) -> list[Feedback]:
        return [
            admit(submission(analysis_id=f"a{n}", **changes), Patient(f"p{n}"), f"1.2.{n}", pseudonyms)
            for n in range(start, start + count)
        ]

    return make


def told(evidence: list[Feedback], origin: Origin = UNKNOWN) -> Advice | None:
    return advise(evidence, "liver tumor", DEFAULT, origin)


Said = Callable[..., list[Feedback]]


def test_enough_patients_who_agree_change_the_words(said: Said) -> None:
    evidence = said(5)
    advice = told(evidence)
    assert advice is not None
    assert (advice.setting, advice.instead_of, advice.patients) == (BETTER, DEFAULT, 5)
    assert advice.evidence == tuple(sorted(f.feedback_id for f in evidence))
    assert advice.probability >= 0.95
    assert "hepatic mass" in advice.reason
    assert told(evidence[:2]) is None


def test_one_patient_is_one_observation_however_often_it_is_said(
    submission: Callable[..., Submission], pseudonyms: Pseudonyms
) -> None:
    loud = [admit(submission(analysis_id=f"a{n}"), Patient("p"), "1.2", pseudonyms) for n in range(40)]
    assert told(loud) is None


def test_a_default_that_is_mostly_accepted_stays(said: Said) -> None:
    accepted = said(60, start=100, kind=FeedbackKind.ACCEPTED, better=None)
    assert told([*said(5), *accepted]) is None


def test_advice_ends_when_what_it_advised_is_rejected(said: Said) -> None:
    rejected = said(20, start=100, kind=FeedbackKind.REJECTED_PROMPT, used=BETTER, better=None)
    assert told([*said(5), *rejected]) is None


def test_corrections_count_by_their_dice(said: Said) -> None:
    def corrected(before: float, after: float | None, better: Setting | None = BETTER) -> Advice | None:
        return told(said(8, kind=FeedbackKind.MASK_CORRECTION, dice_before=before, dice_after=after, better=better))

    assert corrected(0.60, 0.85) is not None
    assert corrected(0.60, 0.63) is None  # too small to notice
    assert corrected(0.85, 0.60) is None
    assert corrected(0.60, None) is None  # the better words were never tried
    assert corrected(0.60, None, None) is None


def test_a_window_alone_can_be_better(said: Said) -> None:
    window = Window("liver", -25.0, 230.0)
    advice = told(said(6, better=Setting("liver tumor", window)))
    assert advice is not None
    assert advice.setting.window == window


@pytest.mark.parametrize("words", ["spleen", "kidney tumor", "liver", "Kowalski thing"])
def test_a_target_is_never_exchanged_for_another(words: str, said: Said) -> None:
    assert told(said(50, better=Setting(words))) is None


def test_what_holds_at_one_site_is_used_at_that_site(said: Said) -> None:
    evidence = [
        *said(8, origin=SOUTH),
        *said(40, start=100, origin=NORTH, kind=FeedbackKind.ACCEPTED, better=None),
    ]
    at_south = told(evidence, SOUTH)
    assert at_south is not None
    assert at_south.scope == "site and scanner"
    assert told(evidence, NORTH) is None


def test_more_alternatives_need_more_evidence(said: Said) -> None:
    enough = said(3)
    others = [said(1, start=100 + n, better=Setting(f"liver mass {n}"))[0] for n in range(6)]
    alone, among = told(enough), told([*enough, *others])
    assert alone is not None
    assert among is None or among.probability > 1 - 0.05 / 7


def test_the_order_of_evidence_does_not_matter_and_sentences_say_nothing_about_prompts(said: Said) -> None:
    evidence = [*said(6), *said(6, start=50, better=Setting("liver mass"))]
    assert told(evidence) == told(evidence[::-1])
    edited = said(30, kind=FeedbackKind.EDITED_SENTENCE, sentence_before="a", sentence_after="b")
    assert told(edited) is None
    assert told([]) is None


def test_memory_to_advice_and_back(
    memory: FeedbackMemory, submission: Callable[..., Submission], now: datetime
) -> None:
    def asked(exclude: str | None = None) -> Advice | None:
        return advise_or_go_on(
            memory, modality="CT", region="abdomen", target="liver tumor", default=DEFAULT, exclude_patient=exclude
        ).advice

    for n in range(4):
        memory.add(submission(analysis_id=f"a{n}"), Patient(f"p{n}"), f"1.2.{n}", now=now)
    first, without_one = asked(), asked(Patient("p0").key)
    assert first is not None
    assert first.patients == 4
    assert without_one is not None
    assert without_one.patients == 3
    assert advise_or_go_on(None, modality="CT", region="", target="liver tumor", default=DEFAULT).advice is None


def test_a_closed_memory_is_a_warning(memory: FeedbackMemory, tmp_path: Path) -> None:
    memory.close()
    found = advise_or_go_on(memory, modality="CT", region="", target="liver tumor", default=DEFAULT)
    assert found.advice is None
    assert found.warning.startswith("Without feedback memory")
