"""The planner's cases: each is valid, the splits are apart, and what a case expects is judged rightly."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from evals.agents.case import CATEGORIES, CHAIN, Case, CaseInvalid, load_cases, load_worlds, read_cases
from evals.agents.expectation import Expectation
from evals.agents.names import canonical
from evals.agents.world import TOOLS

FEWEST = 400
FEWEST_IN_A_CATEGORY = 15
FEWEST_IN_A_LANGUAGE = 25
FEWEST_IN_TEST = 425


def cases(split: str | None = None) -> tuple[Case, ...]:
    return load_cases(split)


def test_there_are_enough_of_every_kind() -> None:
    counts = Counter(case.category for case in cases())
    assert sum(counts.values()) >= FEWEST
    assert set(counts) == set(CATEGORIES)
    assert min(counts.values()) >= FEWEST_IN_A_CATEGORY, counts
    languages = Counter(case.language for case in cases())
    assert min(languages["de"], languages["es"]) >= FEWEST_IN_A_LANGUAGE


def test_both_splits_cover_every_category() -> None:
    dev, test = cases("dev"), cases("test")
    assert len(dev) + len(test) == len(cases())
    assert len(test) >= FEWEST_IN_TEST
    assert {case.category for case in dev} == {case.category for case in test} == set(CATEGORIES)


def test_every_outcome_and_every_tool_is_expected_somewhere() -> None:
    assert {case.expect.outcome for case in cases()} == {"answer", "ask", "refuse"}
    called = {tool for case in cases() for tool in case.expect.tools}
    assert called == set(TOOLS) - {"dialogue-ask", "dialogue-refuse"}
    assert {word for case in cases() for word in case.expect.about} == {
        *("target", "side", "series", "prior", "analysis", "question"),
        *("not_imaging", "other_patient", "out_of_scope", "treatment", "identity", "unsafe"),
    }


def test_no_scenario_is_in_both_splits() -> None:
    splits: dict[str, set[str]] = {}
    for case in cases():
        splits.setdefault(case.scenario, set()).add(case.split)
    assert [scenario for scenario, held in splits.items() if len(held) > 1] == []


def test_no_question_of_one_split_is_in_the_other() -> None:
    assert {case.asked for case in cases("dev") if case.asked} & {case.asked for case in cases("test")} == set()


def test_no_question_of_one_split_is_another_one_with_its_words_moved() -> None:
    dev, test = ([(case.id, frozenset(case.asked.split())) for case in cases(split)] for split in ("dev", "test"))
    close = [
        (a, b)
        for (a, words), (b, others) in product(dev, test)
        if len(words | others) > 3 and len(words & others) / len(words | others) > 0.75
    ]
    assert close == []


def test_cases_kept_apart_share_nothing_with_the_others() -> None:
    apart = cases("aside")
    for key in ("id", "scenario", "asked"):
        assert {getattr(case, key) for case in apart} & {getattr(case, key) for case in cases()} <= {""}


def test_no_question_is_asked_twice_of_one_world() -> None:
    asked = Counter((case.world, case.turns, case.indication, case.question) for case in cases())
    assert [key for key, count in asked.items() if count > 1] == []


def test_every_world_is_used() -> None:
    every = (*cases(), *(case.without for case in cases() if case.without is not None))
    assert {case.world for case in every} == set(load_worlds())


def test_what_an_answer_must_say_about_the_record_is_in_the_record() -> None:
    worlds = load_worlds()
    checked = 0
    for case in cases():
        if case.expect.tools == ("history-search",) and case.expect.kinds and case.expect.mentions:
            held = [each.text for each in worlds[case.world].history if each.kind in case.expect.kinds]
            for pattern in case.expect.mentions:
                assert any(re.search(pattern, text, re.IGNORECASE) for text in held), case.id
                checked += 1
    assert checked >= 30


def test_models_that_are_expected_are_configured_or_said_to_be_missing() -> None:
    worlds = load_worlds()
    for case in cases():
        models = worlds[case.world].models
        if "chest-report" in case.expect.tools:
            assert "cxrreportgen" in models, case.id
        if "features-classify" in case.expect.tools and "medimageinsight" not in models:
            assert case.expect.mentions, case.id


def test_a_question_back_for_a_prior_has_none_that_fits() -> None:
    worlds = load_worlds()
    for case in cases():
        if case.expect.about == ("prior",) and worlds[case.world].priors:
            years = {str(prior.date.year) for prior in worlds[case.world].priors}
            assert not years & set(case.asked.split()), case.id


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "lesion.yaml"
    path.write_text(text, encoding="utf-8")
    return path


CASE = (
    "{id: a, scenario: s, split: dev, world: ct_abdomen, question: Liver size, "
    "expect: {tools: [find], targets: [liver]}}"
)


def test_a_scenario_gives_its_keys_to_its_cases(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
- scenario: liver
  split: test
  world: ct_abdomen
  turns: [Is this a CT]
  cases:
    - {id: a, question: Liver size, expect: {tools: [find, comparison-compare], targets: [liver]}}
    - {id: b, world: us_abdomen, question: Spleen size, expect: {tools: [find, history-search], targets: [spleen]}}
""",
    )
    first, second = read_cases(path)
    assert (first.world, second.world) == ("ct_abdomen", "us_abdomen")
    assert first.category == "lesion"
    assert first.turns == second.turns == ("Is this a CT",)
    assert first.expect.tools == tuple(
        tool for tool in CHAIN if tool not in ("segmentation-refine", "delivery-request")
    )
    assert first.expect.optional == ("study-describe", "segmentation-refine")
    assert second.expect.tools[0] == "history-search"


