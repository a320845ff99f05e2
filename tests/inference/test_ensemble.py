"""Ensembles: exact areas through every view, agreement that means something, budgets, replays, failures by name."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import numpy as np
import pytest

from domain.errors import ModelRefused
from domain.mask import Mask
from domain.model import Window
from domain.study import Volume
from inference.ensemble.ensemble import segment_ensemble
from inference.ensemble.plan import Asked, EnsemblePlan, plan_ensemble, reworded
from inference.local.in_process import embedded_models
from inference.medimageparse import MedImageParse
from inference.series.slice_choice import every_nth, these_slices
from inference.series.volumes import PromptWindow, segment_series
from inference.transport.retry import RetryPolicy
from inference.transport.transport import Endpoint, EndpointTransport, open_client
from tests.inference.seeing_server import Sight, seeing_server
from tests.inference.support import Here, dice, volume_of
from tools.quality_confidence import confidence_of

WINDOW = Window("test", -1000, 1000)
BRIGHT = (PromptWindow("Lung", WINDOW),)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with open_client() as opened:
        yield opened


def model_of(url: str, client: httpx.AsyncClient, version: str = "1") -> MedImageParse:
    endpoint = Endpoint(url, version=version)
    return MedImageParse(EndpointTransport(endpoint, client, policy=RetryPolicy(tries=1)))


def phantom(slices: int = 4, rows: int = 90, columns: int = 70) -> Volume:
    """Two bright rectangles that no flip maps onto themselves; no slice equals another."""
    array = np.full((slices, rows, columns), -900, np.int16)
    array[:, 5, 5] = np.arange(slices) * 30 - 600
    array[:, 10:50, 5:30] = 900
    array[1:, 60:80, 40:60] = 900
    return volume_of(array)


async def test_every_view_comes_back_to_the_exact_area(client: httpx.AsyncClient) -> None:
    volume, sight = phantom(), Sight()
    with seeing_server(sight) as url:
        asked = [Asked(model_of(url, client), BRIGHT)]
        plan = plan_ensemble(asked, volume.series, repeats=4, seed=3, wordings={"lung": ["both lungs"]})
        result = await segment_ensemble(plan, asked, volume, compute=Here())
        await client.aclose()
    assert {m.augmentation.flip_columns for m in plan.members} == {False, True}
    found = result.masks["lung"]
    for mask in (found.mask, *found.repeats):
        assert mask.target == "lung"
        assert np.array_equal(mask.array, volume.array > 0)
    assert found.agreement is not None
    assert found.agreement.confidence == found.agreement.dice == 1.0
    assert found.agreement.confidence_source == "agreement of 5 repeats"
    assert found.fused
    assert result.extra_images == 16
    assert len(sight.requests) == 20
    assert {text for rows in sight.requests for text in rows} == {"Lung", "both lungs"}


async def test_unsteady_answers_agree_less_and_the_majority_is_nearer(client: httpx.AsyncClient) -> None:
    volume = phantom()
    confidence: dict[int, float] = {}
    for unsteady in (0, 40, 160):
        with seeing_server(Sight(unsteady=unsteady)) as url:
            asked = [Asked(model_of(url, client), BRIGHT)]
            plan = plan_ensemble(asked, volume.series, repeats=4, seed=1)
            result = await segment_ensemble(plan, asked, volume, compute=Here())
        found = result.masks["lung"]
        assert found.agreement is not None
        confidence[unsteady] = found.agreement.confidence
        if unsteady:
            truth = volume.array > 0
            members = [dice(mask.array, truth) for mask in found.repeats]
            assert dice(found.mask.array, truth) > np.mean(members)
    assert 1.0 == confidence[0] > confidence[40] > confidence[160] > 0


async def test_soft_masks_are_fused_by_their_mean(client: httpx.AsyncClient) -> None:
    volume = volume_of(np.full((2, 64, 64), -900, np.int16))
    volume.array[:, 10:30, 10:40] = 500
    with seeing_server(Sight(soft=True)) as url:
        asked = [Asked(model_of(url, client), BRIGHT)]
        plan = plan_ensemble(asked, volume.series, repeats=3, seed=5)
        result = await segment_ensemble(plan, asked, volume, compute=Here())
        plain = await segment_series(asked[0].model, volume, BRIGHT, compute=Here())
        await client.aclose()
    found = result.masks["lung"]
    assert found.mask.kind == "soft"
    members = np.stack([mask.probability for mask in (plain["lung"], *found.repeats)])
    assert len(members) == 4
    assert members.std(axis=0).max() > 0.01, "other windows give other probabilities"
    assert np.all(np.abs(found.mask.probability - members.mean(axis=0)) <= 0.5 / 255 + 1e-6)
    assert found.agreement is not None
    assert found.agreement.dice == 1.0
    assert 0 < found.agreement.entropy_bits < 1


async def test_models_are_compared_and_named(client: httpx.AsyncClient) -> None:
    volume = phantom()
    with seeing_server(Sight()) as one, seeing_server(Sight(unsteady=30)) as other:
        asked = [Asked(model_of(one, client, "1"), BRIGHT), Asked(model_of(other, client, "2"), BRIGHT)]
        plan = plan_ensemble(asked, volume.series, repeats=0, seed=0)
        result = await segment_ensemble(plan, asked, volume, compute=Here())
        await client.aclose()
    found = result.masks["lung"].agreement
    assert found is not None
    assert found.confidence_source == "agreement of models MedImageParse@1, MedImageParse@2"
    assert found.members == 2
    assert 0 < found.confidence < 1


async def test_a_plan_can_be_replayed_from_its_record(client: httpx.AsyncClient) -> None:
    volume, sight = phantom(2), Sight(unsteady=25)
    with seeing_server(sight) as url:
        asked = [Asked(model_of(url, client), BRIGHT)]
        plan = plan_ensemble(asked, volume.series, repeats=3, seed=11)
        assert plan == plan_ensemble(asked, volume.series, repeats=3, seed=11)
        assert plan != plan_ensemble(asked, volume.series, repeats=3, seed=12)
        first = await segment_ensemble(plan, asked, volume, compute=Here())
        sent = sorted(sight.images)
        sight.images.clear()
        read = EnsemblePlan.from_record(json.loads(json.dumps(plan.record())))
        assert read == plan
        again = await segment_ensemble(read, asked, volume, compute=Here())
        await client.aclose()
    assert sorted(sight.images) == sent
    assert np.array_equal(first.masks["lung"].mask.array, again.masks["lung"].mask.array)
    assert first.masks["lung"].agreement == again.masks["lung"].agreement


async def test_a_budget_bounds_extra_images_and_says_what_was_left_out(client: httpx.AsyncClient) -> None:
    volume, sight = phantom(5), Sight()
    told: list[tuple[int, int]] = []
    with seeing_server(sight) as url:
        asked = [Asked(model_of(url, client), BRIGHT)]
        plan = plan_ensemble(asked, volume.series, repeats=4, seed=2)
        result = await segment_ensemble(
            plan,
            asked,
            volume,
            compute=Here(),
            extra_images=12,
            on_progress=lambda done, total: told.append((done, total)),
        )
        await client.aclose()
    assert result.extra_images == 10
    assert len(sight.requests) == 15
    assert len(result.answered) == 3
    assert sum("not asked: 5 images are more than the 2 left" in note for note in result.notes) == 2
    assert told[0] == (0, 15)
    assert told[-1] == (15, 15)


async def test_agreement_on_a_sample_leaves_the_base_as_it_is(client: httpx.AsyncClient) -> None:
    volume, sight = phantom(8), Sight()
    with seeing_server(sight) as url:
        model = model_of(url, client)
        base = await segment_series(model, volume, BRIGHT, compute=Here())
        sight.requests.clear()
        asked = [Asked(model, BRIGHT)]
        plan = plan_ensemble(asked, volume.series, repeats=2, seed=4)
        sample = every_nth(volume.geometry, 4)
        result = await segment_ensemble(plan, asked, volume, compute=Here(), base=base, slices=sample)
        part = await segment_series(model, volume, BRIGHT, compute=Here(), slices=[0, 1])
        with pytest.raises(ValueError, match="base answer"):
            await segment_ensemble(plan, asked, volume, compute=Here(), base=part, slices=sample)
        await client.aclose()
    found = result.masks["lung"]
    assert not found.fused
    assert found.mask is base["lung"]
    assert found.mask.slices.complete
    assert found.agreement is not None
    assert found.agreement.slices == 2
    assert result.extra_images == 4
    assert all(not repeat.slices.complete for repeat in found.repeats)


async def test_a_member_that_fails_is_left_out_by_name(client: httpx.AsyncClient) -> None:
    volume, broken = phantom(2), Sight(fail_from=0)
    with seeing_server(Sight()) as url, seeing_server(broken) as other:
        asked = [Asked(model_of(url, client, "1"), BRIGHT), Asked(model_of(other, client, "2"), BRIGHT)]
        plan = plan_ensemble(asked, volume.series, repeats=1, seed=0)
        result = await segment_ensemble(plan, asked, volume, compute=Here())
        alone = plan_ensemble(asked, volume.series, repeats=0, seed=0)
        lonely = await segment_ensemble(alone, asked, volume, compute=Here())
        with pytest.raises(ModelRefused):
            await segment_ensemble(
                plan_ensemble(asked[1:], volume.series, repeats=1, seed=0), asked[1:], volume, compute=Here()
            )
        await client.aclose()
    assert any(note.startswith("MedImageParse@2, plain gave no answer") for note in result.notes)
    found = result.masks["lung"].agreement
    assert found is not None
    assert found.confidence_source == "agreement of 2 repeats"
    assert lonely.masks["lung"].agreement is None
    assert not lonely.masks["lung"].fused


def test_a_plan_says_why_images_are_not_mirrored() -> None:
    volume = phantom()
    asked = [Asked(_Takes(), (PromptWindow("liver", WINDOW),))]
    plan = plan_ensemble(asked, volume.series, repeats=3, seed=0)
    assert any("liver lies to the right" in note for note in plan.notes)
    assert not any(m.augmentation.flip_columns or m.augmentation.flip_rows for m in plan.members)


def test_colour_without_flips_or_words_has_no_second_view() -> None:
    series = replace(phantom().series, colour=True, modality="US")
    asked = [Asked(_Takes(), (PromptWindow("left ventricle", WINDOW),))]
    plan = plan_ensemble(asked, series, repeats=3, seed=0)
    assert len(plan.members) == 1
    assert any("0 of 3 repeats" in note for note in plan.notes)


def test_a_model_that_wants_its_own_window_keeps_it() -> None:
    model = next(m for m in embedded_models() if m.identity.name == "embedded-ct")
    asked = [Asked(model, (PromptWindow("lung", WINDOW),))]
    plan = plan_ensemble(asked, phantom().series, repeats=3, seed=0)
    assert [m.augmentation.flip_columns for m in plan.members] == [False, True]
    assert all(m.augmentation.keeps_window for m in plan.members)
    assert any("embedded-ct wants its own" in note for note in plan.notes)


def test_words_that_the_model_does_not_take_are_left_out() -> None:
    asked = [Asked(_Takes(), (PromptWindow("liver", WINDOW),))]
    words = {"liver": ["hepatic tissue", "liver & spleen"]}
    plan = plan_ensemble(asked, phantom().series, repeats=9, seed=0, wordings=words)
    sent = {text for m in plan.members for _, text in m.augmentation.wording}
    assert sent == {"hepatic tissue"}
    assert any("does not take 1 words" in note for note in plan.notes)
    with pytest.raises(ValueError, match="not asked for"):
        plan_ensemble(asked, phantom().series, repeats=1, seed=0, wordings={"spleen": ["lien"]})


def test_words_never_make_two_targets_one() -> None:
    prompts = (PromptWindow("kidney", WINDOW), PromptWindow("renal", WINDOW))
    asked = [Asked(_Takes(), prompts)]
    plan = plan_ensemble(asked, phantom().series, repeats=8, seed=0, wordings={"kidney": ["renal", "Kidneys"]})
    for member in plan.members:
        sent, names = reworded(prompts, member.augmentation)
        assert len(names) == 2
        assert set(names.values()) == {"kidney", "renal"}
        assert [names[prompt.target] for prompt in sent] == ["kidney", "renal"]


@pytest.mark.parametrize("repeats", [-1, 1])
def test_plans_that_make_no_sense(repeats: int) -> None:
    liver, lung = (Asked(_Takes(), (PromptWindow(name, WINDOW),)) for name in ("liver", "lung"))
    with pytest.raises(ValueError, match="ensemble"):
        plan_ensemble([liver, lung] if repeats > 0 else [liver], phantom().series, repeats=repeats, seed=0)


async def test_a_plan_of_other_models_is_not_run(client: httpx.AsyncClient) -> None:
    with seeing_server(Sight()) as url:
        one, other = (Asked(model_of(url, client, version), BRIGHT) for version in ("1", "2"))
        plan = plan_ensemble([one], phantom().series, repeats=1, seed=0)
        with pytest.raises(ValueError, match="other models"):
            await segment_ensemble(plan, [other], phantom(), compute=Here())
        await client.aclose()


async def test_repeats_are_what_quality_assurance_takes(client: httpx.AsyncClient) -> None:
    volume = phantom()
    with seeing_server(Sight(unsteady=60)) as url:
        asked = [Asked(model_of(url, client), BRIGHT)]
        plan = plan_ensemble(asked, volume.series, repeats=2, seed=1)
        one = these_slices(volume.geometry, [1])
        base = await segment_series(asked[0].model, volume, BRIGHT, compute=Here())
        result = await segment_ensemble(plan, asked, volume, compute=Here(), base=base, slices=one)
        await client.aclose()
    found = result.masks["lung"]
    whole, *repeats = (
        Mask(f"m{n}", "lung", "", volume.series.series_uid, volume.geometry, mask.array, "model@1", "s1")
        for n, mask in enumerate((found.mask, *found.repeats))
    )
    confidence, source = confidence_of(whole, repeats)
    assert source == "agreement of 3 answers"
    assert confidence is not None
    assert found.agreement is not None
    assert confidence < found.agreement.dice, "QA compares all slices, so a sample must not be given to it"


class _Takes(MedImageParse):
    """The contract's own rules of what may be asked, without an endpoint to ask."""

    def __init__(self) -> None:
        super().__init__(EndpointTransport(Endpoint("http://127.0.0.1:9/score"), httpx.AsyncClient()))
