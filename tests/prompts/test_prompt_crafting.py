"""From a question to prompts: all that is asked, what cannot be, and why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model import KnownTarget, Window
from prompts.crafting.plan import MOST_TARGETS, PromptPlan, craft
from prompts.lexicon import lexicon
from prompts.question.understanding import understand

PUBLISHED = {
    ("CT", "liver", "liver"): 0.972,
    ("CT", "spleen", "abdomen"): 0.965,
    ("CT", "left kidney", "abdomen"): 0.966,
    ("CT", "right kidney", "abdomen"): 0.962,
    ("CT", "kidney cyst", "abdomen"): 0.721,
    ("CT", "tumor", "liver"): 0.738,
    ("CT", "tumor", "colon"): 0.665,
    ("CT", "nodule", "lung"): 0.738,
    ("CT", "postcava", "abdomen"): 0.9,
    ("XR", "left lung", "chest"): 0.97,
    ("XR", "right lung", "chest"): 0.974,
    ("XR", "COVID-19 infection", "chest"): 0.826,
    ("MR", "tumor", "brain"): 0.894,
}


def known(modality: str, target: str, region: str) -> KnownTarget | None:
    for (family, text, site), dice in PUBLISHED.items():
        if family == lexicon().family(modality) and text.lower() == target.lower() and region in ("", site):
            return KnownTarget(text, family, site, dice, 100)
    return None


def plan(text: str, modality: str = "CT", body_part: str = "ABDOMEN", view: str = "", **more: Any) -> PromptPlan:
    question = understand(text, modality=modality, body_part=body_part)
    return craft(
        question, modality=modality, body_part=body_part, view=view, explicit=more.get("explicit", ()), known=known
    )


def targets(result: PromptPlan) -> list[str]:
    return [p.target for p in result.prompts]


def test_the_asked_target_alone_is_sent() -> None:
    result = plan("Measure the liver")
    (liver,) = result.prompts
    assert (liver.target, liver.text, liver.known, liver.published_dice) == ("liver", "liver", True, 0.972)
    assert (liver.region, liver.expected_category, liver.window) == ("liver", "liver", Window("liver", -25.0, 230.0))
    assert result.refused == ()
    assert result.warnings == ()


def test_explicit_prompts_come_first_and_word_for_word() -> None:
    result = plan("Measure the liver", explicit=("Hepatic Tumour near segment VII", "IVC"))
    assert targets(result) == ["hepatic tumour near segment vii", "ivc", "liver"]


def test_an_explicit_prompt_keeps_the_models_spelling() -> None:
    (prompt,) = plan("", "CR", "CHEST", explicit=("covid-19 infection",)).prompts
    assert (prompt.target, prompt.text, prompt.known) == ("covid-19 infection", "COVID-19 infection", True)


def test_protocol_only_without_a_target() -> None:
    result = plan("abdominal pain")
    assert targets(result)[:4] == ["liver", "spleen", "left kidney", "right kidney"]
    assert "protocol CT abdomen" in result.prompts[0].reason
    assert targets(plan("Everything except the liver"))[:1] == ["spleen"]
    assert "liver" not in targets(plan("Everything except the liver"))


def test_a_composed_lesion_is_published_under_its_site() -> None:
    (nodule,) = plan("RUL nodule", body_part="CHEST").prompts
    assert (nodule.text, nodule.known, nodule.published_dice, nodule.region) == (
        "right upper lobe nodule",
        True,
        0.738,
        "lung",
    )
    assert nodule.window == Window("lung", -1000.0, 1000.0)
    (tumor,) = plan("liver tumor").prompts
    assert (tumor.text, tumor.published_dice) == ("liver tumor", 0.738)
    assert "tumor" in tumor.alternatives


def test_hard_and_unknown_targets_are_sent_and_warned_of() -> None:
    result = plan("colon tumor, mediastinum", body_part="CHESTABDPELVIS")
    assert targets(result) == ["colon tumor", "mediastinum"]
    assert any("0.67" in w or "0.66" in w for w in result.warnings)
    assert any("mediastinum" in w and "review" in w for w in result.warnings)


def test_outside_the_lexicon_is_sent() -> None:
    (prompt,) = plan("segment the ampulla of Vater").prompts
    assert (prompt.target, prompt.known, prompt.window, prompt.expected_category) == (
        "ampulla of vater",
        False,
        None,
        "",
    )


@pytest.mark.parametrize(
    ("text", "modality", "part", "reason"),
    [
        ("segment the liver", "CT", "HEAD", "lies in abdomen"),
        ("optic disc", "CT", "CHEST", "does not show"),
        ("liver", "CR", "CHEST", "does not show"),
        ("spleen", "OP", "", "does not show"),
        ("neoplastic cells", "MR", "BRAIN", "does not show"),
        ("knee", "CT", "HEAD", "lies in leg"),
        ("What is the weather?", "CT", "ABDOMEN", "asks for"),
        ("patient's address please", "CT", "ABDOMEN", "asks for"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_a_remedy(text: str, modality: str, part: str, reason: str) -> None:
    result = plan(text, modality, part)
    assert result.prompts == ()
    ((_, why, remedy),) = result.refused
    assert reason in why
    assert remedy


@pytest.mark.parametrize("explicit", ["weather", "patient's address", "???", "stock price"])
def test_explicit_prompts_that_are_no_imaging_are_refused(explicit: str) -> None:
    result = plan("", explicit=(explicit,))
    assert result.prompts == ()
    assert [r[0] for r in result.refused] == [explicit]


def test_one_refusal_does_not_stop_the_rest() -> None:
    result = plan("measure the liver and the optic disc")
    assert targets(result) == ["liver"]
    assert [r[0] for r in result.refused] == ["optic disc"]


@pytest.mark.parametrize("part", ["", "UNKNOWNPART"])
def test_an_unknown_region_refuses_nothing(part: str) -> None:
    assert targets(plan("liver and left lung", body_part=part)) == ["liver", "left lung"]


def test_a_neighbouring_region_is_warned_of() -> None:
    result = plan("bladder", body_part="ABDOMEN")
    assert targets(result) == ["bladder"]
    assert any("partly in view" in w for w in result.warnings)


@pytest.mark.parametrize("text", ["cardiomegaly?", "cardiothoracic ratio", "heart size"])
def test_heart_size_on_a_chest_film_needs_the_lungs(text: str) -> None:
    assert sorted(targets(plan(text, "CR", "CHEST", "PA"))) == ["heart", "left lung", "right lung"]
    assert targets(plan(text, "CT", "CHEST")) == ["heart"]


def test_lungs_fit_a_chest_film() -> None:
    result = plan("left lung and right lung", "DX", "CHEST", "PA")
    assert targets(result) == ["left lung", "right lung"]
    assert [p.side for p in result.prompts] == ["left", "right"]
    assert all(p.known and p.window is None for p in result.prompts)


def test_too_many_targets_are_named() -> None:
    names = [f"structure {chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(MOST_TARGETS + 2)]
    result = plan("", explicit=names)
    assert targets(result) == names[:MOST_TARGETS]
    assert any(all(n in w for n in names[MOST_TARGETS:]) for w in result.warnings)


def test_nothing_to_look_for_is_said() -> None:
    result = plan("hello", "", "")
    assert result.prompts == ()
    assert any("names no target" in w for w in result.warnings)


@pytest.mark.parametrize("text", ["肝臓の体積", "RK", "unicorn", "javascript", "what now"])
def test_a_protocol_for_a_question_that_was_not_understood_is_said(text: str) -> None:
    result = plan(text)
    assert targets(result)[:2] == ["liver", "spleen"]
    assert "No target was recognised in the question; the protocol for CT abdomen was used." in result.warnings


@pytest.mark.parametrize(
    "text", ["", " ", "abdominal pain", "CT abdomen", "show me all organs", "trauma", "not the liver"]
)
def test_a_protocol_that_was_asked_for_needs_no_warning(text: str) -> None:
    result = plan(text)
    assert result.prompts
    assert not [w for w in result.warnings if "recognised" in w]


@pytest.mark.parametrize("text", ["hello", "Good morning!", "how are you?", "how many mg of paracetamol?"])
def test_small_talk_is_refused_without_an_overview(text: str) -> None:
    result = plan(text)
    assert result.prompts == ()
    assert [remedy for _, _, remedy in result.refused] == ["Ask for a structure or abnormality that an image can show."]


@pytest.mark.parametrize("explicit", ["unicorn", "javascript"])
def test_unknown_words_are_sent_as_targets(explicit: str) -> None:
    (prompt,) = plan("", explicit=(explicit,)).prompts
    assert (prompt.text, prompt.known) == (explicit, False)


@given(st.text(st.characters(codec=None, categories=None), max_size=60))
def test_no_explicit_text_crashes_or_leaves_unreadable(text: str) -> None:
    result = plan(text, explicit=(text, f"liver{text}"))
    str(result).encode()
    assert all(p.text.strip() and "\x00" not in p.text for p in result.prompts)


def test_a_lesion_evaluated_elsewhere_is_not_known_here() -> None:
    (prompt,) = plan("tumor", "CT", "HEAD").prompts
    assert (prompt.known, prompt.published_dice) == (False, None)


def test_the_wires_separator_splits_an_explicit_prompt() -> None:
    assert targets(plan("", explicit=("liver & spleen",))) == ["liver", "spleen"]


def test_what_was_not_understood_is_said() -> None:
    result = plan("Find the cause of the pain")
    assert any("cause of the pain" in w for w in result.warnings)