def test_cases_kept_apart_need_no_split_and_have_no_other(tmp_path: Path) -> None:
    (case,) = read_cases(written(tmp_path, f"- {CASE.replace('split: dev, ', '')}"), ("aside",))
    assert case.split == "aside"
    with pytest.raises(CaseInvalid, match="Unknown split"):
        read_cases(written(tmp_path, f"- {CASE}"), ("aside",))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("ct_abdomen", "ct_nowhere", "Unknown world"),
        ("split: dev", "split: train", "Unknown split"),
        ("scenario: s", "scenario: s, scenery: t", "Unknown keys: scenery"),
        ("[find]", "[segment]", "Unknown tools"),
        ("[liver]", "[Liver]", "not lower case"),
        ("tools: [find], ", "tools: [report-compose], ", "targets without prompts-craft"),
        ("[liver]}", "[liver], series: [series-9]}", "Unknown series"),
        ("[liver]}", "[liver], prior: prior-1}", "prior without comparison-compare"),
        ("[find], targets: [liver]", "[comparison-compare], prior: prior-9", "Unknown prior"),
        ("tools: [find], targets: [liver]", "outcome: ask", "says what about"),
        ("tools: [find], targets: [liver]", "outcome: refuse, about: [target]", "Unknown about"),
        ("tools: [find], targets: [liver]", "outcome: ask, about: [target], tools: [find]", "calls no other tool"),
        ("tools: [find], targets: [liver]", "never: [x]", "Nothing is expected"),
        ("question: Liver size", "question: ''", "Neither a question"),
        ("[liver]}", "[liver], mentions: ['(']}", "not a regular expression"),
    ],
)
def test_a_case_that_contradicts_itself_is_refused(tmp_path: Path, old: str, new: str, fault: str) -> None:
    read_cases(written(tmp_path, f"- {CASE}"))
    with pytest.raises(CaseInvalid, match=fault):
        read_cases(written(tmp_path, f"- {CASE.replace(old, new)}"))


def test_what_is_no_yaml_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CaseInvalid, match=r"lesion\.yaml"):
        read_cases(written(tmp_path, "- {id: ["))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Right hepatic mass", "right liver lesion"),
        ("left adrenal", "left adrenal gland"),
        ("left ventricle", "left heart ventricle"),
        ("IVC", "postcava"),
        ("non-enhancing tumor", "non enhancing tumor"),
    ],
)
def test_names_of_one_target_are_one(name: str, other: str) -> None:
    assert canonical(name) == canonical(other)


def test_a_side_is_never_lost() -> None:
    assert len({canonical("left renal mass"), canonical("right renal mass"), canonical("renal mass")}) == 3


def test_targets_are_judged_against_the_list_that_fits_best() -> None:
    expect = Expectation(targets_any=(("left kidney", "right kidney"), ("kidney",)))
    assert expect.targets_amiss(["Right kidney", "left kidney"]) == (frozenset(), frozenset())
    assert expect.targets_amiss(["kidneys"]) == (frozenset(), frozenset())
    assert expect.targets_amiss(["left kidney"]) == (frozenset({"right kidney"}), frozenset())
    assert expect.targets_amiss(["kidney", "spleen"]) == (frozenset(), frozenset({"spleen"}))
    assert expect.targets_amiss([])[0]


def test_either_of_two_equally_right_texts_is_enough() -> None:
    expect = Expectation(targets=("nodule|right upper lobe nodule",))
    assert expect.targets_amiss(["pulmonary nodule"]) == (frozenset(), frozenset())
    assert expect.targets_amiss(["left upper lobe nodule"])[1] == {"left upper lobe nodule"}


def test_targets_that_are_not_scored_are_never_amiss() -> None:
    assert Expectation().targets_amiss(["liver"]) == (frozenset(), frozenset())


def test_labels_are_judged_in_the_same_way() -> None:
    expect = Expectation(labels=("no finding|normal", "pleural effusion"))
    assert expect.labels_amiss(["Normal", "effusion"]) == (frozenset(), frozenset())
    assert expect.labels_amiss(["normal", "pneumonia"]) == (frozenset({"pleural effusion"}), frozenset({"pneumonia"}))
