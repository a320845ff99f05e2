"""`results-recall`: numbers as they were measured, with their ids, and no model asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.analysis import Change, PromptRecord, Refinement
from domain.mask import Outcome, Quality
from domain.study import IngestedStudy
from plugins.measurement import MeasurementPlugin
from plugins.recall import NothingFoundYet, RecallPlugin
from plugins.recalled import TOPICS
from plugins.report import ReportPlugin
from plugins.workspace import Statement, UnknownName, Workspace
from tests.plugins.rooms import outline, room, volume_study
from tests.tools.outputs_builders import write_phantom
from tools.ingest import ingest

VOXEL_ML = 0.5 * 0.75 * 2.5 / 1000
"""Of the phantom."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> IngestedStudy:
    return volume_study(tmp_path_factory.mktemp("volume"), slices=12)


@pytest.fixture
async def kidneys(study: IngestedStudy) -> Workspace:
    """Two kidneys of 10 × 30 and 10 × 32 pixels in 12 slices, measured and reported."""
    workspace = room(study)
    for target, rows in (("left kidney", 30), ("right kidney", 32)):
        outline(workspace, target, rows)
    workspace.asked = {"left kidney", "right kidney"}
    await MeasurementPlugin(workspace).measure()
    await ReportPlugin(workspace).compose()
    workspace.ask("Which one is larger?")
    return workspace


async def recall(workspace: Workspace, topic: str, targets: list[str] | None = None) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(await RecallPlugin(workspace).recall(topic, targets))
    return said


def volume(workspace: Workspace, mask_id: str) -> float:
    return next(m.value for m in workspace.measured[mask_id] if m.name == "volume")


async def test_the_larger_side_with_both_numbers_and_their_ids(kidneys: Workspace) -> None:
    said = await recall(kidneys, "measurements")
    left, right = volume(kidneys, "m1"), volume(kidneys, "m2")
    assert [left, right] == pytest.approx([3600 * VOXEL_ML, 3840 * VOXEL_ML])
    step = kidneys.measured["m1"][0].step_id
    last = said["text"].splitlines()[-1]
    assert last == (
        f"The right kidney is larger: {right:.4g} mL [m2, {step}] against {left:.4g} mL [m1, {step}], 6.67 % more."
    )
    assert said["rows"][-1]["greater"] == "right"
    assert said["rows"][-1]["difference"] == pytest.approx(right - left)


async def test_measurements_carry_value_unit_method_and_source(kidneys: Workspace) -> None:
    rows = [r for r in (await recall(kidneys, "measurements", ["left kidney"]))["rows"] if "name" in r]
    assert {r["target"] for r in rows} == {"left kidney"}
    measured = kidneys.measured["m1"]
    assert [(r["name"], r["unit"], r["method"], r["source"], r["step"]) for r in rows] == [
        (m.name, m.unit.value, m.method, m.source, m.step_id) for m in measured
    ]
    assert [r["value"] for r in rows] == pytest.approx([m.value for m in measured], rel=1e-5)
    assert {r["side"] for r in rows} == {"left"}


async def test_two_equal_sides_are_said_to_be_equal(study: IngestedStudy) -> None:
    workspace = room(study)
    for target in ("left lung", "right lung"):
        outline(workspace, target, 30)
    await MeasurementPlugin(workspace).measure()
    said = (await recall(workspace, "measurements"))["text"]
    assert "The left and the right lung have the same volume: 3.375 mL [m1, m2, s1]" in said
    assert "larger" not in said


async def test_a_rejected_side_is_not_compared(study: IngestedStudy) -> None:
    workspace = room(study)
    outline(workspace, "left kidney", 30)
    outline(workspace, "right kidney", 32, outcome=Outcome.REJECT)
    await MeasurementPlugin(workspace).measure()
    said = await recall(workspace, "measurements", ["kidneys"])
    assert "larger" not in said["text"]
    assert "Right kidney: not measured, its outline was rejected [m2, s1]." in said["text"]


