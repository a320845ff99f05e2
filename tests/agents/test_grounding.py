"""Sentences of a chat model stand only on what tools said: structure, side, presence, change, number."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.evidence import Behind, Evidence, Number
from agents.grounding import Dropped, Reason, grounded
from tests.agents.grounding_run import EVIDENCE, FACTS, IDS, SPACING

CASES: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("grounding_cases.yaml").read_text("utf-8"))


def reason(sentence: str) -> Reason | None:
    """Why a sentence is left out; None when it stays whole."""
    kept, dropped = grounded(sentence, FACTS, IDS, EVIDENCE)
    if not dropped:
        assert kept == sentence
        return None
    assert not kept
    return dropped[0].reason


def numbered(sentences: list[str]) -> list[object]:
    return [pytest.param(s, id=str(n)) for n, s in enumerate(sentences)]


@pytest.mark.parametrize("sentence", numbered(CASES["supported"]))
def test_what_says_no_more_than_its_ids_stays(sentence: str) -> None:
    assert reason(sentence) is None


@pytest.mark.parametrize("sentence", numbered(CASES["beyond"]))
def test_what_no_tool_said_is_left_out(sentence: str) -> None:
    kept, dropped = grounded(sentence, FACTS, IDS, EVIDENCE)
    assert not kept
    assert dropped


@pytest.mark.parametrize("sentence", numbered(CASES["lost"]))
def test_what_is_given_up_is_known(sentence: str) -> None:
    assert reason(sentence) is not None


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The liver measures 1524 mL [m1].", Reason.NUMBER),
        ("The liver measures 1523 mm [m1].", Reason.NUMBER),
        ("The spleen has a volume of 1523 mL [m1, m2].", Reason.NUMBER),
        ("The liver's longest diameter is 150.9 mm [m1].", Reason.NUMBER),
        ("The liver lesion has grown from 23.4 mm to 18.1 mm [m6, s9].", Reason.NUMBER),
        ("The liver measures 1523 mL [m99].", Reason.UNKNOWN_ID),
        ("The liver measures 1523 mL.", Reason.NO_ID),
        ("There is a left liver lesion [m6].", Reason.SIDE),
        ("There is a right pleural effusion [f3].", Reason.SIDE),
        ("There is no liver lesion [m6].", Reason.PRESENCE),
        ("There is a lung nodule [m3].", Reason.PRESENCE),
        ("There is consolidation in the right lower lobe [f5].", Reason.PRESENCE),
        ("There is no lung nodule [m3].", Reason.EXCLUSION),
        ("Ein Lungenrundherd ist ausgeschlossen [m3].", Reason.EXCLUSION),
        ("Se descarta nódulo pulmonar [m3].", Reason.EXCLUSION),
        ("The liver lesion is smaller than before [m6, s9].", Reason.COMPARISON),
        ("The right kidney is larger than the left kidney [m4, m5].", Reason.COMPARISON),
        ("The liver is normal [m1].", Reason.JUDGEMENT),
        ("There is no acute abnormality [m1].", Reason.JUDGEMENT),
        ("Die Milz ist unauffällig [m2].", Reason.JUDGEMENT),
        ("The spleen outline passed quality assurance [m2].", Reason.QUALITY),
        ("The liver lesion lies in the spleen [m6, m2].", Reason.PLACE),
        ("The liver measures <b>1523</b> mL [m1].", Reason.MARKUP),
        ("The liver lesion compresses the portal vein [m6].", Reason.WORDS),
        ("The liver measures 1523 mL [m1] and there is ascites [m1].", Reason.TARGET),
    ],
)
def test_the_reason_is_named(sentence: str, expected: Reason) -> None:
    assert reason(sentence) is expected


def test_the_rest_of_the_answer_stays() -> None:
    kept, dropped = grounded("The liver measures 1523 mL [m1]. It measures 1234 g [m1].", FACTS, IDS, EVIDENCE)
    assert kept == "The liver measures 1523 mL [m1]."
    assert dropped == (Dropped("It measures 1234 g [m1].", Reason.NUMBER),)


def test_ids_behind_the_full_stop_belong_to_the_sentence() -> None:
    assert reason("The liver measures 1523 mL. [m1]") is None
    assert reason("The spleen measures 1523 mL. [m2]") is Reason.NUMBER


@pytest.mark.parametrize(
    "sentence",
    ["Liver: volume 1523 mL, mean 55.3 HU (series-1).", SPACING, "The lungs are clear.", "No pneumothorax."],
)
def test_what_a_tool_said_word_for_word_needs_no_id(sentence: str) -> None:
    assert reason(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    ["Pneumothorax.", "There is a pneumothorax.", "The lungs are clear and healthy.", "Lungs are clear."],
    ids=["label", "question", "added word", "cut"],
)
def test_a_label_a_question_or_a_piece_is_not_what_a_tool_said(sentence: str) -> None:
    assert reason(sentence) is not None


@pytest.mark.parametrize("sign", ["✅", "❌", "≠", "¬"])
def test_a_picture_says_what_cannot_be_checked(sign: str) -> None:
    assert reason(f"Liver {sign} 1523 mL [m1].") is Reason.MARKUP


def test_a_sentence_that_hides_its_end_is_left_out() -> None:
    assert (
        reason("The liver measures 1523 mL " + "and so on " * 3000 + "and there is a pneumothorax [m1].")
        is Reason.LENGTH
    )


@pytest.mark.parametrize("piece", ["[", "<a", "(m1 ", "1,", "a@", "* ", "[m1] ", "1 x ", "- | "])
def test_hostile_repetition_takes_no_time(piece: str) -> None:
    kept, dropped = grounded(piece * 20_000, FACTS, IDS, EVIDENCE)
    assert kept or dropped


def test_no_evidence_supports_no_number() -> None:
    kept, dropped = grounded("The liver measures 1523 mL [m1].", [], ["m1"])
    assert (kept, len(dropped)) == ("", 1)


def _volume(value: float, side: str = "") -> Evidence:
    target = f"{side} kidney".strip()
    return Evidence({"m1": Behind(target, side, True, "pass", (Number("volume", value, "mL", target),))})


@settings(max_examples=80, deadline=None)
@given(value=st.floats(0.5, 9000), decimals=st.integers(0, 3))
def test_any_rounding_of_a_number_is_that_number(value: float, decimals: int) -> None:
    said = f"The kidney measures {value:.{decimals}f} mL [m1]."
    kept, _ = grounded(said, [], ["m1"], _volume(value))
    assert bool(kept) is (float(f"{value:.{decimals}f}") != 0)


@settings(max_examples=80, deadline=None)
@given(
    value=st.floats(1, 9000),
    other=st.floats(1, 9000),
    unit=st.sampled_from(["mL", "cm³", "L", "mm", "HU", "%", "g", ""]),
)
def test_a_number_that_no_tool_gave_is_never_said(value: float, other: float, unit: str) -> None:
    scale = {"mL": 1.0, "cm³": 1.0, "L": 1000.0}.get(unit, float("nan"))
    near = abs(float(f"{other:.1f}") * scale - value) <= 0.05 * scale + 1e-6
    sentence = f"The kidney measures {value:.4f} mL and {other:.1f} {unit} [m1]."
    kept, _ = grounded(sentence, [], ["m1"], _volume(value))
    assert bool(kept) <= near


@settings(max_examples=40, deadline=None)
@given(
    side=st.sampled_from(["left", "right"]),
    words=st.sampled_from(
        ["The {} kidney measures {:.1f} mL [m1].", "Kidney on the {}: {:.1f} mL [m1].", "{} kidney {:.1f} mL [m1]."]
    ),
    value=st.floats(1, 900),
)
def test_the_other_side_is_never_said(side: str, words: str, value: float) -> None:
    other = {"left": "right", "right": "left"}[side]
    evidence = _volume(value, side)
    assert grounded(words.format(side, value), [], ["m1"], evidence)[0]
    assert not grounded(words.format(other, value), [], ["m1"], evidence)[0]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_split_without_loss_or_error(text: str) -> None:
    kept, dropped = grounded(text, FACTS, IDS, EVIDENCE)
    whole = "".join(text.split())
    assert all("".join(d.sentence.split()) in whole for d in dropped)
    assert len("".join(kept.split())) + sum(len("".join(d.sentence.split())) for d in dropped) == len(whole)
