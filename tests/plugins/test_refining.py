"""A poor outline is asked for again, one change at a time, over real endpoints; the better one stays."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from domain.analysis import Refinement
from domain.mask import Outcome, Quality
from domain.study import IngestedStudy
from plugins.measurement import MeasurementPlugin
from plugins.quality import QualityPlugin
from plugins.refinement import CLEAR_GAIN, better
from plugins.refining import IN_A_ROW, NothingToRefine
from plugins.segmentation import SegmentationPlugin
from plugins.workspace import UnknownName, Workspace
from tests.inference.endpoint_server import Behaviour, disc
from tests.inference.seeing_server import Sight
from tests.plugins.clinic import (
    ELSEWHERE,
    GALLBLADDER,
    SIDE,
    Clinic,
    asked,
    behaviour,
    body,
    only,
    repainted,
    verdict,
)


async def refine(workspace: Workspace, mask_id: str = "m1") -> dict[str, Any]:
    said: dict[str, Any] = json.loads(await SegmentationPlugin(workspace).refine(mask_id))
    return said


async def test_other_words_make_a_poor_outline_good(clinic: Clinic, ct: IngestedStudy) -> None:
    endpoint = behaviour(gallbladder=ELSEWHERE, gall_bladder=GALLBLADDER)
    workspace = await clinic.judged(ct, [endpoint])
    assert verdict(only(workspace)) == "review"
    said = await refine(workspace)
    assert asked(endpoint) == ["gallbladder", "gall bladder"], "good is good enough: nothing more is tried"
    assert said["tries"] == [{"change": "prompt", "to": "gall bladder", "outcome": "pass", "kept": True}]
    kept = only(workspace)
    assert (said["mask"], said["outcome"], said["target"]) == (kept.mask_id, "pass", "gallbladder")
    assert np.array_equal(kept.array[0], GALLBLADDER.in_source(SIDE, SIDE))
    (record,) = workspace.refinements
    assert (record.before, record.after) == ("gallbladder", "gall bladder")
    assert (record.outcome_before, record.outcome_after, record.kept) == ("review", "pass", True)


async def test_the_trail_names_every_step_and_every_prompt(clinic: Clinic, ct: IngestedStudy) -> None:
    workspace = await clinic.judged(ct, [behaviour(gallbladder=ELSEWHERE, gall_bladder=GALLBLADDER)])
    before = [s.step_id for s in workspace.runner.steps]
    await refine(workspace)
    new = [s for s in workspace.runner.steps if s.step_id not in before]
    assert [(s.agent, s.tool) for s in new] == [("segmentation", "segment"), ("qa", "assess")]
    (record,) = workspace.refinements
    assert record.steps == tuple(s.step_id for s in new)
    assert (record.series_uid, record.target) == (only(workspace).series_uid, "gallbladder")
    assert [(p.target, p.text) for p in workspace.prompts] == [
        ("gallbladder", "gallbladder"),
        ("gallbladder", "gall bladder"),
    ]
    assert workspace.quality_steps == {only(workspace).mask_id: new[1].step_id}


async def test_another_window_shows_what_was_not_seen(clinic: Clinic, tmp_path: Path) -> None:
    """A structure of 20 HU in a body of -200 HU is dark in the abdominal window, bright in that of the lung."""
    inside = GALLBLADDER.in_source(SIDE, SIDE)
    study = repainted(body(tmp_path, 1, inside=-200), lambda array: np.where(inside, 20, array))
    workspace = await clinic.judged(study, [Sight()])
    assert verdict(only(workspace)) == "reject"
    assert not only(workspace).voxel_count
    said = await refine(workspace)
    assert said["tries"] == [{"change": "window", "to": "lung", "outcome": "pass", "kept": True}]
    found = only(workspace).array[0]
    assert (found[inside].mean() > 0.6, found[~inside].any()) == (True, False), "its rim is grey"
    assert [p.window for p in workspace.prompts] == ["abdomen", "lung"]
    assert not [w for w in workspace.warnings if "rejected" in w], "what was said of the earlier outline went with it"


async def test_what_helped_stays_when_the_next_thing_is_changed(clinic: Clinic, tmp_path: Path) -> None:
    inside = disc(0.42, 0.75, 0.05).in_source(SIDE, SIDE)  # the wrong side: still for review when it is seen
    study = repainted(body(tmp_path, 1, inside=-200), lambda array: np.where(inside, 20, array))
    workspace = await clinic.judged(study, [Sight()])
    said = await refine(workspace)
    assert [(t["change"], t["kept"]) for t in said["tries"]] == [("window", True), ("prompt", False), ("prompt", False)]
    assert [(p.text, p.window) for p in workspace.prompts][:3] == [
        ("gallbladder", "abdomen"),
        ("gallbladder", "lung"),
        ("gall bladder", "lung"),
    ]
    assert verdict(only(workspace)) == "review"


async def test_words_that_helped_are_what_the_next_model_is_asked(clinic: Clinic, ct: IngestedStudy) -> None:
    first, second = behaviour(gall_bladder=ELSEWHERE), behaviour(gall_bladder=GALLBLADDER)
    workspace = await clinic.judged(ct, [first, second])
    await refine(workspace)  # nothing is seen: two windows, without gain
    workspace.tries_left = 4
    said = await refine(workspace)
    assert [(t["change"], t["outcome"], t["kept"]) for t in said["tries"]] == [
        ("prompt", "review", True),
        ("prompt", "reject", False),
        ("model", "pass", True),
    ]
    assert asked(second) == ["gall bladder"]


async def test_another_model_is_asked_for_what_the_first_does_poorly(clinic: Clinic, ct: IngestedStudy) -> None:
    first, second = behaviour(liver=disc(0.5, 0.75, 0.12, "liver")), behaviour(liver=disc(0.5, 0.3, 0.12, "liver"))
    workspace = await clinic.judged(ct, [first, second], "How large is the liver?")
    said = await refine(workspace)
    (tried,) = said["tries"]
    assert (tried["change"], tried["to"], tried["kept"]) == ("model", "MedImageParse@2", True)
    assert only(workspace).model == "MedImageParse@2"
    assert (len(first.requests), len(second.requests)) == (1, 1)
    assert set(workspace.model_versions) == {"MedImageParse"}


async def test_the_first_model_is_not_asked_again_after_the_second(clinic: Clinic, ct: IngestedStudy) -> None:
    wrong = disc(0.5, 0.75, 0.12, "liver")
    first, second = behaviour(), behaviour(liver=wrong)  # nothing, then something for review
    workspace = await clinic.judged(ct, [first, second], "How large is the liver?")
    await refine(workspace)
    workspace.tries_left = 4
    await refine(workspace)
    assert [(r.change, r.after, r.kept) for r in workspace.refinements] == [
        ("window", "abdomen", False),
        ("window", "lung", False),
        ("model", "MedImageParse@2", True),
    ]
    assert only(workspace).model == "MedImageParse@2"
    assert len(first.requests) == 3
    with pytest.raises(NothingToRefine):
        await refine(workspace, only(workspace).mask_id)


async def test_slices_far_from_the_largest_part_are_left_out(clinic: Clinic, tmp_path: Path) -> None:
    organ = GALLBLADDER.in_source(SIDE, SIDE)
    specks = np.zeros((SIDE, SIDE), bool)
    specks[24:44:3, 20:44:3] = True

    def paint(array: NDArray[Any]) -> NDArray[Any]:
        out = array.copy()
        out[:2, organ] = 90
        out[10:, specks] = 90
        return out

    study = repainted(body(tmp_path, 14, inside=0), paint)
    workspace = await clinic.judged(study, [Sight()], prompts=("gallbladder",), question="")
    assert verdict(only(workspace)) == "review"
    said = await refine(workspace)
    tried = next(t for t in said["tries"] if t["change"] == "slices")
    assert (tried["outcome"], tried["kept"]) == ("pass", True)
    kept = only(workspace)
    assert sorted(set(np.nonzero(kept.array)[0].tolist())) == [0, 1]
    assert any("8 of 14 slices were inferred" in w for w in workspace.warnings), "2.5 mm apart, 15 mm on each side"


async def test_after_two_tries_without_gain_it_stops(clinic: Clinic, ct: IngestedStudy) -> None:
    endpoint = behaviour()
    workspace = await clinic.judged(ct, [endpoint])
    before = only(workspace)
    said = await refine(workspace)
    assert [t["kept"] for t in said["tries"]] == [False] * IN_A_ROW
    assert workspace.tries_left == workspace.tries - IN_A_ROW
    assert only(workspace) is before
    assert said["mask"] == before.mask_id


async def test_nothing_is_tried_twice(clinic: Clinic, ct: IngestedStudy) -> None:
    workspace = await clinic.judged(ct, [behaviour()])
    workspace.tries_left = 50
    for _ in range(10):
        try:
            await refine(workspace)
        except NothingToRefine:
            break
    tried = [(r.change, r.after) for r in workspace.refinements]
    assert len(set(tried)) == len(tried) >= 3
    assert ("window", "abdomen") not in tried, "that is how it was asked for first"
    sent = [(p.text, p.window) for p in workspace.prompts]
    assert len(set(sent)) == len(sent)


async def test_the_budget_of_a_turn_is_kept(clinic: Clinic, ct: IngestedStudy) -> None:
    endpoint = behaviour()
    workspace = await clinic.judged(ct, [endpoint])
    workspace.tries_left = 1
    assert len((await refine(workspace))["tries"]) == 1
    row = json.loads(await QualityPlugin(workspace).assess(["m1"]))["masks"][0]
    assert row["refine"] is False
    with pytest.raises(NothingToRefine) as refused:
        await refine(workspace)
    assert "needs review" in refused.value.remedy
    assert len(endpoint.requests) == 2
    workspace.ask("And now?")
    assert workspace.tries_left == workspace.tries


async def test_the_requesters_own_words_are_not_exchanged(clinic: Clinic, ct: IngestedStudy) -> None:
    first = behaviour(gallbladder=ELSEWHERE, gall_bladder=GALLBLADDER)
    second = behaviour(gallbladder=GALLBLADDER)
    workspace = await clinic.judged(ct, [first, second], "", ("gallbladder",))
    said = await refine(workspace)
    assert {t["change"] for t in said["tries"]} == {"model"}
    assert {*asked(first), *asked(second)} == {"gallbladder"}
    assert verdict(only(workspace)) == "pass"


async def test_a_try_that_fails_leaves_the_outline_and_says_so(clinic: Clinic, ct: IngestedStudy) -> None:
    down = Behaviour({}, (SIDE, SIDE), faults=["400"] * 9)
    workspace = await clinic.judged(ct, [behaviour(liver=disc(0.5, 0.75, 0.12, "liver")), down], "the liver?")
    before = only(workspace)
    said = await refine(workspace)
    (tried,) = said["tries"]
    assert (tried["change"], tried["outcome"], tried["kept"]) == ("model", "", False)
    assert only(workspace) is before
    (record,) = workspace.refinements
    assert [s.ok for s in workspace.runner.steps if s.step_id in record.steps] == [False]
    assert any("gave no answer in series-1" in w for w in workspace.warnings)


async def test_other_outlines_and_their_numbers_stay(clinic: Clinic, ct: IngestedStudy) -> None:
    liver = disc(0.58, 0.3, 0.08, "liver")
    endpoint = behaviour(liver=liver, gallbladder=ELSEWHERE, gall_bladder=GALLBLADDER)
    workspace = await clinic.judged(ct, [endpoint], "Measure the liver and the gallbladder.")
    await MeasurementPlugin(workspace).measure()
    poor = next(m for m in workspace.masks.values() if m.target == "gallbladder")
    good = next(m for m in workspace.masks.values() if m.target == "liver")
    numbers = workspace.measured[good.mask_id]
    said = await refine(workspace, poor.mask_id)
    assert said["mask"] != poor.mask_id
    assert workspace.masks[good.mask_id] is good
    assert workspace.measured[good.mask_id] == numbers
    assert poor.mask_id not in workspace.masks.keys() | workspace.measured.keys()
    assert workspace.unmeasured == [said["mask"]], "what is new is measured anew"


async def test_a_good_outline_or_none_is_not_refined(clinic: Clinic, ct: IngestedStudy) -> None:
    endpoint = behaviour(gallbladder=GALLBLADDER)
    workspace = await clinic.judged(ct, [endpoint])
    assert verdict(only(workspace)) == "pass"
    with pytest.raises(NothingToRefine, match="Nothing is left to try"):
        await refine(workspace)
    with pytest.raises(UnknownName):
        await refine(workspace, "m7")
    workspace.masks["m1"] = replace(only(workspace), quality=None)
    with pytest.raises(NothingToRefine, match="QA has not judged"):
        await refine(workspace)
    assert len(endpoint.requests) == 1
    assert workspace.refinements == list[Refinement]()


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        ((Outcome.PASS, None), (Outcome.REVIEW, 0.9), True),
        ((Outcome.REVIEW, 0.9), (Outcome.PASS, 0.1), False),
        ((Outcome.REVIEW, None), (Outcome.REJECT, None), True),
        ((Outcome.REVIEW, 0.5 + CLEAR_GAIN), (Outcome.REVIEW, 0.5), True),
        ((Outcome.REVIEW, 0.5 + CLEAR_GAIN / 2), (Outcome.REVIEW, 0.5), False),
        ((Outcome.REVIEW, 0.9), (Outcome.REVIEW, None), False),
        ((Outcome.REVIEW, None), (Outcome.REVIEW, 0.1), False),
    ],
    ids=["verdict", "worse verdict", "no confidence", "clear gain", "small gain", "nothing to compare", "lost"],
)
def test_better_by_verdict_then_by_confidence(
    new: tuple[Outcome, float | None], old: tuple[Outcome, float | None], expected: bool
) -> None:
    assert better(Quality(new[0], (), new[1]), Quality(old[0], (), old[1])) is expected