async def test_a_side_that_is_rejected_after_it_was_measured_keeps_its_numbers_to_itself(kidneys: Workspace) -> None:
    kidneys.masks["m2"] = kidneys.masks["m2"].judged(Quality(Outcome.REJECT, ("Outside of the body.",)))
    said = await recall(kidneys, "measurements")
    assert "larger" not in said["text"]
    assert {r["mask"] for r in said["rows"] if "name" in r} == {"m1"}


async def test_quality_says_verdict_reasons_confidence_and_tries(study: IngestedStudy) -> None:
    workspace = room(study)
    mask = outline(workspace, "liver", 30, outcome=Outcome.REVIEW)
    workspace.quality_steps[mask.mask_id] = "s2"
    workspace.refinements.append(
        Refinement(
            mask.series_uid, "liver", "window", "liver", "soft tissue", "poor", "review", "review", False, ("s4",)
        )
    )
    said = await recall(workspace, "quality")
    assert said["text"].splitlines() == [
        "Liver: QA says review, confidence 0.87 (agreement of 3 answers): The volume is implausible [m1, s2].",
        "Liver was tried again with another window (soft tissue): not kept [s4].",
    ]
    row = said["rows"][0]
    assert (row["outcome"], row["reasons"], row["confidence"]) == ("review", ["The volume is implausible."], 0.87)


async def test_who_said_what(kidneys: Workspace) -> None:
    uid = kidneys.series("series-1").series_uid
    kidneys.reported[uid] = (Statement("No effusion.", "CXRReportGen@1", "s8"),)
    said = await recall(kidneys, "models")
    assert said["text"].splitlines() == [
        "Left kidney was outlined by MedImageParse@3 [m1, s1].",
        "Right kidney was outlined by MedImageParse@3 [m2, s1].",
        'CXRReportGen@1 said of series-1: "No effusion." [s8]',
    ]
    assert (await recall(kidneys, "models", ["left kidney"]))["text"].count("\n") == 0


async def test_outlines_of_two_series_say_of_which_they_are(tmp_path: Path) -> None:
    one = write_phantom(tmp_path, slices=1)
    (tmp_path / "two").mkdir()
    other: dict[str, Any] = {"SeriesInstanceUID": "1.2.3.9", "SOPInstanceUID": "1.2.3.9.1", "SeriesNumber": 5}
    (study,) = ingest([*one, *write_phantom(tmp_path / "two", slices=1, **other)]).studies
    workspace = room(study)
    first = outline(workspace, "liver", 30)
    second = workspace.series("series-2")
    workspace.add_mask(
        replace(first, mask_id=workspace.next_mask_id(), series_uid=second.series_uid, geometry=second.geometry)
    )
    await MeasurementPlugin(workspace).measure()
    lines = (await recall(workspace, "measurements"))["text"].splitlines()
    assert [line.split(":")[0] for line in lines] == ["Liver in series-1", "Liver in series-2"]
    assert "[m2, " in lines[1]


async def test_an_empty_outline_excludes_nothing(study: IngestedStudy) -> None:
    workspace = room(study)
    outline(workspace, "left kidney", 30)
    outline(workspace, "right kidney", 0, outcome=Outcome.REVIEW)
    await MeasurementPlugin(workspace).measure()
    said = (await recall(workspace, "measurements"))["text"]
    assert "Right kidney: MedImageParse@3 outlined nothing; that does not exclude it [m2, s1]." in said
    assert "larger" not in said


async def test_prompts_as_they_were_sent(kidneys: Workspace) -> None:
    uid = kidneys.series("series-1").series_uid
    for target in ("left kidney", "spleen"):
        kidneys.prompts.append(PromptRecord(uid, target, f"{target} in CT", "abdomen", True, 0.9, "asked for"))
    said = await recall(kidneys, "prompts", ["left kidney"])
    assert said["text"] == 'Left kidney: sent as "left kidney in CT", window abdomen; asked for [m1, s1].'
    assert (said["rows"][0]["published_dice"], said["rows"][0]["known"]) == (0.9, True)
    everything = (await recall(kidneys, "prompts"))["text"]
    assert 'Spleen: sent as "spleen in CT"' in everything, "a prompt that gave no outline was sent all the same"


