"""Two studies of one patient, end to end: outlined by a real endpoint now and before, registered, compared, told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pytest

from domain.access import AccessContext
from domain.errors import MedImageError, ModelUnreachable, PatientLockViolation
from domain.finding import Measurement
from domain.mask import Outcome, Quality
from domain.prior import PriorStudies
from domain.study import IngestedStudy, Order, Patient, Study, Volume
from inference.catalogue import Catalogue
from inference.medimageparse import MedImageParse
from inference.transport.transport import Endpoint, EndpointTransport, open_client
from jobs.compute import ThreadCompute
from jobs.priors import TogetherPriors
from jobs.steps import RecordingStepRunner, SystemClock
from plugins.comparison import ComparisonPlugin, NoPrior, NothingMeasured, prior_rows
from plugins.measurement import MeasurementPlugin
from plugins.prompts import PromptsPlugin
from plugins.quality import QualityPlugin
from plugins.segmentation import SegmentationPlugin
from plugins.workspace import Surroundings, UnknownName, Workspace
from tests.inference.endpoint_server import Behaviour, disc, endpoint_server
from tests.tools.comparison_phantoms import SHAPE, movement, trunk
from tools.comparison.sentences import sentences

PATIENT = Patient("P1", birth_date=date(1960, 5, 1), sex="F")
ACCESS = AccessContext("tester", PATIENT.key)
MOVED = movement(0.0, (0, 0, 1), (7.0, 0.0, 0.0))
LARGE, SMALL = 0.20, 0.15
PLANES = 10


def cut(volume: Volume) -> Volume:
    """The middle of the trunk: fewer slices, fewer questions."""
    grid = volume.geometry
    assert grid.positions_mm is not None
    part = replace(grid, shape=(PLANES, *grid.shape[1:]), positions_mm=grid.positions_mm[8 : 8 + PLANES])
    return Volume(replace(volume.series, geometry=part), volume.array[8 : 8 + PLANES])


def study(uid: str, when: datetime | None, volume: Volume, patient: Patient = PATIENT) -> IngestedStudy:
    series = replace(volume.series, study_uid=uid, series_uid=f"{uid}.1", body_part="ABDOMEN")
    made = Study(uid, patient, (series,), started=when)
    return IngestedStudy(made, {series.series_uid: Volume(series, volume.array)})


NOW = study("1.1", datetime(2024, 3, 1), cut(trunk(seed=2)))
BEFORE = study("1.2", datetime(2023, 2, 1), cut(trunk(MOVED, seed=3, study="2")))
LATER = study("1.3", datetime(2025, 1, 1), cut(trunk(seed=4, study="3")))


@dataclass
class Reading:
    """Priors that were given together; counts how often pixels are read."""

    inner: PriorStudies
    read_uids: list[str] = field(default_factory=list)

    async def listed(self, access: AccessContext, study_uid: str) -> Any:
        return await self.inner.listed(access, study_uid)

    async def read(self, access: AccessContext, study_uid: str) -> IngestedStudy:
        self.read_uids.append(study_uid)
        return await self.inner.read(access, study_uid)


@pytest.fixture
def behaviour() -> Behaviour:
    shapes = {"liver": disc(0.45, 0.4, LARGE, "liver"), "spleen": disc(0.5, 0.72, 0.05, "other organ")}
    return Behaviour(shapes, SHAPE[1:])


@pytest.fixture
def endpoint(behaviour: Behaviour) -> Iterator[str]:
    with endpoint_server(behaviour) as url:
        yield url


@pytest.fixture
async def model(endpoint: str) -> AsyncIterator[MedImageParse]:
    async with open_client(read_s=10) as client:
        yield MedImageParse(EndpointTransport(Endpoint(endpoint), client))


def opened(priors: PriorStudies | None, model: MedImageParse | None = None, now: IngestedStudy = NOW) -> Workspace:
    return Workspace(
        ingested=now,
        order=Order(indication="compare the liver with the prior"),
        access=AccessContext("tester", now.study.patient.key),
        catalogue=Catalogue([model] if model else []),
        runner=RecordingStepRunner(SystemClock()),
        compute=ThreadCompute(),
        around=Surroundings(priors=priors),
    )


async def look(workspace: Workspace, *targets: str) -> None:
    """Outline, judge and measure in the present study."""
    await PromptsPlugin(workspace).craft("series-1", list(targets))
    await SegmentationPlugin(workspace).segment("series-1", list(targets))
    await QualityPlugin(workspace).assess()
    await MeasurementPlugin(workspace).measure()


async def compare(workspace: Workspace, prior: str = "prior-1", targets: list[str] | None = None) -> dict[str, Any]:
    return json.loads(await ComparisonPlugin(workspace).compare(prior, targets))  # type: ignore[no-any-return]


def shrunk(behaviour: Behaviour) -> None:
    """What the endpoint finds from now on: it is asked about the earlier study then."""
    behaviour.shapes = {**behaviour.shapes, "liver": disc(0.45, 0.4, SMALL, "liver")}


async def test_two_studies_end_to_end(behaviour: Behaviour, model: MedImageParse) -> None:
    workspace = opened(Reading(TogetherPriors([NOW, BEFORE])), model)
    await look(workspace, "liver")
    asked = len(behaviour.requests)
    shrunk(behaviour)
    said = await compare(workspace, targets=["liver"])
    (change,) = [c for c in said["changes"] if c["name"] == "volume"]
    assert change["state"] == "larger"
    # Discs whose radii are a fifth and three twentieths of the image.
    assert change["percent"] == pytest.approx(100 * ((LARGE / SMALL) ** 2 - 1), rel=0.12)
    assert "rigid registration" in change["how"]
    assert (said["prior"], said["date"], said["not_compared"]) == ("prior-1", "2023-02", [])
    # The prior was asked the same words, slice by slice, and only about what was asked for.
    texts = [r["body"]["input_data"]["data"][0][1] for r in behaviour.requests]
    assert set(texts) == {"liver"}
    assert len(texts) == 2 * asked
    # Every step of the prior is a step of this run, and says so.
    steps = {s.step_id: s for s in workspace.runner.steps}
    prior_steps = [s for s in steps.values() if s.inputs.get("study") == "prior-1"]
    assert {s.tool for s in prior_steps} == {"craft_prompts", "segment", "assess", "measure"}
    assert set(change["steps"]) <= steps.keys()
    assert steps[change["steps"][-1]].tool == "compare"
    assert {s.step_id for s in prior_steps if s.tool in {"segment", "measure"}} <= set(change["steps"])
    # The present study's masks are untouched, and the change is in the workspace.
    assert [m.mask_id for m in workspace.masks.values()] == ["m1"]
    assert {c.target for c in workspace.changes} == {"liver"}
    assert "2023-02" in said["text"]
    assert said["text"].endswith("]")
    assert not any("P1" in text for text in (json.dumps(said), str([s.inputs for s in steps.values()])))


async def test_the_prior_is_used_again_and_asked_about_what_is_missing_only(
    behaviour: Behaviour, model: MedImageParse
) -> None:
    priors = Reading(TogetherPriors([NOW, BEFORE]))
    workspace = opened(priors, model)
    await look(workspace, "liver", "spleen")
    await compare(workspace, targets=["liver"])
    asked, registered = len(behaviour.requests), registrations(workspace)
    await compare(workspace, targets=["liver"])
    assert len(behaviour.requests) == asked
    said = await compare(workspace, targets=["spleen"])
    assert {c["target"] for c in said["changes"]} == {"spleen"}
    assert {r["body"]["input_data"]["data"][0][1] for r in behaviour.requests[asked:]} == {"spleen"}
    assert priors.read_uids == ["1.2"]
    assert registrations(workspace) == registered == 1
    assert sorted({c.target for c in workspace.changes}) == ["liver", "spleen"]
    assert len({(c.target, c.name) for c in workspace.changes}) == len(workspace.changes)


def registrations(workspace: Workspace) -> int:
    return sum(s.tool == "register" for s in workspace.runner.steps)


async def test_an_outline_of_the_prior_that_qa_rejects_is_not_compared(
    behaviour: Behaviour, model: MedImageParse, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = opened(TogetherPriors([NOW, BEFORE]), model)
    await look(workspace, "liver")

    def reject(masks: list[Any], *_: Any) -> list[Quality]:
        return [Quality(Outcome.REJECT, ("It lies outside the patient.",)) for _ in masks]

    monkeypatch.setattr("plugins.quality.assess_all", reject)
    said = await compare(workspace)
    assert said["changes"] == []
    (refused,) = said["not_compared"]
    assert refused["target"] == "liver"
    assert "QA rejected its outline: It lies outside the patient." in refused["reason"]
    assert workspace.changes == []
    assert any("compared with prior-1" in text for text in workspace.unanswered_texts)


async def test_doubts_about_the_prior_are_passed_on(model: MedImageParse, monkeypatch: pytest.MonkeyPatch) -> None:
    series = replace(BEFORE.study.series[0], warnings=("tilted by 12°",))
    tilted = IngestedStudy(
        replace(BEFORE.study, series=(series,)),
        {series.series_uid: Volume(series, BEFORE.volumes[series.series_uid].array)},
    )
    workspace = opened(TogetherPriors([NOW, tilted]), model)
    await look(workspace, "liver")

    def doubt(masks: list[Any], *_: Any) -> list[Quality]:
        return [Quality(Outcome.REVIEW, ("It is in two pieces.",)) for _ in masks]

    monkeypatch.setattr("plugins.quality.assess_all", doubt)
    said = await compare(workspace)
    assert said["changes"]
    assert "prior-1: series-1: tilted by 12°" in said["warnings"]
    assert "prior-1: liver: for review: It is in two pieces." in said["warnings"]
    assert set(said["warnings"]) <= set(workspace.warnings)


async def test_a_model_that_is_down_for_the_prior_leaves_the_present_as_it_is(
    behaviour: Behaviour, model: MedImageParse, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = opened(TogetherPriors([NOW, BEFORE]), model)
    await look(workspace, "liver")

    async def down(*_: Any, **__: Any) -> Any:
        raise ModelUnreachable("MedImageParse does not answer.", remedy="Try again later.")

    monkeypatch.setattr("plugins.outlining.ask", down)
    said = await compare(workspace)
    assert said["changes"] == []
    assert "does not answer" in said["not_compared"][0]["reason"]
    assert workspace.measured["m1"]


async def test_a_prior_of_another_modality_is_not_compared(model: MedImageParse) -> None:
    series = replace(BEFORE.study.series[0], modality="MR")
    other = IngestedStudy(replace(BEFORE.study, series=(series,)), BEFORE.volumes)
    workspace = opened(TogetherPriors([NOW, other]), model)
    await look(workspace, "liver")
    said = await compare(workspace)
    assert said["changes"] == []
    assert "has no CT images" in said["not_compared"][0]["reason"]


async def test_a_target_that_was_not_outlined_is_told(model: MedImageParse) -> None:
    workspace = opened(TogetherPriors([NOW, BEFORE]), model)
    await look(workspace, "liver")
    said = await compare(workspace, targets=["liver", "pancreas"])
    assert {c["target"] for c in said["changes"]} == {"liver"}
    assert said["not_compared"] == [{"target": "pancreas", "reason": "it was not outlined in this study."}]


@pytest.mark.parametrize(
    ("priors", "name", "error", "remedy"),
    [
        pytest.param(None, "prior-1", NoPrior, "Send the earlier study", id="no port"),
        pytest.param(TogetherPriors([NOW]), "prior-1", NoPrior, "Send the earlier study", id="none stored"),
        pytest.param(TogetherPriors([NOW, BEFORE]), "prior-2", UnknownName, "study-describe", id="unknown name"),
        pytest.param(TogetherPriors([NOW, LATER]), "prior-1", NoPrior, "Open that study", id="later"),
        pytest.param(TogetherPriors([NOW, BEFORE]), "prior-1", NothingMeasured, "segmentation-segment", id="too early"),
    ],
)
async def test_refusals_say_what_to_do(
    priors: PriorStudies | None, name: str, error: type[MedImageError], remedy: str
) -> None:
    workspace = opened(priors)
    with pytest.raises(error) as refused:
        await ComparisonPlugin(workspace).compare(name)
    assert remedy in refused.value.remedy
    assert workspace.changes == []
    assert any(text.startswith("comparison with an earlier study") for text in workspace.unanswered_texts)


@pytest.mark.parametrize(
    "patient",
    [
        pytest.param(replace(PATIENT, birth_date=date(1961, 5, 1)), id="born on another day"),
        pytest.param(replace(PATIENT, sex="M"), id="of another sex"),
    ],
)
async def test_one_identifier_of_two_persons_is_not_compared(model: MedImageParse, patient: Patient) -> None:
    stranger = IngestedStudy(replace(BEFORE.study, patient=patient), BEFORE.volumes)
    workspace = opened(TogetherPriors([NOW, stranger]), model)
    await look(workspace, "liver")
    with pytest.raises(PatientLockViolation, match="contradicts"):
        await ComparisonPlugin(workspace).compare()
    assert workspace.prior_workspaces == {}


async def test_another_patients_study_cannot_be_opened_even_by_a_port_that_gives_it(model: MedImageParse) -> None:
    foreign = IngestedStudy(replace(BEFORE.study, patient=Patient("P2")), BEFORE.volumes)

    class Leaking(TogetherPriors):
        async def read(self, access: AccessContext, study_uid: str) -> IngestedStudy:
            return foreign

    workspace = opened(Leaking([NOW, BEFORE]), model)
    await look(workspace, "liver")
    with pytest.raises(PatientLockViolation):
        await ComparisonPlugin(workspace).compare()


async def test_rows_name_earlier_studies_first_and_nobody() -> None:
    undated = study("1.4", None, trunk(study="4"))
    older = study("1.5", datetime(2020, 1, 1), trunk(study="5"))
    workspace = opened(TogetherPriors([NOW, LATER, undated, older, BEFORE]))
    rows = await prior_rows(workspace)
    assert [(r["name"], r["date"], r["relation"]) for r in rows] == [
        ("prior-1", "2023-02", "earlier"),
        ("prior-2", "2020-01", "earlier"),
        ("prior-3", "", "undated"),
        ("prior-4", "2025-01", "later"),
    ]
    assert "1.2" not in json.dumps(rows)
    assert "P1" not in json.dumps(rows)


async def test_an_archive_that_does_not_answer_is_a_warning() -> None:
    class Down(TogetherPriors):
        async def listed(self, access: AccessContext, study_uid: str) -> Any:
            raise ModelUnreachable("The archive does not answer.")

    workspace = opened(Down([NOW]))
    assert await prior_rows(workspace) == ()
    assert any("could not be listed" in text for text in workspace.warnings)


async def test_the_heart_is_compared_by_its_ratio(model: MedImageParse, behaviour: Behaviour) -> None:
    def film(uid: str, when: datetime) -> IngestedStudy:
        volume = trunk(seed=int(when.year))
        grid = replace(volume.geometry, shape=(1, 40, 40), positions_mm=None, orientation=None)
        image = np.clip(volume.array[14:15] + 1000, 0, None)
        series = replace(volume.series, modality="DX", geometry=grid, body_part="CHEST", view_position="PA")
        made = study(uid, when, Volume(series, image))
        (own,) = made.study.series
        chest = replace(own, body_part="CHEST")
        return IngestedStudy(replace(made.study, series=(chest,)), {chest.series_uid: Volume(chest, image)})

    def sees(heart: float) -> None:
        behaviour.shapes = {
            "heart": disc(0.6, 0.5, heart, "heart anatomies"),
            "left lung": disc(0.4, 0.72, 0.2, "lung"),
            "right lung": disc(0.4, 0.28, 0.2, "lung"),
        }

    now, before = film("2.1", datetime(2024, 1, 1)), film("2.2", datetime(2022, 1, 1))
    workspace = opened(TogetherPriors([now, before]), model, now)
    sees(0.24)
    await look(workspace, "heart", "left lung", "right lung")
    for mask_id, mask in workspace.masks.items():  # a drawing is no chest: its verdict is not what is tested
        workspace.masks[mask_id] = mask.judged(Quality(Outcome.PASS))
    await MeasurementPlugin(workspace).measure(list(workspace.masks))
    sees(0.15)
    ratio = next(d.measurement for d in workspace.derived)
    assert isinstance(ratio, Measurement)
    said = await compare(workspace, targets=["heart"])
    assert not any(c["target"].endswith("lung") for c in said["changes"])
    areas = [c for c in said["changes"] if c["name"] == "area"]
    assert all("side by side: DX images are not registered" in c["how"] for c in said["changes"])
    assert [c["state"] for c in areas] == ["larger"]
    assert [c["state"] for c in said["changes"] if c["name"] == "cardiothoracic_ratio"] == ["larger"]


async def test_changes_become_sentences_of_the_report(behaviour: Behaviour, model: MedImageParse) -> None:
    workspace = opened(TogetherPriors([NOW, BEFORE]), model)
    await look(workspace, "liver")
    shrunk(behaviour)
    await compare(workspace)
    ((text, steps),) = sentences(workspace.changes)
    assert text.startswith("Liver: volume ")
    assert "more: larger" in text
    assert set(steps) <= {s.step_id for s in workspace.runner.steps}
