"""What a run knows: one patient, short names, one mask a target, warnings that live as long as their owner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file

from domain.access import AccessContext
from domain.errors import PatientLockViolation
from domain.mask import Mask, Outcome, Quality
from domain.study import IngestedStudy, Order
from inference.catalogue import Catalogue
from jobs.compute import ThreadCompute
from jobs.steps import RecordingStepRunner, SystemClock
from plugins.measurement import MeasurementPlugin
from plugins.prompts import PromptsPlugin
from plugins.quality import QualityPlugin
from plugins.report import ReportPlugin
from plugins.results import failure, names
from plugins.workspace import UnknownName, Workspace
from tools.ingest import ingest


@pytest.fixture(scope="module")
def chest() -> IngestedStudy:
    """A frontal film of pydicom's own data set: grey values, no size."""
    pytest.importorskip("data_store", reason="the demonstration images are not installed")
    (study,) = ingest([Path(str(get_testdata_file("RG1_UNCR.dcm", download=False)))]).studies
    return study


@pytest.fixture
def workspace(chest: IngestedStudy) -> Workspace:
    return Workspace(
        ingested=chest,
        order=Order(indication="heart size"),
        access=AccessContext("tester", chest.study.patient.key),
        catalogue=Catalogue([]),
        runner=RecordingStepRunner(SystemClock()),
        compute=ThreadCompute(),
    )


def outline(workspace: Workspace, target: str, box: tuple[int, int, int, int], outcome: Outcome | None) -> Mask:
    """A rectangle as a mask: rows and columns from, to."""
    series = workspace.series("series-1")
    array = np.zeros(series.geometry.shape, bool)
    top, bottom, left, right = box
    array[0, top:bottom, left:right] = True
    made = Mask(workspace.next_mask_id(), target, "", series.series_uid, series.geometry, array, "model@1", "s1")
    workspace.add_mask(made if outcome is None else made.judged(Quality(outcome, ("why",))))
    return workspace.mask(made.mask_id)


def lungs_and_heart(workspace: Workspace, heart: Outcome | None) -> None:
    outline(workspace, "left lung", (300, 1400, 1000, 1600), Outcome.PASS)
    outline(workspace, "right lung", (300, 1400, 200, 800), Outcome.PASS)
    outline(workspace, "heart", (900, 1400, 700, 1300), heart)


def test_a_workspace_of_another_patient_cannot_be_opened(chest: IngestedStudy, workspace: Workspace) -> None:
    with pytest.raises(PatientLockViolation):
        Workspace(
            ingested=chest, order=Order(), access=AccessContext("tester", "|somebody else"),
            catalogue=workspace.catalogue, runner=workspace.runner, compute=workspace.compute,
        )  # fmt: skip


@pytest.mark.parametrize("name", ["series-2", "series-0", "", "1.2.840.113619"])
def test_what_is_not_in_the_workspace_has_no_name(workspace: Workspace, name: str) -> None:
    with pytest.raises(UnknownName, match="series-1"):
        workspace.series(name)


def test_a_target_has_one_mask_in_a_series(workspace: Workspace) -> None:
    first = outline(workspace, "heart", (0, 10, 0, 10), Outcome.PASS)
    second = outline(workspace, "heart", (0, 20, 0, 20), None)
    assert list(workspace.masks) == [second.mask_id]
    assert first.mask_id != second.mask_id


async def test_the_cardiothoracic_ratio_is_of_usable_outlines(workspace: Workspace) -> None:
    lungs_and_heart(workspace, Outcome.PASS)
    said = json.loads(await MeasurementPlugin(workspace).measure())
    ratio = next(m for m in said["measurements"] if m["name"] == "cardiothoracic_ratio")
    assert ratio["value"] == pytest.approx(600 / 1400, abs=1e-4)
    assert ratio["unit"] == "1"


async def test_a_rejected_heart_gives_no_ratio_and_no_numbers(workspace: Workspace) -> None:
    lungs_and_heart(workspace, Outcome.REJECT)
    await MeasurementPlugin(workspace).measure()
    assert {m.target for m in workspace.measurements} == {"left lung", "right lung"}
    assert workspace.derived == []


async def test_a_new_heart_takes_the_old_ratio_away(workspace: Workspace) -> None:
    lungs_and_heart(workspace, Outcome.PASS)
    await MeasurementPlugin(workspace).measure()
    assert workspace.derived
    outline(workspace, "heart", (900, 1000, 700, 800), None)
    assert workspace.derived == []


async def test_an_outline_that_is_not_judged_is_not_measured(workspace: Workspace) -> None:
    lungs_and_heart(workspace, None)
    with pytest.raises(Exception, match="QA has not judged") as refused:
        await MeasurementPlugin(workspace).measure(["m3"])
    assert "quality-assess" in failure(refused.value)


async def test_an_outline_replaced_while_it_was_judged_stays_replaced(workspace: Workspace) -> None:
    outline(workspace, "heart", (900, 1400, 700, 1300), None)

    class Slow(ThreadCompute):
        async def run(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
            outline(workspace, "heart", (0, 20, 0, 20), None)
            return await super().run(function, *args, **kwargs)

    workspace.compute = Slow()
    await QualityPlugin(workspace).assess()
    (mask,) = workspace.masks.values()
    assert mask.quality is None
    assert mask.voxel_count == 400


async def test_warnings_live_as_long_as_what_they_are_about(workspace: Workspace) -> None:
    lungs_and_heart(workspace, Outcome.PASS)
    workspace.standing = ("about the image",)
    await MeasurementPlugin(workspace).measure()
    workspace.warn("about this turn")
    of_masks = [w for w in workspace.warnings if w not in {"about the image", "about this turn"}]
    assert of_masks
    workspace.ask("and why?")
    assert "about this turn" not in workspace.warnings
    assert set(of_masks) <= set(workspace.warnings)
    assert "about the image" in workspace.warnings


async def test_what_is_critical_is_told_with_the_step_that_finds_it(workspace: Workspace) -> None:
    await ReportPlugin(workspace).compose()
    outline(workspace, "pneumothorax", (300, 1400, 1000, 1600), Outcome.PASS)
    await ReportPlugin(workspace).compose()
    calm, alarming = [step.outputs for step in workspace.runner.steps if step.tool == "compose"]
    assert "critical" not in calm
    assert alarming["critical"] == workspace.critical
    assert [row["rule"] for row in workspace.critical] == ["pneumothorax"]


async def test_a_question_without_a_target_is_about_what_was_found_before(workspace: Workspace) -> None:
    lungs_and_heart(workspace, Outcome.PASS)
    workspace.asked = {"heart"}
    workspace.ask("Why does it need review?")
    crafted = json.loads(await PromptsPlugin(workspace).craft("series-1"))
    assert crafted["prompts"] == []
    answer = json.loads(await ReportPlugin(workspace).compose())["answer"]
    assert "Heart" in answer
    assert "lung" not in answer.lower().split("cardiothoracic")[0]
    assert workspace.order.indication == "Why does it need review?"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (["liver", "spleen"], ["liver", "spleen"]),
        ("liver, spleen", ["liver", "spleen"]),
        ('["liver", "spleen"]', ["liver", "spleen"]),
        ("[liver, spleen]", ["liver", "spleen"]),
        (None, []),
        ("", []),
    ],
)
def test_lists_are_read_as_models_send_them(sent: Any, read: list[str]) -> None:
    assert names(sent) == read


def test_a_foreign_error_keeps_its_text_to_itself() -> None:
    assert "Jane" not in failure(RuntimeError("could not read Jane Doe.dcm"))