async def test_changes_against_a_prior(kidneys: Workspace) -> None:
    assert "Nothing was compared" in (await recall(kidneys, "changes"))["text"]
    kidneys.changes.append(
        Change("left kidney", "prior-1", "volume", 3.375, 3.0, "mL", 0.375, 12.5, "larger", "side by side", ("s7",))
    )
    said = await recall(kidneys, "changes")
    assert said["text"] == ("Left kidney, volume: 3 mL in prior-1, now 3.375 mL: larger (+12.5 %); side by side [s7].")
    assert said["rows"][0]["percent"] == 12.5


async def test_findings_and_report_with_their_evidence(kidneys: Workspace) -> None:
    first, second = kidneys.findings
    said = await recall(kidneys, "findings", ["right kidney"])
    assert said["text"] == f"{second.text} [{second.finding_id}, {', '.join(second.evidence)}]"
    kidneys.unanswered[("1", "spleen")] = "no model for it here"
    report = (await recall(kidneys, "report"))["text"]
    assert first.text in report
    assert "Not answered: spleen: no model for it here" in report


async def test_before_a_report_findings_are_what_was_measured(study: IngestedStudy) -> None:
    workspace = room(study)
    outline(workspace, "liver", 30)
    await MeasurementPlugin(workspace).measure()
    assert (await recall(workspace, "findings"))["text"].startswith("Liver: ")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["kidney"], {"left kidney", "right kidney"}),
        (["Kidneys"], {"left kidney", "right kidney"}),
        (["both kidneys"], {"left kidney", "right kidney"}),
        (["right kidney"], {"right kidney"}),
        (["the right one", "left kidney"], {"left kidney"}),
        ([], {"left kidney", "right kidney"}),
    ],
    ids=lambda value: " ".join(sorted(value)) or "none",
)
async def test_targets_by_the_names_that_people_use(kidneys: Workspace, asked: list[str], found: set[str]) -> None:
    outline(kidneys, "liver", 40)
    assert {r["target"] for r in (await recall(kidneys, "quality", asked))["rows"]} == found


async def test_what_was_not_found_is_said(kidneys: Workspace) -> None:
    with pytest.raises(NothingFoundYet, match="about spleen") as refused:
        await recall(kidneys, "measurements", ["spleen"])
    assert "outlined and measured first" in refused.value.remedy
    said = await recall(kidneys, "measurements", ["left kidney", "spleen"])
    assert said["text"].endswith("Nothing has been found about spleen yet; ask for it to be outlined.")


@pytest.mark.parametrize("topic", TOPICS)
async def test_nothing_yet(study: IngestedStudy, topic: str) -> None:
    workspace = room(study)
    with pytest.raises(NothingFoundYet, match="Nothing has been found"):
        await recall(workspace, topic)
    assert workspace.runner.steps == []


async def test_no_other_topic(kidneys: Workspace) -> None:
    with pytest.raises(UnknownName, match="findings, measurements"):
        await recall(kidneys, "diagnosis")


@pytest.mark.parametrize("topic", TOPICS)
async def test_one_step_no_model_and_nothing_changed(kidneys: Workspace, topic: str) -> None:
    before, found = len(kidneys.runner.steps), (dict(kidneys.masks), dict(kidneys.measured), list(kidneys.findings))
    said = await recall(kidneys, topic)
    (step,) = kidneys.runner.steps[before:]
    assert (step.agent, step.tool, step.model, step.step_id) == ("recall", topic, "", said["step"])
    assert said["text"]
    assert (kidneys.masks, kidneys.measured, kidneys.findings) == found
