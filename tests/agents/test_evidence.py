"""What stands behind each id of a run, as the grounding of sentences needs it."""

from __future__ import annotations

import numpy as np
import pytest

from agents.evidence import evidence_of
from agents.grounding import Reason, grounded
from domain.access import AccessContext
from domain.analysis import Change
from domain.codes import Unit
from domain.finding import Finding, Measurement
from domain.geometry import Geometry
from domain.mask import Mask, Outcome, Quality
from domain.study import IngestedStudy, Order, Patient, Series, Study, Volume
from inference.catalogue import Catalogue
from jobs.compute import ThreadCompute
from jobs.steps import RecordingStepRunner, SystemClock
from plugins.workspace import DerivedMeasurement, Statement, Workspace
from tools.findings import findings_of

GEOMETRY = Geometry((1, 8, 10), (1.0, 1.0), np.array([[1.0, 0, 0], [0, 1, 0]]), np.array([[0.0, 0, 0]]))
UID = "1.2.3"


def mask(mask_id: str, target: str, columns: slice, outcome: Outcome | None = Outcome.PASS, category: str = "") -> Mask:
    array = np.zeros(GEOMETRY.shape, bool)
    array[:, 2:6, columns] = True
    made = Mask(mask_id, target, category, UID, GEOMETRY, array, "model@1", "s1")
    return made if outcome is None else made.judged(Quality(outcome, ("why so",), 0.9))


def measured(target: str, mask_id: str, value: float, name: str = "area", unit: Unit = Unit.MM2) -> Measurement:
    return Measurement(name, target, value, unit, "pixels", UID, f"{mask_id} (s3)", mask_id, "s3")


@pytest.fixture
def workspace() -> Workspace:
    series = Series(UID, "1.2", "MR", GEOMETRY, (), body_part="CHEST")
    study = Study("1.2", Patient("P1"), (series,))
    ingested = IngestedStudy(study, {UID: Volume(series, np.ones(GEOMETRY.shape, np.float32))})
    made = Workspace(
        ingested=ingested,
        order=Order(indication="effusion?"),
        access=AccessContext("tester", study.patient.key),
        catalogue=Catalogue([]),
        runner=RecordingStepRunner(SystemClock()),
        compute=ThreadCompute(),
    )
    for one in (
        mask("m1", "pleural effusion", slice(0, 4), category="fluid disturbance"),
        mask("m2", "lung nodule", slice(0, 0), Outcome.REVIEW, "tumor"),
        mask("m3", "pneumothorax", slice(6, 10), Outcome.REJECT),
        mask("m4", "heart", slice(3, 7), None),
    ):
        made.add_mask(one)
        made.quality_steps[one.mask_id] = "s2"
    made.measured["m1"] = (measured("pleural effusion", "m1", 16.0),)
    made.measured["m3"] = (measured("pneumothorax", "m3", 16.0),)
    return made


def test_a_mask_gives_target_side_presence_and_numbers(workspace: Workspace) -> None:
    behind = evidence_of(workspace).behind["m1"]
    assert (behind.target, behind.side, behind.present, behind.outcome) == ("pleural effusion", "right", True, "pass")
    assert {(n.name, n.value, n.unit) for n in behind.numbers} >= {("area", 16.0, "mm2"), ("confidence", 0.9, "1")}


@pytest.mark.parametrize(("mask_id", "present"), [("m2", False), ("m3", None), ("m4", None)])
def test_empty_is_not_there_rejected_and_unjudged_are_unknown(
    workspace: Workspace, mask_id: str, present: bool | None
) -> None:
    assert evidence_of(workspace).behind[mask_id].present is present


def test_a_rejected_mask_gives_no_measurement(workspace: Workspace) -> None:
    assert "area" not in {n.name for n in evidence_of(workspace).behind["m3"].numbers}


async def test_a_step_stands_for_the_masks_it_worked_on(workspace: Workspace) -> None:
    async def work() -> int:
        return 1

    for agent in ("segmentation", "qa", "measurement"):
        await workspace.runner.run(agent, "x", work, inputs={})
    evidence = evidence_of(workspace)
    steps = [s.step_id for s in workspace.runner.steps]
    assert [evidence.behind[s].covers for s in steps] == [
        ("m1", "m2", "m3", "m4"),
        ("m1", "m2", "m3", "m4"),
        ("m1", "m3"),
    ]


def test_a_finding_about_a_mask_says_what_the_mask_says(workspace: Workspace) -> None:
    workspace.findings = list(
        findings_of(tuple(workspace.masks.values()), workspace.measured, [], workspace.quality_steps, {UID: "series-1"})
    )
    behind = evidence_of(workspace).behind
    assert (behind["f1"].target, behind["f1"].side, behind["f1"].numbers) == (
        "pleural effusion",
        "right",
        behind["m1"].numbers,
    )
    assert (behind["f2"].target, behind["f2"].present) == ("lung nodule", False)


def test_a_ratio_covers_its_masks(workspace: Workspace) -> None:
    ratio = measured("heart", "m4", 0.52, "cardiothoracic_ratio", Unit.ONE)
    workspace.derived = [DerivedMeasurement(ratio, ("m4", "m1"))]
    workspace.findings = [Finding("f1", "Cardiothoracic ratio: 0.52 (widths).", ("s1", "s3"))]
    behind = evidence_of(workspace).behind["f1"]
    assert ([n.value for n in behind.numbers], behind.covers) == ([0.52], ("m4", "m1"))


def test_changes_stand_behind_mask_and_prior_with_both_values(workspace: Workspace) -> None:
    workspace.changes = [
        Change(
            "pleural effusion", "prior-1", "area", 16.0, 20.0, "mm2", -4.0, -20.0, "smaller", "side by side", ("s9",)
        )
    ]
    behind = evidence_of(workspace).behind
    assert behind["m1"].changes == behind["prior-1"].changes == tuple(workspace.changes)
    assert {(n.name, n.value) for n in behind["prior-1"].numbers} == {
        ("area.now", 16.0),
        ("area.before", 20.0),
        ("area.change", -4.0),
        ("area.change", 4.0),
        ("area.percent", -20.0),
        ("area.percent", 20.0),
    }


async def test_statements_stand_behind_their_step(workspace: Workspace) -> None:
    async def work() -> int:
        return 1

    await workspace.runner.run("history", "search", work, inputs={})
    step = workspace.runner.steps[0].step_id
    workspace.facts.append(Statement("A report of 2023 describes an effusion.", "history", step))
    assert evidence_of(workspace).behind[step].texts == ("A report of 2023 describes an effusion.",)


def test_what_was_not_answered_is_known(workspace: Workspace) -> None:
    workspace.unanswered[(UID, "aorta")] = "No model here answers."
    assert evidence_of(workspace).undone == (("aorta", "No model here answers."),)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("The right pleural effusion has an area of 16 mm² [m1].", None),
        ("The left pleural effusion has an area of 16 mm² [m1].", Reason.SIDE),
        ("There is no lung nodule [m2].", Reason.EXCLUSION),
        ("The pneumothorax has an area of 16 mm² [m3].", Reason.PRESENCE),
    ],
)
def test_sentences_stand_on_the_evidence_of_a_run(workspace: Workspace, sentence: str, reason: Reason | None) -> None:
    _, dropped = grounded(sentence, [], [], evidence_of(workspace))
    assert [d.reason for d in dropped] == ([] if reason is None else [reason])
