"""`features-classify` over a MedImageInsight endpoint: its softmax, honest about slices, rivals and familiarity."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from domain.errors import ConfigurationError, ModelUnavailable, ModelUnreachable, TargetRefused
from domain.privacy import Deidentified
from domain.study import IngestedStudy
from inference.medimageinsight import MedImageInsight
from inference.reference_set import ReferenceSet
from inference.transport.retry import RetryPolicy
from inference.transport.transport import Endpoint, EndpointTransport, open_client
from jobs.compute import ThreadCompute
from plugins.features import CAUTION, MOST, FeaturesPlugin, sampled
from plugins.report import ReportPlugin
from plugins.workspace import UnknownName, Workspace
from tests.inference.contract_servers import Insight, serve, text_vector
from tests.plugins.rooms import room, slice_study, volume_study
from tools.ingest import ingest
from tools.png import encode_rgb

LABELS = ["pneumonia", "pleural effusion", "no finding"]


def torn(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """An image between two labels: the brighter, the more it looks like the first."""
    share = 0.5 + 0.03 * float(pixels.mean()) / 255
    first, second = (text_vector(f"CT abdomen {label}") for label in LABELS[:2])
    return np.asarray(share * first / np.linalg.norm(first) + (1 - share) * second / np.linalg.norm(second))


@pytest.fixture(scope="module")
def slices(tmp_path_factory: pytest.TempPathFactory) -> IngestedStudy:
    return volume_study(tmp_path_factory.mktemp("volume"), slices=12)


@pytest.fixture
def contract() -> Insight:
    return Insight(images=torn)


@pytest.fixture
def url(contract: Insight) -> Iterator[str]:
    with serve(contract) as address:
        yield address


@pytest.fixture
async def model(url: str) -> AsyncIterator[MedImageInsight]:
    async with open_client() as client:
        transport = EndpointTransport(Endpoint(url), client, policy=RetryPolicy(tries=1, base_s=0.001))
        yield MedImageInsight(transport, compute=ThreadCompute())


async def classify(workspace: Workspace, labels: list[str] | str = "") -> dict[str, Any]:
    said: dict[str, Any] = json.loads(await FeaturesPlugin(workspace).classify("series-1", labels or LABELS))
    return said


async def test_a_slice_is_ranked_by_the_models_own_softmax(model: MedImageInsight, contract: Insight) -> None:
    workspace = room(slice_study(), insight=model)
    said = await classify(workspace)
    rows = {r["label"]: r for r in said["ranking"]}
    assert set(rows) == set(LABELS)
    assert [r["probability"] for r in said["ranking"]] == sorted(
        (r["probability"] for r in said["ranking"]), reverse=True
    )
    assert sum(r["probability"] for r in said["ranking"]) == pytest.approx(1, abs=1e-3)
    factor = np.exp(contract.scaling or 0)
    logits = np.array([factor * rows[label]["similarity"] for label in LABELS])
    softmax = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    assert [rows[label]["probability"] for label in LABELS] == pytest.approx(softmax, abs=0.02)
    assert (said["slices"], {r["spread"] for r in said["ranking"]}) == ([1], {0.0})
    assert said["warnings"] == [CAUTION]
    (step,) = workspace.runner.steps
    assert (step.agent, step.model, step.outputs["slices"]) == ("features", str(model.identity), [0])
    assert workspace.model_versions[model.identity.name] == model.identity.version


async def test_labels_are_sent_as_sentences_and_the_image_without_headers(
    model: MedImageInsight, contract: Insight
) -> None:
    await classify(room(slice_study(), insight=model))
    texts = [text for body in contract.requests for _, text in body["input_data"]["data"] if text]
    assert texts == [f"CT {label}" for label in LABELS]
    sent = json.dumps(contract.requests)
    for identity in ("Doe", "Jane", "4711", "CompressedSamples"):
        assert identity not in sent


async def test_a_colour_image_is_sent_in_colour(model: MedImageInsight, contract: Insight, tmp_path: Path) -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :30, 0], pixels[:, 30:, 2] = 200, 90
    (tmp_path / "skin.png").write_bytes(encode_rgb(pixels))
    (study,) = ingest([tmp_path / "skin.png"], question="dermoscopy: which lesion is it?").studies
    said = await classify(room(study, insight=model), ["naevus", "melanoma"])
    assert {r["label"] for r in said["ranking"]} == {"naevus", "melanoma"}
    rows = [row for body in contract.requests for row in body["input_data"]["data"]]
    assert {text for _, text in rows if text} == {"dermoscopy naevus", "dermoscopy melanoma"}
    (sent,) = [image for image, _ in rows if image]
    with Image.open(io.BytesIO(base64.b64decode(sent)), formats=("PNG",)) as png:
        shown = np.asarray(png.convert("RGB"))
    middle = shown[shown.shape[0] // 2]
    assert (middle[shown.shape[1] // 4].tolist(), middle[3 * shown.shape[1] // 4].tolist()) == ([200, 0, 0], [0, 0, 90])


@pytest.mark.parametrize("label", ["Crohn disease", "Hodgkin lymphoma", "BI-RADS 4", "nodule > 8 mm", "COVID-19"])
async def test_names_of_diseases_name_no_person(model: MedImageInsight, label: str) -> None:
    said = await classify(room(slice_study(), insight=model), [label, "no finding"])
    assert {r["label"] for r in said["ranking"]} == {label, "no finding"}


async def test_a_volume_is_looked_at_in_five_slices_and_says_how_they_differ(
    model: MedImageInsight, contract: Insight, slices: IngestedStudy
) -> None:
    workspace = room(slices, insight=model)
    said = await classify(workspace)
    assert said["slices"] == [2, 4, 7, 9, 11]
    images = [image for body in contract.requests for image, _ in body["input_data"]["data"] if image]
    assert len(images) == 5
    volume = slices.volumes["1.2.3.4"]
    prompts = [Deidentified(f"CT abdomen {label}", "a label") for label in LABELS]
    each = [(await model.zero_shot(await model.image_of(volume, n - 1), prompts)).probabilities for n in said["slices"]]
    rows = {r["label"]: r for r in said["ranking"]}
    assert [rows[x]["probability"] for x in LABELS] == pytest.approx(np.mean(each, axis=0), abs=1e-4)
    assert [rows[x]["spread"] for x in LABELS] == pytest.approx(np.ptp(each, axis=0), abs=1e-4)
    assert max(r["spread"] for r in said["ranking"]) > 0.05, "the phantom's slices differ"
    assert said["ranking"][0]["label"] == "pneumonia"
    assert "mean of 5 slices, spread up to" in said["text"]
    (statement,) = workspace.classified[workspace.series("series-1").series_uid]
    first = said["ranking"][0]
    assert statement.text.startswith(
        f"{model.identity.name} ranks, of the labels given: pneumonia {first['probability']:.2f}, "
    )
    assert statement.text.endswith(CAUTION)
    assert (statement.model, statement.step_id) == (str(model.identity), said["step"])


async def test_what_was_ranked_stands_in_the_draft_for_review(model: MedImageInsight) -> None:
    workspace = room(slice_study(), insight=model)
    said = await classify(workspace)
    await ReportPlugin(workspace).compose()
    (finding,) = workspace.findings
    assert (finding.text, finding.evidence) == (said["text"].removesuffix(f" [{said['step']}]"), (said["step"],))
    assert finding.quality.value == "review"


async def test_without_references_familiarity_is_undecided(model: MedImageInsight) -> None:
    said = await classify(room(slice_study(), insight=model))
    assert said["familiarity"]["outlier"] is None
    assert "undecided" in said["familiarity"]["reason"]


@pytest.mark.parametrize("strange", [True, False], ids=["strange", "familiar"])
async def test_references_tell_a_strange_image(model: MedImageInsight, slices: IngestedStudy, strange: bool) -> None:
    seen = await model.embed_images([await model.image_of(slices.volumes["1.2.3.4"], 6)])
    near = np.random.default_rng(1).normal(size=(150, 1024)) * 0.01
    centre = -seen if strange else seen
    vectors = (centre + near) / np.linalg.norm(centre + near, axis=1, keepdims=True)
    workspace = room(slices, insight=model, references=ReferenceSet.fit("this house", vectors.astype(np.float32)))
    said = await classify(workspace)
    assert said["familiarity"]["outlier"] is strange
    assert any("do not rely on the ranking" in w for w in said["warnings"]) is strange
    assert any("do not rely on the ranking" in w for w in workspace.warnings) is strange


async def test_references_of_another_model_are_a_configuration_error(model: MedImageInsight) -> None:
    other = ReferenceSet.fit("another model", np.eye(120, dtype=np.float32))
    with pytest.raises(ConfigurationError, match="not of this model"):
        await classify(room(slice_study(), insight=model, references=other))


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (["pneumonia"], "cannot be ranked"),
        (["pneumonia", " Pneumonia "], "cannot be ranked"),
        ([f"finding {n}" for n in range(MOST + 1)], "cannot be ranked"),
        (["Jane Doe", "pneumonia"], "name a person"),
        (["MRN4711", "pneumonia"], "name a person"),
        (["Dr. Smith", "pneumonia"], "name a person"),
        (["oedema " * 90, "pneumonia"], "tokens"),
    ],
    ids=["one", "the same twice", "too many", "name", "number", "physician", "too long"],
)
async def test_labels_that_are_refused_reach_no_model(
    model: MedImageInsight, contract: Insight, labels: list[str], why: str
) -> None:
    workspace = room(slice_study(), insight=model)
    with pytest.raises(TargetRefused, match=why):
        await classify(workspace, labels)
    assert contract.requests == []
    assert workspace.classified == {}


async def test_labels_may_come_as_one_text(model: MedImageInsight) -> None:
    said = await classify(room(slice_study(), insight=model), '["oedema", "atelectasis"]')
    assert {r["label"] for r in said["ranking"]} == {"oedema", "atelectasis"}


async def test_without_a_model_the_remedy_is_told(model: MedImageInsight) -> None:
    with pytest.raises(ModelUnavailable, match="MEDIMAGE_MODELS__MEDIMAGEINSIGHT__ENDPOINTS"):
        await classify(room(slice_study()))
    with pytest.raises(UnknownName):
        await FeaturesPlugin(room(slice_study(), insight=model)).classify("series-9", LABELS)


async def test_an_endpoint_that_fails_leaves_a_failed_step_and_no_statement(
    model: MedImageInsight, contract: Insight
) -> None:
    contract.faults.append("503")
    workspace = room(slice_study(), insight=model)
    with pytest.raises(ModelUnreachable):
        await classify(workspace)
    assert [s.ok for s in workspace.runner.steps] == [False]
    assert workspace.classified == {}


@given(st.integers(1, 3000))
def test_sampled_slices_are_there_different_and_spread(count: int) -> None:
    found = sampled(count)
    assert len(found) == min(count, 5)
    assert list(found) == sorted(set(found))
    assert 0 <= found[0] <= found[-1] < count
    gaps = np.diff([-0.5 * count / len(found), *found, count + 0.5 * count / len(found)])
    assert gaps.max() <= count / len(found) + 1.5
